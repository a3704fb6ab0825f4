// The exit port of test guests, after QEMU's isa-debug-exit: any write ends the run with the value written. Reads give 0, as they do
// there. What the value means for hvrun's exit status is the machine's business.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Power;

/// <summary>A port that reports a status. Accesses come from vCPU threads. It has no state.</summary>
/// <param name="name">What logs call it ("exit-port").</param>
/// <param name="power">Takes the report.</param>
public sealed class ExitPort(string name, IPowerControl power) : IBusDevice, IStateful
{
    /// <summary>Size of the region in bytes (ports): 1, 2 and 4-byte writes at any of them report their value.</summary>
    public const int RegionSize = 4;

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length is not (1 or 2 or 4))
        {
            return IoStatus.BadAccess;
        }

        ulong value = 0;
        for (var i = 0; i < data.Length; i++)
        {
            value |= (ulong)data[i] << (8 * i);
        }

        power.ReportStatus(value);
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
