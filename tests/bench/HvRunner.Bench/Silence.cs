using HvRunner.Chipset.Serial;

namespace HvRunner.Bench;

/// <summary>Takes the console's output and drops it.</summary>
internal sealed class Silence : ISerialOutput
{
    public void Write(ReadOnlySpan<byte> data)
    {
    }
}
