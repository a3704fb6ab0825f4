using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Launch;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;
using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Ktap;
using HvRunner.Testing.Machines;
using HvRunner.Testing.Results;
using HvRunner.Testing.Scripts;
using Serilog.Core;

namespace HvRunner.Testing.Cases;

/// <summary>
/// Runs one case from its script to its result. It always comes to an end: every wait in it has a limit, and a guest that the host does not
/// give back is left behind. One thread a case; cases share nothing.
/// </summary>
internal sealed class CaseRunner
{
    private const int ConsoleTailLines = 20;

    // For a guest that was told to end: to say its last words, and to be out.
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    private readonly ScriptCase _case;
    private readonly CaseArtifacts _artifacts;
    private readonly CaseProgress _progress;
    private readonly RunSettings _settings;
    private readonly string _runLine;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly SubCaseList _subCases = new();
    private readonly CaseMarks _marks;
    private RunReport? _report;

    private CaseRunner(ScriptCase one, CaseArtifacts artifacts, CaseProgress progress, RunOptionChecker options)
    {
        _case = one;
        _artifacts = artifacts;
        _progress = progress;
        _settings = options.SettingsOf(one);
        _runLine = RunLine.Of(one, options.OptionsOf(one), _settings.Hypervisor.IsSoft);
        _marks = new CaseMarks(one.Script.Steps, _start);
    }

    /// <summary>Runs a case. Throws nothing for what a guest or a host does: that is a result.</summary>
    /// <param name="one">The case; its options were found right.</param>
    /// <param name="options">Knows them.</param>
    /// <param name="abilities">What the host can do.</param>
    /// <param name="artifactsRoot">Where the case's folder is made.</param>
    /// <param name="progress">Told where it stands.</param>
    /// <param name="interruption">Ends it early.</param>
    internal static CaseResult Run(
        ScriptCase one, RunOptionChecker options, HostAbilities abilities, string artifactsRoot, CaseProgress progress, CancellationToken interruption)
    {
        var runsOn = options.SettingsOf(one).Hypervisor;
        if (one.Script.Requires.Select(required => abilities.WhyNot(required, runsOn)).FirstOrDefault(reason => reason is not null) is { } reason)
        {
            return Nothing(one, options, TestOutcome.Skipped) with { SkipReason = reason };
        }

        try
        {
            using var artifacts = CaseArtifacts.Create(artifactsRoot, one);
            return new CaseRunner(one, artifacts, progress, options).Run(interruption);
        }
        catch (Exception exception)
        {
            // The artifacts cannot be written, or a fault of hvrun's own; either way the case says so and the others go on.
            return Nothing(one, options, TestOutcome.Failed) with { Failure = FailureOf(exception) };
        }
    }

    private static CaseResult Nothing(ScriptCase one, RunOptionChecker options, TestOutcome outcome) =>
        new() { Name = one.FullName, Script = one.Script.Path, Outcome = outcome, RunLine = RunLine.Of(one, options.OptionsOf(one), options.SettingsOf(one).Hypervisor.IsSoft) };

    private static CaseFailure FailureOf(Exception exception) => exception switch
    {
        InvalidInputException input => new CaseFailure { Sentence = input.Faults[0].Sentence, Details = [.. input.Faults.Skip(1).Select(fault => fault.Sentence)] },
        HypervisorException or IOException or UnauthorizedAccessException => new CaseFailure { Sentence = exception.Message },
        _ => new CaseFailure { Sentence = $"a fault of hvrun's own: {exception.Message}", Details = exception.ToString().Split('\n') },
    };

    private CaseResult Run(CancellationToken interruption)
    {
        GuestSession session;
        try
        {
            session = GuestSession.Start(_settings, NewReport(), Logger.None);
        }
        catch (Exception exception)
        {
            return Finish(FailureOf(exception), []);
        }

        using (session)
        {
            using var registration = interruption.Register(() =>
            {
                session.End(new Verdict(VerdictKind.Interrupted, "the tests were interrupted"), postMortem: false);
                session.Nudge();
            });
            CaseFailure? failure;
            try
            {
                failure = Play(session, interruption);
            }
            catch (Exception exception)
            {
                failure = FailureOf(exception);
            }

            return Finish(failure, session.DebugOutput);
        }
    }

