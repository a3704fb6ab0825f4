namespace HvRunner.Chipset.Paravirtual;

/// <summary>
/// How a guest turns counts of its time-stamp counter into nanoseconds: shifted left by <see cref="Shift"/>, or right where it is negative, times
/// <see cref="Multiplier"/>, divided by 2^32 (pvclock-abi.h). The multiplier uses all of its 32 bits, so the error is below one part in 2^31.
/// </summary>
internal readonly record struct PvClockRate
{
    private const ulong NsPerSecond = 1_000_000_000;

    /// <summary>The rate of a counter.</summary>
    /// <param name="frequencyHz">Counts a second, at least 1.</param>
    internal PvClockRate(long frequencyHz)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(frequencyHz);
        var hz = (ulong)frequencyHz;
        var shift = 0;
        UInt128 fraction = (UInt128)NsPerSecond << 32;
        while (fraction / hz > uint.MaxValue)
        {
            fraction >>= 1;
            shift++;
        }

        while (fraction / hz <= uint.MaxValue / 2)
        {
            fraction <<= 1;
            shift--;
        }

        (FrequencyHz, Multiplier, Shift) = (frequencyHz, (uint)(fraction / hz), (sbyte)shift);
    }

    /// <summary>Counts a second.</summary>
    internal long FrequencyHz { get; }

    /// <summary>tsc_to_system_mul.</summary>
    internal uint Multiplier { get; }

    /// <summary>tsc_shift.</summary>
    internal sbyte Shift { get; }
}
