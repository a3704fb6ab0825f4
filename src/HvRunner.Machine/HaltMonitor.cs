using HvRunner.Abstractions;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>
/// Finds the machine that will never run again: every vCPU halted or never started, and nothing that could wake one. With interrupts off that is an
/// interrupt controller set to deliver what they do not hold back; with interrupts on also an interrupt that waits, a timer that is armed, and a device
/// that the host could still move. A hypervisor with its own interrupt controllers says nothing when a vCPU halts, so the monitor asks: when
/// no vCPU has left the guest on its own since the last look, it kicks them all, and each reports what it is doing. Two rounds in a row must agree,
/// because in one a vCPU could still wake another that had reported before it. Then, at the end of the first, nobody was doing anything, and no interrupt was
/// under way. Between the two every vCPU is back in the hypervisor for an interval: what that holds for one until its next entry, it has given it by then.
/// </summary>
/// <param name="vcpus">The machine's vCPUs.</param>
/// <param name="irqchip">The hypervisor's interrupt controllers, or null.</param>
/// <param name="control">Takes the verdict.</param>
/// <param name="deviceMayInterrupt">A timer is armed, or the host could make a device interrupt. What it says holds until a vCPU accesses a device. Any thread.</param>
internal sealed class HaltMonitor(IReadOnlyList<IVcpu> vcpus, IInKernelIrqchip? irqchip, RunControl control, Func<bool> deviceMayInterrupt)
{
    /// <summary>Time between two looks; a halt is found by the third of them at the latest, within 200 ms.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(40);

    private const int RoundsNeeded = 2;

    private readonly Lock _gate = new();
    private readonly bool[] _reported = new bool[vcpus.Count];
    private readonly long[] _entries = new long[vcpus.Count];
    private long _lastExits = -1;
    private int _missing;
    private int _rounds;
    private bool _allHalted;
    private bool _interruptsOn;
    private bool _deviceMayInterrupt;

    /// <summary>One look; called every <see cref="Interval"/> by the thread that waits for the run's end.</summary>
    internal void Look()
    {
        // Before the exits are counted: a timer that is armed later is armed by one.
        var mayInterrupt = deviceMayInterrupt();
        lock (_gate)
        {
            var exits = Exits();
            var quiet = exits == _lastExits;
            _lastExits = exits;
            if (!quiet || _missing != 0)
            {
                // Somebody works, or has not even answered the last round: a vCPU that waits for the host is not halted.
                _allHalted &= quiet;
                return;
            }

            _rounds = _allHalted ? _rounds : 0;
            _deviceMayInterrupt = mayInterrupt || (_deviceMayInterrupt && _rounds != 0);
            BeginRound();
        }

        KickAll();
    }

    /// <summary>In place of <see cref="Look"/> while the machine is paused: whatever was found before says nothing of what comes after.</summary>
    internal void Forget()
    {
        lock (_gate)
        {
            _lastExits = -1;
            _missing = 0;
            _rounds = 0;
        }
    }

    /// <summary>Does what wakes a vCPU from outside; whoever has said in this round that nothing could is not believed.</summary>
    internal void Wake(Action wake)
    {
        lock (_gate)
        {
            wake();
            _allHalted = false;
        }
    }

    /// <summary>This vCPU was asked and has not answered yet. Kicks have other reasons too.</summary>
    internal bool IsAsking(int index)
    {
        lock (_gate)
        {
            return _missing != 0 && !_reported[index];
        }
    }

    /// <summary>A vCPU's answer to a kick, on its own thread.</summary>
    internal void Report(int index, VcpuActivity activity)
    {
        lock (_gate)
        {
            if (_missing == 0 || _reported[index])
            {
                return;
            }

            _reported[index] = true;
            _allHalted &= activity.WaitingForSipi || (activity.Halted && !activity.NonMaskableWake && (!activity.InterruptsEnabled || CannotBeInterrupted(activity)));
            _allHalted &= _rounds == 0 || activity.Entries == _entries[index];
            _entries[index] = activity.Entries;
            _interruptsOn |= activity.InterruptsEnabled && !activity.WaitingForSipi;
            _allHalted &= --_missing != 0 || Exits() == _lastExits;
            if (_missing != 0 || !_allHalted || ++_rounds < RoundsNeeded)
            {
                return;
            }

            _rounds = 0;
        }

        if (irqchip is null || !irqchip.CanDeliverNonMaskable())
        {
            control.End(new Verdict(VerdictKind.Halted, _interruptsOn
                ? "every vCPU is halted, no timer is armed and no input can come: nothing can wake one"
                : "every vCPU is halted with interrupts off, and nothing can wake one"));
        }
    }

    private bool CannotBeInterrupted(in VcpuActivity activity) => !activity.InterruptWake && !_deviceMayInterrupt;

    private long Exits()
    {
        long exits = 0;
        for (var i = 0; i < vcpus.Count; i++)
        {
            exits += vcpus[i].Counts.OfGuest;
        }

        return exits;
    }

    private void BeginRound()
    {
        Array.Clear(_reported);
        _missing = vcpus.Count;
        _allHalted = true;
        _interruptsOn = false;
    }

    private void KickAll()
    {
        for (var i = 0; i < vcpus.Count; i++)
        {
            vcpus[i].Kick();
        }
    }
}
