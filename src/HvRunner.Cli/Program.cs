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
        try
        {
            StandardError.OccupyClosedStreams();
            return Execute(args, start);
        }
        catch (Exception exception)
        {
            return Ending.Tell(exception, Ending.VerdictOf(exception));
        }
    }

    private static int Execute(string[] args, long start)
    {
        // Words behind "--" belong to the guest; the parser must not look at them.
        var split = Array.IndexOf(args, "--");
        IReadOnlyList<string> words = split < 0 ? [] : args[(split + 1)..];
        var root = new RootCommand("hvrun boots a kernel in a virtual machine and ends with a verdict, never a hang.");
        root.Subcommands.Add(DemoCommand.Create(start));
        var run = new RunCommand(words, start);
        root.Subcommands.Add(run.Command);
        root.Subcommands.Add(InspectCommand.Create());
        root.Subcommands.Add(DoctorCommand.Create());
        var test = new TestCommand();
        root.Subcommands.Add(test.Command);

        // A word that begins with @ is a word, not a file of further arguments.
        var result = root.Parse(split < 0 ? args : args[..split], new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Errors.Count == 0)
        {
            using var help = new StringWriter();
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = help,
                Error = StandardError.Words,
            };
            var status = result.Invoke(configuration);
            if (help.GetStringBuilder().Length != 0)
            {
                StandardOutput.Write(help.ToString());
            }

            return status;
        }

        if (result.CommandResult.Command == run.Command)
        {
            return run.Execute(result);
        }

        if (result.CommandResult.Command == test.Command)
        {
            return test.Execute(result);
        }

        var commands = string.Join(", ", root.Subcommands.Select(command => command.Name));
        var isNoCommand = result.CommandResult.Command == root;
        return Ending.Tell([.. result.Errors.Select(error => new InputFault(
            InputFaultKind.Usage, isNoCommand ? $"expected one of the commands {commands}: {error.Message}" : error.Message))],
            isNoCommand ? string.Empty : $"{result.CommandResult.Command.Name} ");
    }
}
