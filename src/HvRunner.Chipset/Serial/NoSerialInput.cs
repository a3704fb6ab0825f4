// Nothing is attached to the receiving side of a serial port.

namespace HvRunner.Chipset.Serial;

/// <summary>An input that never has anything, for ports whose guest only talks.</summary>
public sealed class NoSerialInput : ISerialInput
{
    /// <inheritdoc/>
    public bool HasEnded => true;

    /// <inheritdoc/>
    public int Read(Span<byte> destination) => 0;
}
