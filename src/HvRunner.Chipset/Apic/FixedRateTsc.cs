using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>A time stamp counter that counts at one rate from zero at the timer queue's zero. Both directions are exact integer arithmetic.</summary>
public sealed class FixedRateTsc : IGuestTsc
{
    private const ulong NsPerSecond = 1_000_000_000;

    private readonly ITimerQueue _queue;
    private readonly ulong _frequencyHz;

    /// <summary>Makes the counter.</summary>
    /// <param name="queue">Guest time.</param>
    /// <param name="frequencyHz">Ticks a second.</param>
    public FixedRateTsc(ITimerQueue queue, long frequencyHz)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(frequencyHz);
        _queue = queue;
        _frequencyHz = (ulong)frequencyHz;
    }

    /// <inheritdoc/>
    public ulong Now => (ulong)((UInt128)(ulong)Math.Max(0, _queue.NowNs) * _frequencyHz / NsPerSecond);

    /// <inheritdoc/>
    public long DeadlineNs(ulong tsc)
    {
        var ns = (((UInt128)tsc * NsPerSecond) + _frequencyHz - 1) / _frequencyHz;
        return ns > long.MaxValue ? long.MaxValue : (long)ns;
    }
}
