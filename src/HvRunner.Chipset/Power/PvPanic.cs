// The pvpanic device (QEMU docs/specs/pvpanic), ISA flavour at port 0x505: one byte. Reading gives the events that it knows; a guest
// writes the event that happened. "Crash loaded" says that the guest's own crash kernel takes over: nothing ends.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Power;

/// <summary>The events of the pvpanic device.</summary>
[Flags]
internal enum PvPanicEvents : byte
{
    None = 0,
    Panicked = 0x01,
    CrashLoaded = 0x02,
    Supported = Panicked | CrashLoaded,
}

/// <summary>A port by which a guest says that it panicked. Accesses come from vCPU threads. It has no state.</summary>
/// <param name="power">Is told of the panic.</param>
public sealed class PvPanic(IPowerControl power) : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 1;

    /// <inheritdoc/>
    public string Name => "pvpanic";

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        data[0] = (byte)PvPanicEvents.Supported;
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != 0 || data.Length != 1)
        {
            return IoStatus.BadAccess;
        }

        if (((PvPanicEvents)data[0] & PvPanicEvents.Panicked) != 0)
        {
            power.Panic(Name);
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer) => writer.Begin(Name, version: 1);

    /// <inheritdoc/>
    public void Load(StateReader reader) => reader.Begin(Name, version: 1);
}
