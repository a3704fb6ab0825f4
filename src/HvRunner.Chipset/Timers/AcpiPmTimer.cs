// The ACPI power management timer (ACPI 6.5, section 4.8.3.3 "Power Management Timer", PM_TMR_BLK): a free-running counter of 24 or 32
// bits at 3.579545 MHz, read as one 32-bit port. In the 24-bit form the upper byte reads 0.
//
// Its carry status, TMR_STS, belongs to the PM1 event registers (AcpiPm1Block): it rises each time that the counter's highest bit
// changes. The count is computed from the time when somebody looks; nothing ticks. Narrower reads give their part of the present count,
// writes are dropped. The counter starts at 0 and goes on over a snapshot.

using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <summary>The timer, 4 ports. Accesses come from vCPU threads.</summary>
public sealed class AcpiPmTimer : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 4;

    /// <summary>Counts in a second.</summary>
    public const long FrequencyHz = 3_579_545;

    private const byte StateVersion = 1;

    private static readonly TickRate Rate = new(FrequencyHz);

    // Configuration.
    private readonly int _bits;

    // Wiring.
    private readonly ITimerQueue _queue;
    private readonly Lock _lock = new();

    // Volatile state. The count is the queue's tick number plus this; as a 63-bit number it never wraps.
    private long _offset;

    /// <summary>Makes the timer, counting from 0.</summary>
    /// <param name="queue">Guest time.</param>
    /// <param name="is32Bit">32 bits, which the FADT has to say (TMR_VAL_EXT); else 24.</param>
    public AcpiPmTimer(ITimerQueue queue, bool is32Bit)
    {
        _queue = queue;
        _bits = is32Bit ? 32 : 24;
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "pm-timer";

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        Span<byte> bytes = stackalloc byte[2 * RegionSize];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)Count() & ((1UL << _bits) - 1));
        data.Fill(0xff);
        bytes[(int)offset..RegionSize][..Math.Min(data.Length, RegionSize - (int)offset)].CopyTo(data);
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data) => offset < RegionSize ? IoStatus.Ok : IoStatus.Unclaimed;

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _offset = -Rate.TickAt(_queue.NowNs);
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Begin(Name, StateVersion);
        writer.Int64(Count());
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Begin(Name, StateVersion);
        var count = reader.Int64();
        if (count is < 0 or > long.MaxValue / 2)
        {
            throw new StateFormatException($"saved state of '{Name}' holds the count {count}, which no guest reaches");
        }

        lock (_lock)
        {
            _offset = count - Rate.TickAt(_queue.NowNs);
        }
    }

    /// <summary>How often the highest bit has changed since the count was 0. Any thread.</summary>
    internal long Carries() => Count() >> (_bits - 1);

    /// <summary>When it changes for the <paramref name="carries"/>-th time, in nanoseconds of the queue. Any thread.</summary>
    internal long NsOfCarry(long carries)
    {
        lock (_lock)
        {
            return Rate.NsOf((carries << (_bits - 1)) - _offset);
        }
    }

    private long Count()
    {
        lock (_lock)
        {
            return Rate.TickAt(_queue.NowNs) + _offset;
        }
    }
}
