using HvRunner.Abstractions;

namespace HvRunner.Fakes;

/// <summary>Time that moves only when a test says so. Timers fire in order of their deadlines, on the thread that advances.</summary>
public sealed class FakeTimerQueue : ITimerQueue
{
    private readonly List<FakeTimer> _timers = [];

    public long NowNs { get; private set; }

    public bool MayFire => ArmedCount != 0;

    public IDeadlineTimer CreateTimer(Action<long> expired)
    {
        var timer = new FakeTimer(this, expired);
        _timers.Add(timer);
        return timer;
    }

    /// <summary>Number of timers that are armed.</summary>
    public int ArmedCount => _timers.Count(timer => timer.DeadlineNs is not null);

    /// <summary>The earliest deadline, or null.</summary>
    public long? NextDeadlineNs => _timers.Min(timer => timer.DeadlineNs);

    /// <summary>Moves time on by <paramref name="ns"/>, firing what falls due at its own deadline.</summary>
    public void Advance(long ns)
    {
        var end = NowNs + ns;
        while (NextDeadlineNs is { } next && next <= end)
        {
            NowNs = Math.Max(NowNs, next);
            var due = _timers.First(timer => timer.DeadlineNs == next);
            due.DeadlineNs = null;
            due.Expired(next);
        }

        NowNs = end;
    }

    /// <summary>Moves time on by <paramref name="ns"/> and fires nothing yet, as a host that is late; the next <see cref="Advance"/> fires what is due.</summary>
    public void Jump(long ns) => NowNs += ns;

    private sealed class FakeTimer(FakeTimerQueue owner, Action<long> expired) : IDeadlineTimer
    {
        public Action<long> Expired { get; } = expired;

        public long? DeadlineNs { get; set; }

        public void Arm(long deadlineNs) => DeadlineNs = deadlineNs;

        public void Disarm() => DeadlineNs = null;

        public void Dispose() => owner._timers.Remove(this);
    }
}
