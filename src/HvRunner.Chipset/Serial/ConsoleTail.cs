// The end of what the guest said, kept for post-mortems while the bytes pass through to their real destination.

using System.Text;

namespace HvRunner.Chipset.Serial;

/// <summary>Remembers the last bytes of a serial output and passes everything on. Written by vCPU threads, read by any.</summary>
public sealed class ConsoleTail : ISerialOutput
{
    /// <summary>How many bytes are remembered unless another number is asked for.</summary>
    public const int DefaultCapacityBytes = 8 * 1024;

    private readonly ISerialOutput? _next;
    private readonly byte[] _ring;
    private readonly int _mask;
    private long _total;

    // Held for the time of a copy only, and one atomic operation cheaper for each byte than a Lock.
    private SpinLock _lock = new(enableThreadOwnerTracking: false);

    /// <summary>Makes an empty tail.</summary>
    /// <param name="next">Where the bytes go on to; null keeps them here only.</param>
    /// <param name="capacityBytes">How many bytes are remembered; a power of two.</param>
    public ConsoleTail(ISerialOutput? next, int capacityBytes = DefaultCapacityBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityBytes, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(int.IsPow2(capacityBytes), true, nameof(capacityBytes));
        _next = next;
        _ring = new byte[capacityBytes];
        _mask = capacityBytes - 1;
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> data)
    {
        // Remembered before it is passed on: the next stage may block, and a post-mortem may be written meanwhile.
        var entered = false;
        try
        {
            _lock.Enter(ref entered);
            if (data.Length == 1)
            {
                _ring[(int)_total & _mask] = data[0];
            }
            else
            {
                Remember(data);
            }

            _total += data.Length;
        }
        finally
        {
            if (entered)
            {
                _lock.Exit(useMemoryBarrier: false);
            }
        }

        _next?.Write(data);
    }

    /// <summary>A copy of the remembered bytes, oldest first. Any thread.</summary>
    public byte[] ToArray()
    {
        var copy = new byte[_ring.Length];
        long total;
        var entered = false;
        try
        {
            _lock.Enter(ref entered);
            total = _total;
            _ring.CopyTo(copy, 0);
        }
        finally
        {
            if (entered)
            {
                _lock.Exit(useMemoryBarrier: false);
            }
        }

        var bytes = new byte[Math.Min(total, copy.Length)];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = copy[(int)(total - bytes.Length + i) & _mask];
        }

        return bytes;
    }

    /// <summary>
    /// The last lines, at most <paramref name="count"/>, oldest first, without line ends. Bytes that are no UTF-8 show as replacement characters. A
    /// last line that the guest has not ended yet counts; the oldest one may have lost its beginning. Any thread.
    /// </summary>
    public IReadOnlyList<string> LastLines(int count)
    {
        var lines = Encoding.UTF8.GetString(ToArray()).Split('\n');
        var end = lines[^1].Length == 0 ? lines.Length - 1 : lines.Length;
        var start = Math.Max(0, end - Math.Max(0, count));
        return [.. lines[start..end].Select(line => line.TrimEnd('\r'))];
    }

    private void Remember(ReadOnlySpan<byte> data)
    {
        var skipped = Math.Max(0, data.Length - _ring.Length);
        for (var i = skipped; i < data.Length; i++)
        {
            _ring[(int)(_total + i) & _mask] = data[i];
        }
    }
}
