// The 8254's CLK input on a PC: 14.31818 MHz / 12, taken as 1,193,182 Hz. Ticks are numbered from the timer queue's zero, and both
// conversions are exact integer arithmetic on the absolute number, so nothing drifts however long a guest runs.

namespace HvRunner.Chipset.Timers;

internal static class PitClock
{
    public const long FrequencyHz = 1_193_182;

    private const long NsPerSecond = 1_000_000_000;

    /// <summary>The number of the last tick at or before <paramref name="ns"/>. A whole second is a whole number of ticks, so only the rest rounds.</summary>
    public static long TickAt(long ns)
    {
        var (seconds, rest) = Math.DivRem(Math.Max(0, ns), NsPerSecond);
        return (seconds * FrequencyHz) + (rest * FrequencyHz / NsPerSecond);
    }

    /// <summary>The first nanosecond that belongs to <paramref name="tick"/>.</summary>
    public static long NsOf(long tick)
    {
        var (seconds, rest) = Math.DivRem(Math.Max(0, tick), FrequencyHz);
        return (seconds * NsPerSecond) + (((rest * NsPerSecond) + FrequencyHz - 1) / FrequencyHz);
    }
}
