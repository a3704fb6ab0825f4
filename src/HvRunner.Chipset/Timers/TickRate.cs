// A clock signal that ticks a whole number of times a second. Ticks are numbered from the timer queue's zero, and both conversions are
// exact integer arithmetic on the absolute number, so nothing drifts however long a guest runs.

namespace HvRunner.Chipset.Timers;

/// <summary>Ticks and nanoseconds of one signal. Any thread.</summary>
/// <param name="FrequencyHz">Ticks in a second, up to 10^9.</param>
internal readonly record struct TickRate(long FrequencyHz)
{
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>The number of the last tick at or before <paramref name="ns"/>. A whole second is a whole number of ticks, so only the rest rounds.</summary>
    public long TickAt(long ns)
    {
        var (seconds, rest) = Math.DivRem(Math.Max(0, ns), NsPerSecond);
        return (seconds * FrequencyHz) + (rest * FrequencyHz / NsPerSecond);
    }

    /// <summary>The first nanosecond that belongs to <paramref name="tick"/>.</summary>
    public long NsOf(long tick)
    {
        var (seconds, rest) = Math.DivRem(Math.Max(0, tick), FrequencyHz);
        return (seconds * NsPerSecond) + (((rest * NsPerSecond) + FrequencyHz - 1) / FrequencyHz);
    }
}
