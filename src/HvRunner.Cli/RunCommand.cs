using System.CommandLine;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary><c>hvrun run</c>: boots a kernel.</summary>
internal static class RunCommand
{
    internal static Command Create(IReadOnlyList<string> words, long start)
    {
        var options = new RunOptions();
        var command = new Command("run", "Boots a kernel. The guest's first serial port is standard output; hvrun's own words go to standard error.");
        options.AddTo(command);
        command.SetAction(result =>
        {
            var report = NewReport(start);
            var faults = new Faults();
            var settings = options.Read(result, words, faults);
            return Execute(report, settings.ReportPath, () =>
            {
                faults.ThrowIfAny();
                return new RunSession(settings).Run(report);
            });
        });
        return command;
    }

    internal static RunReport NewReport(long start) => new()
    {
        Version = HvRunVersion.Text,
        Verdict = new Verdict(VerdictKind.Internal),
        StartTimestamp = start,
    };

    /// <summary>Runs, tells the end, and writes the report in either case.</summary>
    internal static int Execute(RunReport report, string? reportPath, Func<RunReport> run)
    {
        try
        {
            var finished = run();
            WriteReport(reportPath, finished);
            return Ending.Tell(finished.Verdict, finished.Outcome?.PostMortem);
        }
        catch (Exception exception)
        {
            var verdict = Ending.VerdictOf(exception);
            WriteReport(reportPath, report with { Verdict = verdict with { Sentence = exception.Message } });
            return Ending.Tell(exception, verdict);
        }
    }

    private static void WriteReport(string? path, RunReport report)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            using var file = OutputFile.Create("--report", path);
            using var buffered = new BufferedStream(file);
            RunReportJson.Write(buffered, report);
        }
        catch (Exception exception) when (exception is Abstractions.InvalidInputException or IOException)
        {
            Console.Error.WriteLine($"hvrun: {exception.Message}");
        }
    }
}
