// System control port B of a PC/AT, port 0x61 (IBM PC/AT technical reference, "Port B"): the gate of timer channel 2, the speaker's
// enable, and what programs poll to tell time.
//
// Bits 3:0 read back as written. Bit 4 is the refresh toggle: it changes every 18 CLK ticks (15 us), whatever channel 1 does, since
// no firmware has programmed that. Bit 5 is OUT of channel 2. Bits 6 and 7 (channel and parity check) stay 0: memory has no errors.
// Not emulated: the speaker makes no sound.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <summary>One byte port. Accesses come from vCPU threads.</summary>
public sealed class SystemControlPortB : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 1;

    private const byte StateVersion = 1;
    private const long RefreshTicks = 18;

    // Wiring.
    private readonly Pit8254 _pit;
    private readonly Lock _lock = new();

    // Volatile state.
    private PortB _written;

    /// <summary>Makes the port in its power-on state: all bits off.</summary>
    /// <param name="pit">The timer whose channel 2 it controls; saved, loaded and reset on its own, before this port.</param>
    public SystemControlPortB(Pit8254 pit)
    {
        _pit = pit;
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "port-b";

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        lock (_lock)
        {
            var (out2, tick) = _pit.ReadOut2();
            var value = _written;
            value |= tick / RefreshTicks % 2 != 0 ? PortB.RefreshToggle : PortB.None;
            value |= out2 ? PortB.Out2 : PortB.None;
            data[0] = (byte)value;
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

        lock (_lock)
        {
            _written = (PortB)data[0] & PortB.Writable;
            _pit.SetGate2((_written & PortB.Gate2) != 0);
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _written = PortB.None;
            _pit.SetGate2(false);
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            writer.Byte((byte)_written);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            // The timer's own record holds the gate as it was.
            reader.Begin(Name, StateVersion);
            _written = (PortB)reader.Byte() & PortB.Writable;
        }
    }
}
