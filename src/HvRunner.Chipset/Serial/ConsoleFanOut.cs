// One serial output, several destinations: standard output, a file, the watcher of a test script.

namespace HvRunner.Chipset.Serial;

/// <summary>Gives every byte to each of its outputs, in their order; as slow as the slowest of them. Any thread.</summary>
/// <param name="outputs">The destinations; fixed for its life, not copied.</param>
public sealed class ConsoleFanOut(params ISerialOutput[] outputs) : ISerialOutput
{
    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        foreach (var output in outputs)
        {
            output.Write(data);
        }
    }
}
