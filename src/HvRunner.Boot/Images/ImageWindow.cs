namespace HvRunner.Boot;

/// <summary>
/// A few KiB of an image, kept between small reads: the headers and notes of a usual kernel cost one or two reads of the file. It is
/// as much memory as any count in a hostile file can make the header readers take at a time.
/// </summary>
internal sealed class ImageWindow(IImageSource source)
{
    private const int WindowBytes = 4096;

    private readonly byte[] _bytes = new byte[WindowBytes];
    private long _start;
    private int _filled;

    public IImageSource Source { get; } = source;

    /// <summary>As <see cref="IImageSource.TryRead"/>, for headers; safe for any offset.</summary>
    public bool TryRead(ulong offset, Span<byte> destination)
    {
        var length = (ulong)Source.LengthBytes;
        if (offset > length || (ulong)destination.Length > length - offset)
        {
            return false;
        }

        var start = (long)offset;
        if (destination.Length > WindowBytes)
        {
            return Source.TryRead(start, destination);
        }

        if (start < _start || start + destination.Length > _start + _filled)
        {
            var count = (int)Math.Min(WindowBytes, Source.LengthBytes - start);
            _filled = 0;
            if (!Source.TryRead(start, _bytes.AsSpan(0, count)))
            {
                return false;
            }

            _start = start;
            _filled = count;
        }

        _bytes.AsSpan((int)(start - _start), destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>True when the image has all <paramref name="length"/> bytes from <paramref name="offset"/> on; safe for any values.</summary>
    public bool Holds(ulong offset, ulong length)
    {
        var total = (ulong)Source.LengthBytes;
        return offset <= total && length <= total - offset;
    }
}
