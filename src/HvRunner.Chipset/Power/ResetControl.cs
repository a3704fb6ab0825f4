// The reset control register of PC chipsets, port 0xcf9 (Intel ICH9 data sheet, 13.7.5 "RST_CNT"): bit 1 chooses a hard reset, bit 2
// resets when it goes from 0 to 1, bit 3 makes it a full power cycle. Every kind ends the machine in the same way here.
//
// Only byte accesses are its own: 4-byte accesses at 0xcf8 are the PCI configuration address, which another device may claim.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Power;

/// <summary>The reset control register, one byte port. Accesses come from vCPU threads.</summary>
/// <param name="power">Is asked for the reset.</param>
public sealed class ResetControl(IPowerControl power) : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 1;

    private const byte StateVersion = 1;
    private const byte ResetCpu = 0x04;
    private const byte Writable = 0x0e;

    // Wiring.
    private readonly Lock _lock = new();

    // Volatile state.
    private byte _value;

    /// <inheritdoc/>
    public string Name => "reset-control";

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        lock (_lock)
        {
            data[0] = _value;
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        bool resets;
        lock (_lock)
        {
            var value = (byte)(data[0] & Writable);
            resets = (value & ~_value & ResetCpu) != 0;
            _value = value;
        }

        if (resets)
        {
            power.Reset("reset control port");
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _value = 0;
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            writer.Byte(_value);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _value = (byte)(reader.Byte() & Writable);
        }
    }
}
