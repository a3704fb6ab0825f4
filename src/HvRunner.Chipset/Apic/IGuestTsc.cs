using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// How one vCPU's time stamp counter and the nanoseconds of <see cref="ITimerQueue.NowNs"/> go together. Members may be called from any thread,
/// allocate nothing and never throw.
/// </summary>
public interface IGuestTsc
{
    /// <summary>What RDTSC gives now.</summary>
    ulong Now { get; }

    /// <summary>The first nanosecond at which the counter is at least <paramref name="tsc"/>; <see cref="long.MaxValue"/> when that is out of range.</summary>
    long DeadlineNs(ulong tsc);
}
