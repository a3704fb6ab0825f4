using System.CommandLine;
using System.Diagnostics;
using HvRunner.Abstractions;

namespace HvRunner.Cli;

/// <summary>The <c>hvrun</c> command: parses the command line and hands over to the command that was named.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        var start = Stopwatch.GetTimestamp();

        // Words behind "--" belong to the guest; the parser must not look at them.
        var split = Array.IndexOf(args, "--");
        IReadOnlyList<string> words = split < 0 ? [] : args[(split + 1)..];
        var root = new RootCommand("hvrun boots a kernel in a virtual machine and ends with a verdict, never a hang.");
        root.Subcommands.Add(DemoCommand.Create(start));
        root.Subcommands.Add(RunCommand.Create(words, start));
        root.Subcommands.Add(InspectCommand.Create());
        root.Subcommands.Add(DoctorCommand.Create());
        var result = root.Parse(split < 0 ? args : args[..split]);
        if (result.Errors.Count == 0)
        {
            return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }

        var faults = result.Errors.Select(error => new InputFault(InputFaultKind.Usage, error.Message)).ToList();
        return Ending.Tell(faults);
    }
}
