namespace HvRunner.Abstractions;

/// <summary>
/// A vCPU that can say how its time-stamp counter and guest time go together, which a local APIC in the machine needs for its TSC deadline. Found
/// with <c>is</c> on an <see cref="IVcpu"/>. Members may be called from any thread, allocate nothing and never throw.
/// </summary>
public interface IVcpuTimestamp
{
    /// <summary>The guest has set the counter: every deadline is another moment now. Raised on the vCPU's thread.</summary>
    event Action? TimestampMoved;

    /// <summary>What RDTSC gives now.</summary>
    ulong Timestamp { get; }

    /// <summary>The first nanosecond of the machine's <see cref="ITimerQueue"/> at which the counter is at least <paramref name="timestamp"/>; <see cref="long.MaxValue"/> for never.</summary>
    long DeadlineNs(ulong timestamp);
}
