// The 8254's CLK input on a PC: 14.31818 MHz / 12, taken as 1,193,182 Hz.

namespace HvRunner.Chipset.Timers;

internal static class PitClock
{
    public const long FrequencyHz = 1_193_182;

    private static readonly TickRate Rate = new(FrequencyHz);

    /// <summary>The number of the last tick at or before <paramref name="ns"/>.</summary>
    public static long TickAt(long ns) => Rate.TickAt(ns);

    /// <summary>The first nanosecond that belongs to <paramref name="tick"/>.</summary>
    public static long NsOf(long tick) => Rate.NsOf(tick);
}
