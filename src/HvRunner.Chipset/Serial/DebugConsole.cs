// The debug console of PC emulators (Bochs' port 0xe9 hack, QEMU's isa-debugcon): every byte written goes out, reading gives 0xe9,
// which guests use to find it. It has no state, no input and no interrupt.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Serial;

/// <summary>One byte-wide output port. Writes come from vCPU threads, several at once, and may block in <see cref="ISerialOutput.Write"/>.</summary>
/// <param name="name">What logs call it ("debug-console").</param>
/// <param name="output">Takes what the guest sends.</param>
public sealed class DebugConsole(string name, ISerialOutput output) : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 1;

    // What a guest reads to find the port.
    private const byte Presence = 0xe9;

    private long _bytesOut;

    /// <inheritdoc/>
    public string Name => name;

    /// <summary>Bytes that the guest sent since the port was made. Any thread.</summary>
    public long BytesOut => Volatile.Read(ref _bytesOut);

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        data[0] = Presence;
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        Interlocked.Increment(ref _bytesOut);
        output.Write(data);
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer) => writer.Begin(name, version: 1);

    /// <inheritdoc/>
    public void Load(StateReader reader) => reader.Begin(name, version: 1);
}
