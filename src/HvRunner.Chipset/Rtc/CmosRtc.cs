// MC146818A real-time clock with 128 bytes of CMOS RAM at ports 0x70 (index) and 0x71 (data), as on a PC. Data sheet of 1984; the
// RAM's layout is that of PC firmware.
//
// The clock shows UTC. It is the host's clock plus an offset that changes when the guest sets the time. The registers are computed
// when they are read; UIP is up during the last 244 us of each second, as the data sheet's "update in progress" warning, and the
// update itself takes no time. While SET is up the registers stand still and take what is written; when it goes down they become the
// time, each field brought into its range. A write without SET takes effect at once.
//
// The divider in register A (DV) counts or is held in reset; its other settings, for crystals that no PC has, count as the usual one. While
// it is in reset the time stands as well, and the first second after it is half a second long. Interrupts are in CmosRtc.Interrupts.cs.
//
// Absent: square wave and daylight saving, whose bits are storage only. Bit 7 of the index port (NMI mask) has no effect: nothing raises
// an NMI here. There is no battery: power-on is the state after each reset. A wide access is a run of byte accesses, as on the ISA bus.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Rtc;

/// <summary>The clock and its RAM, 2 byte ports from 0x70. Accesses come from vCPU threads, deadlines from the timer queue's thread.</summary>
public sealed partial class CmosRtc : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 2;

    private const byte StateVersion = 2;
    private const byte IndexMask = 0x7f;
    private const ulong UnitBytes = 64 * 1024;
    private const ulong MiB = 1024 * 1024;
    private const int BaseMemoryKiB = 640;
    private const byte MathCoprocessor = 0x02;
    private const long UpdateWarningTicks = 244 * TimeSpan.TicksPerMicrosecond;
    private const long HalfSecondTicks = TimeSpan.TicksPerSecond / 2;

    // Configuration.
    private readonly ulong _ramBytesBelow4G;
    private readonly ulong _ramBytesAbove4G;

    // Wiring.
    private readonly TimeProvider _clock;
    private readonly ITimerQueue _queue;
    private readonly IInterruptLine _irq8;
    private readonly IDeadlineTimer _timer;
    private readonly Lock _lock = new();

    // Volatile state. _stopped is the time while SET is up or the divider in reset.
    private readonly byte[] _ram = new byte[RtcRegister.Count];
    private byte _index;
    private RegisterB _registerB;
    private RtcTime _stopped;
    private long _offsetTicks;

    /// <summary>Makes the clock in its power-on state: the time of <paramref name="clock"/>, in UTC.</summary>
    /// <param name="clock">The host's time of day.</param>
    /// <param name="queue">Guest time, for interrupts: the time of day may jump.</param>
    /// <param name="irq8">The interrupt, up until register C is read. Driven with the clock's lock held.</param>
    /// <param name="ramBytesBelow4G">The guest's RAM from address 0 up to at most 4 GiB, in bytes.</param>
    /// <param name="ramBytesAbove4G">The guest's RAM from 4 GiB on, in bytes.</param>
    public CmosRtc(TimeProvider clock, ITimerQueue queue, IInterruptLine irq8, ulong ramBytesBelow4G, ulong ramBytesAbove4G)
    {
        _clock = clock;
        _queue = queue;
        _irq8 = irq8;
        _timer = queue.CreateTimer(OnDeadline);
        _ramBytesBelow4G = ramBytesBelow4G;
        _ramBytesAbove4G = ramBytesAbove4G;
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "rtc";

    private RegisterA A => new(_ram[RtcRegister.A]);

    /// <summary>The time stands still.</summary>
    private bool Stands => _registerB.Set || A.DividerInReset;

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            // The index port is write-only: the bus floats.
            Synchronize();
            for (var i = 0; i < data.Length; i++)
            {
                data[i] = offset + (ulong)i == 1 ? ReadData() : (byte)0xff;
            }

            Drive();
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            Synchronize();
            for (var i = 0; i < data.Length && offset + (ulong)i < RegionSize; i++)
            {
                if (offset + (ulong)i == 0)
                {
                    _index = (byte)(data[i] & IndexMask);
                }
                else
                {
                    WriteData(data[i]);
                }
            }

            Drive();
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _index = 0;
            _registerB = RegisterB.PowerOn;
            _stopped = default;
            _offsetTicks = 0;
            Array.Clear(_ram);
            _ram[RtcRegister.A] = RegisterA.PowerOn;
            DescribeMemory();
            ResetInterrupts();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            Synchronize();
            Drive();
            writer.Begin(Name, StateVersion);
            writer.Bytes(_ram);
            writer.Byte(_index);
            writer.Byte(_registerB.Value);
            writer.Int64(_offsetTicks);
            writer.Byte((byte)_stopped.Second);
            writer.Byte((byte)_stopped.Minute);
            writer.Byte((byte)_stopped.Hour);
            writer.Byte((byte)_stopped.DayOfWeek);
            writer.Byte((byte)_stopped.Day);
            writer.Byte((byte)_stopped.Month);
            writer.Byte((byte)_stopped.YearOfCentury);
            writer.Byte((byte)_stopped.Century);
            SaveInterrupts(writer);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            reader.Bytes(_ram.Length).CopyTo(_ram);
            _index = (byte)(reader.Byte() & IndexMask);
            _registerB = new RegisterB(reader.Byte());
            _offsetTicks = reader.Int64();
            _stopped = new RtcTime(
                reader.Byte(), reader.Byte(), reader.Byte(), reader.Byte(), reader.Byte(), reader.Byte(), reader.Byte(), reader.Byte());
            LoadInterrupts(reader);
        }
    }

    /// <summary>Takes the deadline back for good.</summary>
    public void Dispose() => _timer.Dispose();

    private byte ReadData()
    {
        if (RtcTime.IsTimeRegister(_index))
        {
            return (Stands ? _stopped : RtcTime.From(Now())).Encode(_index, _registerB);
        }

        return _index switch
        {
            RtcRegister.A => (byte)(A.Value | (IsUpdateNear() ? RegisterA.UpdateInProgress : 0)),
            RtcRegister.B => _registerB.Value,
            RtcRegister.C => TakeFlags(),
            RtcRegister.D => RegisterD.ValidRamAndTime,
            _ => _ram[_index],
        };
    }

    private void WriteData(byte value)
    {
        if (RtcTime.IsTimeRegister(_index))
        {
            var time = Stands ? _stopped : RtcTime.From(Now());
            time.Decode(_index, value, _registerB);
            if (Stands)
            {
                _stopped = time;
            }
            else
            {
                SetTime(time);
            }

            return;
        }

        switch (_index)
        {
            case RtcRegister.A:
                Control(new RegisterA((byte)(value & ~RegisterA.UpdateInProgress)), _registerB);
                break;
            case RtcRegister.B:
                Control(A, new RegisterB(value).Settled);
                break;
            case RtcRegister.C or RtcRegister.D:
                break;
            default:
                _ram[_index] = value;
                break;
        }
    }

    /// <summary>Both control registers at once, as either may stop the time or let it run.</summary>
    private void Control(RegisterA a, RegisterB b)
    {
        var stood = Stands;
        var leavesReset = A.DividerInReset && !a.DividerInReset;
        if (!stood)
        {
            _stopped = RtcTime.From(Now());
        }

        _ram[RtcRegister.A] = a.Value;
        _registerB = b;
        if (Stands)
        {
            return;
        }

        if (stood)
        {
            SetTime(_stopped, leavesReset ? HalfSecondTicks : 0);
        }

        _stopped = default;
    }

    private void SetTime(RtcTime time, long fractionTicks = 0)
    {
        _offsetTicks = time.ToDateTime().Ticks + fractionTicks - _clock.GetUtcNow().UtcTicks;
        _seenSecond = SecondNow();
    }

    /// <summary>The guest's time; stands still at either end of what the host can express.</summary>
    private DateTime Now()
    {
        var ticks = Int128.Clamp((Int128)_clock.GetUtcNow().UtcTicks + _offsetTicks, 0, DateTime.MaxValue.Ticks);
        return new DateTime((long)ticks, DateTimeKind.Utc);
    }

    private bool IsUpdateNear() => !Stands && Now().Ticks % TimeSpan.TicksPerSecond >= TimeSpan.TicksPerSecond - UpdateWarningTicks;

    private void DescribeMemory()
    {
        var above1M = _ramBytesBelow4G > MiB ? (_ramBytesBelow4G - MiB) / 1024 : 0;
        var above16M = _ramBytesBelow4G > 16 * MiB ? (_ramBytesBelow4G - (16 * MiB)) / UnitBytes : 0;
        Store(RtcRegister.BaseMemoryKiB, Math.Min(_ramBytesBelow4G / 1024, BaseMemoryKiB), bytes: 2);
        Store(RtcRegister.ExtendedMemoryKiB, above1M, bytes: 2);
        Store(RtcRegister.ExtendedMemoryFoundKiB, above1M, bytes: 2);
        Store(RtcRegister.MemoryAbove16MInUnits, above16M, bytes: 2);
        Store(RtcRegister.MemoryAbove4GInUnits, _ramBytesAbove4G / UnitBytes, bytes: 3);
        _ram[RtcRegister.Equipment] = MathCoprocessor;

        var sum = 0;
        for (var i = RtcRegister.ChecksumFirst; i <= RtcRegister.ChecksumLast; i++)
        {
            sum += _ram[i];
        }

        _ram[RtcRegister.Checksum] = (byte)(sum >> 8);
        _ram[RtcRegister.Checksum + 1] = (byte)sum;
    }

    /// <summary>Little-endian, the largest value when it does not fit.</summary>
    private void Store(byte index, ulong value, int bytes)
    {
        value = Math.Min(value, (1UL << (8 * bytes)) - 1);
        for (var i = 0; i < bytes; i++)
        {
            _ram[index + i] = (byte)(value >> (8 * i));
        }
    }
}
