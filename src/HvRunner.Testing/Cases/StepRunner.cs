using System.Diagnostics;
using System.Globalization;
using System.Text;
using HvRunner.Testing.Machines;
using HvRunner.Testing.Matching;
using HvRunner.Testing.Results;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>Carries out a script's steps, one after another, on one guest. Whatever does not come out as the script says is a <see cref="CaseFailedException"/>.</summary>
internal sealed class StepRunner(GuestSession session, ConsoleReader console, SubCaseList subCases, CaseMarks marks, Deadline caseLimit, CaseProgress progress)
{
    // Something was typed since the last match, so a prompt that was matched before is no longer the shell's last word.
    private bool _typed = true;

    /// <summary>The step that is being carried out, or was when something failed.</summary>
    internal Step? Current { get; private set; }

    /// <summary>The status that the script says the run must end with; null when it says nothing of it.</summary>
    internal int? ExitStatus { get; private set; }

    /// <summary>Runs them all.</summary>
    internal void Run(IReadOnlyList<Step> steps)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            Current = steps[i];
            progress.Enter(steps[i], i + 1, steps.Count);
            Run(steps[i], caseLimit.Or(marks.Limit(i)));
        }

        Current = null;
        progress.Leave();
    }

    private void Run(Step step, Deadline limit)
    {
        switch (step)
        {
            case ExpectStep { All: true } expect:
                ExpectAll(expect, Limit(limit, expect.Within));
                break;
            case ExpectStep expect:
                Expect([.. expect.Patterns.Select(pattern => pattern.ToPattern())], Limit(limit, expect.Within), $"waiting for {Awaited(expect)}");
                break;
            case SendStep send:
                Send(send, limit);
                break;
            case RejectStep reject:
                console.Reject(reject.ToString(), [.. reject.Patterns.Select(pattern => pattern.ToPattern())]);
                break;
            case PauseStep pause:
                Pause(pause, limit);
                break;
            case ResumeStep:
                session.Resume();
                break;
            case WaitStep wait:
                Wait(wait.For, limit, $"waiting {wait.For.TotalSeconds:0.###} s");
                break;
            case NmiStep nmi:
                if (!session.InjectNmi(nmi.Vcpu))
                {
                    throw new CaseFailedException($"vCPU {nmi.Vcpu} cannot be sent an NMI: the machine has no such vCPU, or its hypervisor cannot send one");
                }

                break;
            case MarkStep mark:
                ConsoleReader.ThrowIfPassed(limit, $"reaching the mark '{mark.Name}'");
                marks.Reach(mark);
                break;
            case ForEachStep commands:
                Shell(commands, limit);
                break;
            case ExitStatusStep exit:
                ExitStatus = exit.Status;
                WaitForEnd(Limit(limit, exit.Within), $"waiting for the guest to end with status {exit.Status}");
                break;
            default:
                throw new InvalidOperationException($"no such step: {step}");
        }
    }

    /// <summary>Waits for the guest's own end.</summary>
    internal void WaitForEnd(Deadline limit, string awaited)
    {
        if (!console.ReadUntil(limit, isLast: true))
        {
            ConsoleReader.ThrowIfPassed(limit, awaited);
        }
    }

    private ConsoleMatch Expect(IReadOnlyList<ConsolePattern> patterns, Deadline limit, string awaited)
    {
        _typed = false;
        return console.Await(patterns, limit, awaited) ?? throw new CaseFailedException($"the guest ended {EndOf()}while {awaited}");
    }

    private void Type(byte[] bytes)
    {
        _typed = true;
        session.Send(bytes);
    }

    private void ExpectAll(ExpectStep expect, Deadline limit)
    {
        var missing = expect.Patterns.Select(pattern => pattern.ToPattern()).ToList();
        while (missing.Count != 0)
        {
            var match = Expect(missing, limit, $"waiting for {string.Join(" and ", missing)}");
            missing.RemoveAt(match.PatternIndex);
        }
    }

    private void Send(SendStep send, Deadline limit)
    {
        var bytes = Encoding.UTF8.GetBytes(send.Text);
        if (send.Delay is not { } delay)
        {
            Type(bytes);
            return;
        }

        foreach (var value in bytes)
        {
            Type([value]);
            Wait(delay, limit, $"typing {send}");
        }
    }

    private void Pause(PauseStep pause, Deadline limit)
    {
        if (!session.Pause())
        {
            throw new CaseFailedException("the machine could not be paused: a vCPU did not leave the guest within a second");
        }

        if (pause.For is { } duration)
        {
            Wait(duration, limit, $"pausing {duration.TotalSeconds:0.###} s");
            session.Resume();
        }
    }

    private void Wait(TimeSpan duration, Deadline limit, string awaited)
    {
        var until = Deadline.After(Stopwatch.GetTimestamp(), duration, string.Empty);
        session.IsInputHeld = true;
        var hasEnded = console.ReadUntil(until.Or(limit));
        session.IsInputHeld = false;
        if (hasEnded)
        {
            throw new CaseFailedException($"the guest ended {EndOf()}while {awaited}");
        }

        if (!until.HasPassed)
        {
            ConsoleReader.ThrowIfPassed(limit, awaited);
        }
    }

    /// <summary>
    /// Types each command at the prompt, and then asks the shell for its status: the answer cannot be taken for the echo of the question, where the
    /// status is still spelt $?.
    /// </summary>
    private void Shell(ForEachStep step, Deadline limit)
    {
        var prompt = step.Prompt.ToPattern();
        if (!_typed)
        {
            // The script may have waited for the prompt itself; it still stands there.
            console.BackToLineStart();
        }

        var answer = ConsolePattern.Regex(@"hvrun-status=(\d+)\s");
        foreach (var command in step.Commands)
        {
            progress.Detail($"for each {command}");
            var ownLimit = Limit(limit, command.Within);
            Expect([prompt], ownLimit, $"waiting for the prompt {step.Prompt} to run {command}");
            Type(Encoding.UTF8.GetBytes(command.Run + "\n"));
            if (command.Expect is { } expected)
            {
                Expect([expected.ToPattern()], ownLimit, $"waiting for {expected} from {command}");
            }

            Expect([prompt], ownLimit, $"waiting for {command} to come to its end, at the prompt {step.Prompt}");
            Type("echo hvrun-status=$?\n"u8.ToArray());
            var status = Expect([answer], ownLimit, $"waiting for the status of {command}").Groups[1];
            Judge(command, int.Parse(status.AsSpan(0, Math.Min(status.Length, 9)), CultureInfo.InvariantCulture));
        }
    }

    private void Judge(ShellCommand command, int status)
    {
        var isRight = status == command.Status;
        var reason = isRight ? null : $"expected status {command.Status}, found {status}";
        subCases.Add(new SubCase([command.Run], isRight ? TestOutcome.Passed : TestOutcome.Failed, reason, []));
    }

    private static Deadline Limit(Deadline limit, TimeSpan? within) =>
        within is { } own ? limit.Or(Deadline.After(Stopwatch.GetTimestamp(), own, $"the step's limit of {own.TotalSeconds:0.###} s")) : limit;

    private static string Awaited(ExpectStep expect) => string.Join(" or ", expect.Patterns);

    private string EndOf() => session.Verdict is { } verdict ? $"with the verdict {verdict.Name}{(verdict.Sentence is null ? "" : $" ({verdict.Sentence})")} " : string.Empty;
}
