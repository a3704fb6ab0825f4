using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <content>
/// One of several vCPUs: it runs on its own thread while it is its turn. A turn ends after a number of instructions, when the vCPU goes to sleep, or when it
/// sends another something to look at. Who has no turn answers kicks all the same, so a paused machine stands still as a whole.
/// </content>
internal sealed partial class SoftVcpu
{
    /// <summary>Instructions of one turn, where others wait.</summary>
    internal const long TurnInstructions = 5 * SliceInstructions;

    private readonly SoftTurns? _turns;
    private readonly IReadOnlyList<SoftVcpu> _siblings;

    // Made once: asking must not allocate.
    private readonly Func<bool> _isKicked;

    // It has woken another, which is to have its turn at once. Its own thread.
    private bool _yields;

    // It answers a kick, so what it does now is the host's doing. Its own thread.
    private bool _answers;

    // While it sleeps: what could wake it. Read by whoever finds that all sleep.
    private bool _sleepsWithInterrupts;
    private bool _nonMaskableMayCome;

    private enum Slept
    {
        /// <summary>Time went on, or somebody asked for it: it looks again.</summary>
        NoMore,

        /// <summary>Its turn is over.</summary>
        Passed,

        /// <summary>Nothing will ever wake any vCPU.</summary>
        ForEver,
    }

    private void Kick(SoftTurns turns)
    {
        _kicked = true;
        Awaken(turns.Wake(Index));
        if (turns.Holder is >= 0 and var holder && Volatile.Read(ref _siblings[holder]._thread) == Environment.CurrentManagedThreadId && !_siblings[holder]._answers)
        {
            // By the guest's own doing, in the middle of an instruction, which ends first; then whoever was kicked comes, this one or another.
            _siblings[holder]._yields |= holder != Index;
            _siblings[holder]._processor.LeaveSoon();
            return;
        }

        Signal();
    }

    /// <summary>Its thread looks whether it was kicked or has the turn.</summary>
    private void Signal()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    private void Awaken(int vcpu)
    {
        if (vcpu >= 0)
        {
            _siblings[vcpu].Signal();
        }
    }

    private VcpuExit LoopInTurns(IExitHandler handler, SoftTurns turns)
    {
        Awaken(turns.Join());
        try
        {
            while (WaitForTurn(handler, turns))
            {
                if (TakeTurn(handler, turns) is { } end)
                {
                    return end;
                }
            }

            return new VcpuExit(VcpuExitKind.Stopped);
        }
        finally
        {
            Awaken(turns.Leave(Index));
        }
    }

    /// <summary>False when it is to stop.</summary>
    private bool WaitForTurn(IExitHandler handler, SoftTurns turns)
    {
        while (true)
        {
            lock (_gate)
            {
                while (!_stopRequested && !_kicked && turns.Holder != Index)
                {
                    Monitor.Wait(_gate);
                }
            }

            if (_stopRequested)
            {
                return false;
            }

            if (!_kicked)
            {
                return true;
            }

            Answer(handler);
        }
    }

    /// <summary>Runs until the turn is over. Non-null when the vCPU's run is.</summary>
    private VcpuExit? TakeTurn(IExitHandler handler, SoftTurns turns)
    {
        _clock?.SwitchTo(_processor);
        _yields = false;
        var end = _processor.InstructionsRetired + TurnInstructions;
        while (!_stopRequested)
        {
            if (_kicked)
            {
                Answer(handler);
                continue;
            }

            if (Prepare(handler, out var waitsForWindow, out var nonMaskableMayCome) is { } refused)
            {
                return refused;
            }

            if (Sleeps)
            {
                switch (SleepInTurn(turns, nonMaskableMayCome))
                {
                    case Slept.NoMore:
                        continue;
                    case Slept.Passed:
                        return null;
                    default:
                        return new VcpuExit(VcpuExitKind.Halted, "every vCPU is halted, no timer is armed that could wake one, and no input is left");
                }
            }

            // A timer may have woken another.
            if (!_yields && RunSlice(waitsForWindow) is { } exit)
            {
                return exit;
            }

            if (_yields || _processor.InstructionsRetired >= end)
            {
                Awaken(turns.Pass(Index, ran: true));
                return null;
            }
        }

        return null;
    }

    private Slept SleepInTurn(SoftTurns turns, bool nonMaskableMayCome)
    {
        _sleepsWithInterrupts = !_waitsForStart && (_processor.Rflags & InterruptFlag) != 0;
        _nonMaskableMayCome = nonMaskableMayCome;
        if (_clock is not null && !turns.OthersWait(Index) && !_kicked)
        {
            // All sleep, so time goes to where something happens.
            turns.Restart();
            var interruptsEnabled = Any(static vcpu => vcpu._sleepsWithInterrupts);
            var input = interruptsEnabled ? _clock.Idle?.Invoke() ?? IdleAnswer.Nothing : IdleAnswer.Nothing;
            if (input == IdleAnswer.InputCame || _kicked)
            {
                return Slept.NoMore;
            }

            var next = _clock.NextDeadlineNs;
            if (next != long.MaxValue && (interruptsEnabled || Any(static vcpu => vcpu._nonMaskableMayCome)))
            {
                _clock.SkipTo(next);
                return Slept.NoMore;
            }

            if (input != IdleAnswer.InputMayCome && !turns.OthersWait(Index))
            {
                return Slept.ForEver;
            }
        }

        if (!turns.Sleep(Index, _isKicked))
        {
            return Slept.NoMore;
        }

        Awaken(turns.Pass(Index, ran: false));
        return Slept.Passed;
    }

    private bool Any(Func<SoftVcpu, bool> condition)
    {
        for (var i = 0; i < _siblings.Count; i++)
        {
            if (condition(_siblings[i]))
            {
                return true;
            }
        }

        return false;
    }
}
