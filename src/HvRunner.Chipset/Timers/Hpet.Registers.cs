using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <content>The registers as a guest sees them: 64 bits each, in one access or in halves.</content>
public sealed partial class Hpet
{
    private const ulong Capabilities = ((ulong)PeriodFs << 32) | EventTimerBlockId;

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (!IsRegisterAccess(offset, data.Length))
        {
            return offset < RegionSize ? IoStatus.BadAccess : IoStatus.Unclaimed;
        }

        ulong value;
        lock (_lock)
        {
            Drive(Synchronize());
            value = ReadRegister(offset & ~7UL) >> (int)(8 * (offset & 4));
        }

        if (data.Length == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(data, value);
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (!IsRegisterAccess(offset, data.Length))
        {
            return offset < RegionSize ? IoStatus.BadAccess : IoStatus.Unclaimed;
        }

        var shift = (int)(8 * (offset & 4));
        var value = data.Length == sizeof(uint) ? (ulong)BinaryPrimitives.ReadUInt32LittleEndian(data) << shift : BinaryPrimitives.ReadUInt64LittleEndian(data);
        var written = data.Length == sizeof(uint) ? (ulong)uint.MaxValue << shift : ulong.MaxValue;
        lock (_lock)
        {
            // What has come before the write is shown before it: an edge may be lost otherwise.
            Drive(Synchronize());
            WriteRegister(offset & ~7UL, value, written);
            Drive(Synchronize());
        }

        return IoStatus.Ok;
    }

    private static bool IsRegisterAccess(ulong offset, int length) =>
        offset < RegionSize && length is sizeof(uint) or sizeof(ulong) && offset % (ulong)length == 0;

    /// <summary>The timer that a register belongs to; false for the block's own registers and those that are reserved.</summary>
    private static bool TryGetTimer(ulong register, out int timer, out ulong within)
    {
        timer = (int)((register - HpetRegister.FirstTimer) / HpetRegister.TimerStride);
        within = (register - HpetRegister.FirstTimer) % HpetRegister.TimerStride;
        return register >= HpetRegister.FirstTimer && timer < TimerCount;
    }

    private ulong ReadRegister(ulong register)
    {
        if (TryGetTimer(register, out var index, out var within))
        {
            var timer = _timers[index];
            return within switch
            {
                HpetRegister.TimerConfiguration => ((ulong)_offeredRoutes << 32) | HpetTimerConfiguration.PeriodicCapable |
                    HpetTimerConfiguration.Size64Capable | timer.Configuration.Value,
                HpetRegister.TimerComparator => timer.Comparator,
                _ => 0,
            };
        }

        return register switch
        {
            HpetRegister.Capabilities => Capabilities,
            HpetRegister.Configuration => (ulong)_configuration,
            HpetRegister.InterruptStatus => StatusBits(),
            HpetRegister.MainCounter => _counter,
            _ => 0,
        };
    }

    private void WriteRegister(ulong register, ulong value, ulong written)
    {
        var low = (uint)written != 0;
        if (TryGetTimer(register, out var index, out var within))
        {
            if (within == HpetRegister.TimerComparator)
            {
                _timers[index].WriteComparator(value, written, _counter);
            }
            else if (within == HpetRegister.TimerConfiguration && low)
            {
                _timers[index].Configure((uint)value, _offeredRoutes, _counter);
            }

            return;
        }

        switch (register)
        {
            case HpetRegister.Configuration when low:
                Configure((HpetConfiguration)(byte)value & HpetConfiguration.Writable);
                break;
            case HpetRegister.InterruptStatus:
                Acknowledge(value);
                break;
            case HpetRegister.MainCounter when !Runs:
                _counter = (_counter & ~written) | (value & written);
                foreach (var timer in _timers)
                {
                    timer.Aim(_counter);
                }

                break;
        }
    }

    private void Configure(HpetConfiguration configuration)
    {
        _configuration = configuration;
        foreach (var timer in _timers)
        {
            if (!Runs)
            {
                timer.DropEdge();
            }
        }
    }

    private void Acknowledge(ulong bits)
    {
        for (var i = 0; i < _timers.Length; i++)
        {
            if ((bits & (1UL << i)) != 0)
            {
                _timers[i].ClearStatus();
            }
        }
    }

    private ulong StatusBits()
    {
        ulong bits = 0;
        for (var i = 0; i < _timers.Length; i++)
        {
            bits |= _timers[i].Status ? 1UL << i : 0;
        }

        return bits;
    }
}
