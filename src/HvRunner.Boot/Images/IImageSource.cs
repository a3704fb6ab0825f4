namespace HvRunner.Boot;

/// <summary>
/// The bytes of a kernel or an initrd, wherever they are. Nothing here interprets them. A file may be hundreds of MiB: callers read
/// the few headers they need, and large parts go straight into guest memory. Members may be called from one thread at a time.
/// </summary>
public interface IImageSource : IDisposable
{
    /// <summary>What messages call it: the path as the user gave it.</summary>
    string Name { get; }

    /// <summary>Its length in bytes, as it was when it was opened; 0 or more.</summary>
    long LengthBytes { get; }

    /// <summary>
    /// Fills <paramref name="destination"/> from byte <paramref name="offset"/> on. False when the range is not wholly in the file; then what
    /// the destination holds is undefined. Any values are safe. Throws <see cref="Abstractions.InvalidInputException"/> when the host cannot read.
    /// </summary>
    bool TryRead(long offset, Span<byte> destination);
}
