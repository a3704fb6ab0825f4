using System.CommandLine;
using HvRunner.Launch;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Cli;

/// <summary><c>hvrun run</c>: boots a kernel.</summary>
internal sealed class RunCommand
{
    private readonly RunOptions _options = new();
    private readonly IReadOnlyList<string> _words;
    private readonly long _start;

    internal RunCommand(IReadOnlyList<string> words, long start)
    {
        _words = words;
        _start = start;
        Command = new Command("run", "Boots a kernel. The guest's first serial port is standard output; hvrun's own words go to standard error.");
        _options.AddTo(Command);
        Command.SetAction(Execute);
    }

    internal Command Command { get; }

    /// <summary>Runs what was parsed, or tells everything that is wrong with it: what the parser found, the values, and the files.</summary>
    internal int Execute(ParseResult result)
    {
        var report = NewReport(_start);
        var faults = new Faults();
        foreach (var error in result.Errors)
        {
            faults.Usage(error.Message);
        }

        var request = _options.Read(result, _words, faults);
        using var session = new RunSession(request, faults, report);
        return Execute(session);
    }

    internal static RunReport NewReport(long start) => new()
    {
        Version = HvRunVersion.Text,
        Verdict = new Verdict(VerdictKind.Internal),
        StartTimestamp = start,
    };

    /// <summary>Runs, writes the report in either case, and tells the end.</summary>
    internal static int Execute(RunSession session)
    {
        try
        {
            session.Run();
            WriteReport(session.ReportPath, session.Report);
            return Ending.Tell(session.Report.Verdict, session.Report.Outcome?.PostMortem);
        }
        catch (Exception exception)
        {
            var verdict = Ending.VerdictOf(exception);
            WriteReport(session.ReportPath, session.Report with { Verdict = verdict with { Sentence = exception.Message } });
            return Ending.Tell(exception, verdict);
        }
        finally
        {
            session.Ended();
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
            using var file = OutputFile.Open("--report", path);
            OutputFile.Empty(file);
            using var buffered = new BufferedStream(file);
            RunReportJson.Write(buffered, report);
        }
        catch (Exception exception) when (exception is Abstractions.InvalidInputException or IOException)
        {
            StandardError.Words.WriteLine($"hvrun: {exception.Message}");
        }
    }
}
