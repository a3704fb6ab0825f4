using System.CommandLine;
using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine.Verdicts;
using HvRunner.Testing.Cases;
using HvRunner.Testing.Results;
using HvRunner.Testing.Scripts;

namespace HvRunner.Cli;

/// <summary><c>hvrun test</c>: runs scripted VM tests. Status 0: all passed; 1: a case failed; 64 to 77: nothing ran, and why; 130: interrupted.</summary>
internal sealed class TestCommand
{
    private const int CaseFailed = 1;

    // For running cases to end and to leave their folders whole.
    private static readonly TimeSpan InterruptionGrace = TimeSpan.FromSeconds(3);

    private readonly TestOptions _options = new();

    internal TestCommand()
    {
        Command = new Command("test", "Runs scripted VM tests: *.vmtest.yaml files, and all of them below a folder. Prints a line for each case and a summary.");
        _options.AddTo(Command);
        Command.SetAction(Execute);
    }

    internal Command Command { get; }

    /// <summary>Runs what was parsed, or tells everything that is wrong with it and with the scripts.</summary>
    internal int Execute(ParseResult result)
    {
        try
        {
            return Run(result);
        }
        catch (InvalidInputException exception)
        {
            return Ending.Tell(exception.Faults, "test ");
        }
        catch (Exception exception)
        {
            return Ending.Tell(exception, Ending.VerdictOf(exception));
        }
    }

    private int Run(ParseResult result)
    {
        var faults = new Faults();
        foreach (var error in result.Errors)
        {
            faults.Usage(error.Message);
        }

        var request = _options.Read(result, faults);
        var checker = new RunOptionChecker(request.Defaults);
        var loaded = ScriptLoader.Load(request.Paths, checker);
        faults.Add(loaded.Faults.Select(AsInput));
        faults.ThrowIfAny();
        var cases = request.Selection.Of(loaded.Cases);
        if (request.IsList)
        {
            StandardOutput.Write(string.Concat(cases.Select(one => $"{one.Id}\n")));
            return 0;
        }

        if (cases.Count == 0 && request.Selection.Shard is null)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--filter: expected a part of the name of one of {loaded.Cases.Count} cases, found '{request.Selection.Filter}'.");
        }

        var suite = new TestSuite(cases, checker, request.Artifacts, request.Jobs);
        faults.Add(suite.Check().Select(AsInput));
        using var reports = new TestReports(request, faults);
        faults.ThrowIfAny();
        reports.Empty();
        return Run(suite, reports, cases.Count);
    }

    private static InputFault AsInput(ScriptFault fault) => new(fault.Kind, fault.ToString());

    private static int Run(TestSuite suite, TestReports reports, int count)
    {
        using var interruption = new CancellationTokenSource();
        var lastResort = new LastResort(() => new Verdict(VerdictKind.Interrupted), () => { });
        Signals.EndWith(_ =>
        {
            lastResort.EndAfter(InterruptionGrace);
            StandardError.Hurry();
            interruption.Cancel();
        });
        using var output = new TestOutput(suite, count);
        var results = suite.Run(output.Ended, interruption.Token);
        reports.Write(results);
        output.Finish(results);
        lastResort.Ended();
        return interruption.IsCancellationRequested ? (int)VerdictKind.Interrupted
            : results.Any(one => one.Outcome == TestOutcome.Failed) ? CaseFailed
            : 0;
    }
}
