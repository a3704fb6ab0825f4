namespace HvRunner.Boot;

/// <summary>An image that is already in memory: the guest embedded in hvrun, and tests.</summary>
/// <param name="name">What messages call it.</param>
/// <param name="bytes">The image; not copied.</param>
public sealed class MemoryImageSource(string name, ReadOnlyMemory<byte> bytes) : IImageSource
{
    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public long LengthBytes => bytes.Length;

    /// <inheritdoc/>
    public bool TryRead(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > bytes.Length || destination.Length > bytes.Length - offset)
        {
            return false;
        }

        bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Does nothing: the memory belongs to the caller.</summary>
    public void Dispose()
    {
    }
}
