using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <summary>
/// The timers of a <see cref="VirtualClock"/>: no thread, no lock. What is due fires in the order of the deadlines, and of the timers' making where two
/// are equal. A machine has a handful of timers, so they stand in a plain list that is scanned.
/// </summary>
internal sealed class VirtualTimerQueue(VirtualClock clock) : ITimerQueue
{
    /// <summary>
    /// The furthest deadline, some 146 years: what is armed for later never fires. A guest may ask for any, and time that jumped to the end of its range
    /// would go on below zero.
    /// </summary>
    internal const long FurthestNs = 1L << 62;

    private const long Disarmed = long.MaxValue;

    private readonly List<Deadline> _deadlines = [];

    public long NowNs => clock.NowNs;

    /// <summary>The earliest deadline, or <see cref="long.MaxValue"/>.</summary>
    internal long NextDeadlineNs => Earliest()?.AtNs ?? Disarmed;

    public IDeadlineTimer CreateTimer(Action<long> expired)
    {
        var deadline = new Deadline(this, expired);
        _deadlines.Add(deadline);
        return deadline;
    }

    /// <summary>Calls what has passed at <paramref name="nowNs"/>; a callback that arms its timer for the past is called again.</summary>
    internal void FireDue(long nowNs)
    {
        while (Earliest() is { } due && due.AtNs <= nowNs)
        {
            var atNs = due.AtNs;
            due.AtNs = Disarmed;
            due.Expired(atNs);
        }
    }

    private Deadline? Earliest()
    {
        Deadline? earliest = null;
        var atNs = Disarmed;
        for (var i = 0; i < _deadlines.Count; i++)
        {
            if (_deadlines[i].AtNs < atNs)
            {
                earliest = _deadlines[i];
                atNs = earliest.AtNs;
            }
        }

        return earliest;
    }

    /// <summary>The processor may be under way to a later deadline: it has to leave and look again.</summary>
    private void Armed() => clock.Processor?.LeaveSoon();

    private sealed class Deadline(VirtualTimerQueue queue, Action<long> expired) : IDeadlineTimer
    {
        internal Action<long> Expired { get; } = expired;

        internal long AtNs { get; set; } = Disarmed;

        public void Arm(long deadlineNs)
        {
            AtNs = deadlineNs > FurthestNs ? Disarmed : deadlineNs;
            queue.Armed();
        }

        public void Disarm() => AtNs = Disarmed;

        public void Dispose() => queue._deadlines.Remove(this);
    }
}
