using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft;

/// <summary>
/// Guest time that no host can disturb: a function of instructions retired and of device accesses. One instruction is one nanosecond, each access to a
/// port or to device memory takes a microsecond besides, as on an ISA bus, and while the processor sleeps time jumps to the next deadline. Without
/// the microsecond a guest that polls a device for a time would do so thousands of times as often as on any machine.
/// Timers fire on the vCPU's thread, between two instructions, at their exact nanosecond; one that falls due during an access, behind the instruction.
/// Together with input that is pulled where the guest asks for it (<see cref="Idle"/>), two runs of one guest are the same in everything. One thread
/// at a time: the builder's, then the vCPU's.
/// </summary>
public sealed class VirtualClock
{
    /// <summary>What an access to a device takes: a cycle of the ISA bus, roughly.</summary>
    internal const long AccessNs = 1_000;

    private readonly VirtualTimerQueue _timers;

    // What went by without instructions: sleep and accesses.
    private long _besidesNs;

    /// <summary>Makes a clock at 0 ns.</summary>
    /// <param name="start">What the wall clock shows at 0 ns; null for <see cref="DefaultStart"/>.</param>
    public VirtualClock(DateTimeOffset? start = null)
    {
        _timers = new VirtualTimerQueue(this);
        WallClock = new GuestTimeProvider(this, start ?? DefaultStart);
    }

    /// <summary>Where the wall clock starts: midnight, 1 January 2000, UTC.</summary>
    public static DateTimeOffset DefaultStart { get; } = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The machine's timer queue.</summary>
    public ITimerQueue Timers => _timers;

    /// <summary>The machine's wall clock: it advances with guest time.</summary>
    public TimeProvider WallClock { get; }

    /// <summary>
    /// Called on the vCPU's thread when the guest sleeps with interrupts on and nothing is due: the one moment at which input may come in. It may wait for the
    /// host; guest time stands still meanwhile. Null: there never is any.
    /// </summary>
    public Func<IdleAnswer>? Idle { get; set; }

    /// <summary>Guest time in nanoseconds; to the basic block while the processor runs.</summary>
    public long NowNs => _besidesNs + (Processor?.InstructionsRetired ?? 0);

    /// <summary>Counts the time: the processor that runs.</summary>
    internal Processor? Processor { get; private set; }

    /// <summary>This processor runs from now on; time goes on from where the one before left it. Each vCPU's time is that of all of them, so none ever sees it go back.</summary>
    internal void SwitchTo(Processor processor)
    {
        _besidesNs += (Processor?.InstructionsRetired ?? 0) - processor.InstructionsRetired;
        Processor = processor;
    }

    /// <summary>The next deadline, or <see cref="long.MaxValue"/>.</summary>
    internal long NextDeadlineNs => _timers.NextDeadlineNs;

    /// <summary>Fires what is due.</summary>
    internal void FireDue() => _timers.FireDue(NowNs);

    /// <summary>The processor sleeps until then.</summary>
    internal void SkipTo(long deadlineNs) => _besidesNs += Math.Max(0, deadlineNs - NowNs);

    /// <summary>The processor accesses a device; it sees the time at the access's end.</summary>
    internal void Access()
    {
        _besidesNs += AccessNs;
        Processor?.ShortenRun(AccessNs);
    }

    private sealed class GuestTimeProvider(VirtualClock clock, DateTimeOffset start) : TimeProvider
    {
        private const long NsPerTick = 100;

        public override DateTimeOffset GetUtcNow() => start.AddTicks(clock.NowNs / NsPerTick);
    }
}

/// <summary>What an idle guest may expect of its input.</summary>
public enum IdleAnswer
{
    /// <summary>Nothing: there is none left, or the guest takes none.</summary>
    Nothing,

    /// <summary>Some has just come in.</summary>
    InputCame,

    /// <summary>Some may come from another thread, which kicks the vCPU; this gives determinism up.</summary>
    InputMayCome,
}