    /// <summary>Plays the script to the guest's end; why it failed, or null.</summary>
    private CaseFailure? Play(GuestSession session, CancellationToken interruption)
    {
        var results = new KtapReader(_subCases.Add);
        var console = new ConsoleReader(session, _artifacts.Console, results, new KernelReportReader(WatchedReports(_case.Script)));
        var limit = Deadline.After(_start, _case.Timeout, $"the case's limit of {_case.Timeout.TotalSeconds:0.###} s");
        var steps = new StepRunner(session, console, _subCases, _marks, limit, _progress);
        CaseFailedException? failed = null;
        try
        {
            steps.Run(_case.Script.Steps);
            EndOf(session, steps, console, limit);
        }
        catch (CaseFailedException exception)
        {
            failed = exception;
            var verdict = new Verdict(exception.IsTimeout ? VerdictKind.Timeout : VerdictKind.Interrupted, exception.Message);
            session.End(verdict, postMortem: !interruption.IsCancellationRequested);
        }

        console.Drain(Deadline.After(Stopwatch.GetTimestamp(), LastWords, string.Empty));
        var hasEnded = session.WaitForEnd(EndLimit);
        _report = hasEnded ? session.Report with { Marks = _marks.Since(session.Report.Outcome?.FirstEntryTimestamp) } : null;
        var sentence = interruption.IsCancellationRequested ? "the tests were interrupted"
            : failed is not null ? $"{failed.Message}{LastSecond(failed)}"
            : Judge(session, steps.ExitStatus, console.ResultFaults);
        return sentence is null ? null : new CaseFailure
        {
            Sentence = hasEnded ? sentence : $"{sentence}; the host did not give the guest back, and its threads were left behind",
            Step = steps.Current?.ToString(),
            Line = steps.Current?.Line,
            Details = failed?.Details ?? console.ResultFaults,
            ConsoleTail = session.LastLines(ConsoleTailLines),
            PostMortem = _report?.Outcome?.PostMortem,
        };
    }

    /// <summary>All steps are done: the guest ends by itself, by the script's last word, or at the case's limit.</summary>
    private void EndOf(GuestSession session, StepRunner steps, ConsoleReader console, Deadline limit)
    {
        var expected = _case.Script.Verdicts;
        if (steps.ExitStatus is null && expected.Contains(Verdict.NameOf(VerdictKind.Interrupted)))
        {
            session.End(new Verdict(VerdictKind.Interrupted, "the script has ended"), postMortem: false);
        }

        if (expected.Contains(Verdict.NameOf(VerdictKind.Timeout)))
        {
            // The time limit is what this case waits for.
            if (!console.ReadUntil(limit, isLast: true))
            {
                session.End(new Verdict(VerdictKind.Timeout, $"{limit.Sentence} passed"), postMortem: true);
            }
        }
        else
        {
            steps.WaitForEnd(limit, "waiting for the guest to end");
        }
    }

    /// <summary>What is wrong with how the guest ended, and with the results on its console; null for nothing.</summary>
    private string? Judge(GuestSession session, int? exitStatus, IReadOnlyList<string> resultFaults)
    {
        var verdict = session.Verdict ?? new Verdict(VerdictKind.Internal);
        var found = $"{verdict.Name}{(verdict.Sentence is null ? string.Empty : $" ({verdict.Sentence})")}";
        if (exitStatus is { } status)
        {
            if (verdict.Kind is not (VerdictKind.PowerOff or VerdictKind.GuestStatus) || verdict.Status != status)
            {
                return $"expected the guest to end with status {status}, found the verdict {found}";
            }
        }
        else if (!_case.Script.Verdicts.Contains(verdict.Name))
        {
            return $"expected the verdict {string.Join(" or ", _case.Script.Verdicts)}, found {found}";
        }

        return _subCases.FirstFailed is not { } first ? (resultFaults.Count == 0 ? null : $"the results on the console do not add up: {resultFaults[0]}")
            : $"{_subCases.Counts.Failed} of {_subCases.Counts.Total} sub-cases failed, first '{string.Join(" / ", first.Path)}'{(first.Reason is null ? string.Empty : $": {first.Reason}")}";
    }

    /// <summary>A case that expects a panic expects the oops before it too.</summary>
    private static KernelReportOptions WatchedReports(Script script)
    {
        string[] expected = script.Verdicts.Contains(Verdict.NameOf(VerdictKind.Panic)) ? ["panic", "oops"] : [];
        return new KernelReportOptions
        {
            Names = KernelReportTable.DefaultNames.Union(script.Watch).Except(script.Ignore).Except(expected).ToHashSet(),
            Extra = [.. script.Problems.Select(problem => (ConsoleReader.ProblemName, (KernelReportPattern)problem.ToPattern().IsIn))],
        };
    }

    /// <summary>Whether a guest that was too late was slow or stood still.</summary>
    private string LastSecond(CaseFailedException failed) =>
        failed.IsTimeout && _report?.Outcome is { } outcome ? $"; in its last second the guest made {outcome.LastSecond}" : string.Empty;

    private CaseResult Finish(CaseFailure? failure, byte[] debugOutput)
    {
        var result = new CaseResult
        {
            Name = _case.FullName,
            Script = _case.Script.Path,
            Outcome = failure is null ? TestOutcome.Passed : TestOutcome.Failed,
            Failure = failure,
            Duration = Stopwatch.GetElapsedTime(_start),
            SubCases = _subCases.Kept,
            SubCaseCounts = _subCases.Counts,
            Report = _report,
            RunLine = _runLine,
            Artifacts = failure is null ? null : _artifacts.Folder,
        };
        if (failure is null)
        {
            _artifacts.Remove();
        }
        else
        {
            _artifacts.Keep(result, debugOutput);
        }

        return result;
    }

    private RunReport NewReport() => new()
    {
        Version = typeof(CaseRunner).Assembly.GetName().Version?.ToString(3) ?? string.Empty,
        Verdict = new Verdict(VerdictKind.Internal),
        StartTimestamp = _start,
    };
}
