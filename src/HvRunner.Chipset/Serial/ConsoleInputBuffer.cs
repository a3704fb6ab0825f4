// The bounded ring between the host's input (standard input, a script) and a serial port. The port pulls what its FIFO holds, the
// ring holds a little more, and the rest stays with the host: nothing is lost and memory is bounded.

namespace HvRunner.Chipset.Serial;

/// <summary>
/// Input on its way to a guest. The host writes and then calls <see cref="Uart16550.InputReady"/>; the port reads. When not everything fits, the host
/// waits with <see cref="WaitForSpace"/> or for the callback given at construction.
/// </summary>
public sealed class ConsoleInputBuffer : ISerialInput
{
    /// <summary>Capacity in bytes unless another is asked for.</summary>
    public const int DefaultCapacityBytes = 64 * 1024;

    private readonly byte[] _ring;
    private readonly Action? _spaceAvailable;
    private readonly object _lock = new();
    private int _first;
    private int _count;
    private bool _refused;
    private bool _closed;

    /// <summary>Makes an empty buffer.</summary>
    /// <param name="spaceAvailable">
    /// Called when at least half of the ring is free again after a <see cref="Write"/> that was cut short; null for hosts that use
    /// <see cref="WaitForSpace"/>. It runs on a vCPU thread with the serial port's lock held: it must be quick, allocate nothing, not throw and not call
    /// the port. Setting an event is meant.
    /// </param>
    /// <param name="capacityBytes">Size of the ring in bytes, at least 1.</param>
    public ConsoleInputBuffer(Action? spaceAvailable = null, int capacityBytes = DefaultCapacityBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityBytes, 1);
        _ring = new byte[capacityBytes];
        _spaceAvailable = spaceAvailable;
    }

    /// <summary>Bytes that wait for the guest. Any thread.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <inheritdoc/>
    public bool HasEnded
    {
        get
        {
            lock (_lock)
            {
                return _closed && _count == 0;
            }
        }
    }

    /// <summary>Copies in as much as fits and returns how much; 0 when the ring is full or closed. Never blocks. Any thread.</summary>
    public int Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            var count = _closed ? 0 : Math.Min(data.Length, _ring.Length - _count);
            var start = (_first + _count) % _ring.Length;
            var first = Math.Min(count, _ring.Length - start);
            data[..first].CopyTo(_ring.AsSpan(start));
            data[first..count].CopyTo(_ring);
            _count += count;
            _refused = count < data.Length;
            return count;
        }
    }

    /// <summary>Blocks until at least one byte fits. False when the buffer was closed. Not for vCPU threads.</summary>
    public bool WaitForSpace()
    {
        lock (_lock)
        {
            while (!_closed && _count == _ring.Length)
            {
                _refused = true;
                Monitor.Wait(_lock);
            }

            return !_closed;
        }
    }

    /// <inheritdoc/>
    public int Read(Span<byte> destination)
    {
        bool announce;
        int count;
        lock (_lock)
        {
            count = Math.Min(destination.Length, _count);
            if (count == 0)
            {
                return 0;
            }

            var first = Math.Min(count, _ring.Length - _first);
            _ring.AsSpan(_first, first).CopyTo(destination);
            _ring.AsSpan(0, count - first).CopyTo(destination[first..]);
            _first = (_first + count) % _ring.Length;
            _count -= count;
            announce = _refused && _count <= _ring.Length / 2;
            if (announce)
            {
                _refused = false;
                Monitor.PulseAll(_lock);
            }
        }

        if (announce)
        {
            _spaceAvailable?.Invoke();
        }

        return count;
    }

    /// <summary>Ends the buffer: waits end and nothing more is taken in; what is there can still be read. Any thread, more than once.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            Monitor.PulseAll(_lock);
        }
    }
}
