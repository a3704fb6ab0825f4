// The bounded ring between a serial port and the thread that writes to the host's standard output or file.
//
// Producers are vCPU threads, the consumer is one host thread that sleeps in poll() or the like. The two ends share two counters
// that only grow: the tail is published by producers, the head by the consumer. Producers exclude each other with a lock that is
// held only while bytes are copied, never while one of them waits for space.
//
// Waking is exact. A Take that finds nothing leaves the mark "asleep" and looks once more; a producer publishes first and looks at
// the mark afterwards. Both steps are full fences, so one of the two sees the other, and the first byte after an empty Take signals
// exactly once.

using System.Runtime.InteropServices;

namespace HvRunner.Chipset.Serial;

/// <summary>
/// Holds what the guest sent until the host's reader takes it. While it is full, <see cref="Write"/> blocks: the guest waits for a slow reader and
/// nothing is lost, in bounded memory. After <see cref="Close"/> writes return at once and their bytes are counted as dropped.
/// </summary>
public sealed class ConsoleOutputBuffer : ISerialOutput
{
    /// <summary>Capacity in bytes unless another is asked for.</summary>
    public const int DefaultCapacityBytes = 64 * 1024;

    private readonly byte[] _ring;
    private readonly int _mask;
    private readonly Action _dataAvailable;
    private readonly object _space = new();


    private OwnCacheLine _tail;
    private OwnCacheLine _head;
    private OwnCacheLine _asleep;

    private ProducerLine _producers;
    private int _waitingProducers;
    private long _dropped;
    private volatile bool _closed;

    /// <summary>Makes an empty buffer.</summary>
    /// <param name="dataAvailable">
    /// Wakes the consumer; called on a producer's thread with no lock held, once for each time that <see cref="Take"/> has returned 0 and bytes
    /// arrive after that. Must be quick, allocate nothing and not throw: writing to an eventfd, setting an event.
    /// </param>
    /// <param name="capacityBytes">Size of the ring; a power of two, at least 16.</param>
    public ConsoleOutputBuffer(Action dataAvailable, int capacityBytes = DefaultCapacityBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityBytes, 16);
        ArgumentOutOfRangeException.ThrowIfNotEqual(int.IsPow2(capacityBytes), true, nameof(capacityBytes));
        _dataAvailable = dataAvailable;
        _ring = new byte[capacityBytes];
        _mask = capacityBytes - 1;
        _asleep.Value = 1;
        _producers.Lock = new SpinLock(enableThreadOwnerTracking: false);
    }

    /// <summary>True when there is nothing to take at this moment. Any thread.</summary>
    public bool IsEmpty => Volatile.Read(ref _tail.Value) == Volatile.Read(ref _head.Value);

    /// <summary>True after <see cref="Close"/>. Any thread.</summary>
    public bool IsClosed => _closed;

    /// <summary>Bytes that were written after <see cref="Close"/> and are gone. Any thread.</summary>
    public long DroppedBytes => Volatile.Read(ref _dropped);

    /// <summary>Copies the bytes in; blocks while the ring is full, until there is space or <see cref="Close"/> is called. Any thread.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        while (true)
        {
            data = data[Put(data)..];
            if (Volatile.Read(ref _asleep.Value) != 0 && Interlocked.Exchange(ref _asleep.Value, 0) != 0)
            {
                _dataAvailable();
            }

            if (data.IsEmpty)
            {
                return;
            }

            WaitForSpace();
        }
    }

    /// <summary>
    /// Moves up to <c>destination.Length</c> bytes out and returns how many. 0 means that there is nothing now and that the consumer may go to sleep: the
    /// wake callback comes with the next byte. A consumer therefore takes until it gets 0. Never blocks; works after <see cref="Close"/> for what
    /// was written before. For one thread at a time.
    /// </summary>
    public int Take(Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return 0;
        }

        var head = _head.Value;
        var used = Volatile.Read(ref _tail.Value) - head;
        if (used == 0)
        {
            Interlocked.Exchange(ref _asleep.Value, 1);
            used = Volatile.Read(ref _tail.Value) - head;
            if (used == 0)
            {
                return 0;
            }

            // Bytes came in between. Should a producer have taken the mark away too, its signal is one too many, which is harmless.
            Volatile.Write(ref _asleep.Value, 0);
        }

        var count = (int)Math.Min(used, destination.Length);
        var start = (int)head & _mask;
        var first = Math.Min(count, _ring.Length - start);
        _ring.AsSpan(start, first).CopyTo(destination);
        _ring.AsSpan(0, count - first).CopyTo(destination[first..]);

        // The exchange fences the head against the look at the waiting producers; they count themselves before they look at the head.
        Interlocked.Exchange(ref _head.Value, head + count);
        if (Volatile.Read(ref _waitingProducers) != 0 && used - count <= _ring.Length / 2)
        {
            // Half a ring at a time, so that a slow reader does not cost a thread switch for each of its reads.
            lock (_space)
            {
                Monitor.PulseAll(_space);
            }
        }

        return count;
    }

    /// <summary>Ends the buffer: blocked and later writes return at once, and the consumer is woken. Any thread, more than once.</summary>
    public void Close()
    {
        lock (_space)
        {
            _closed = true;
            Monitor.PulseAll(_space);
        }

        _dataAvailable();
    }

    /// <summary>Copies what fits and returns how much it was; after the end everything "fits", into the count of dropped bytes.</summary>
    private int Put(ReadOnlySpan<byte> data)
    {
        var entered = false;
        try
        {
            _producers.Lock.Enter(ref entered);
            if (_closed)
            {
                Volatile.Write(ref _dropped, _dropped + data.Length);
                return data.Length;
            }

            var tail = _tail.Value;
            if (data.Length > _ring.Length - (tail - _producers.HeadSeen))
            {
                _producers.HeadSeen = Volatile.Read(ref _head.Value);
            }

            var count = (int)Math.Min(data.Length, _ring.Length - (tail - _producers.HeadSeen));
            var start = (int)tail & _mask;
            if (count == 1)
            {
                _ring[start] = data[0];
            }
            else
            {
                var first = Math.Min(count, _ring.Length - start);
                data[..first].CopyTo(_ring.AsSpan(start));
                data[first..count].CopyTo(_ring);
            }

            // The fence between the tail and the look at the sleep mark.
            Interlocked.Exchange(ref _tail.Value, tail + count);
            return count;
        }
        finally
        {
            if (entered)
            {
                _producers.Lock.Exit(useMemoryBarrier: false);
            }
        }
    }

    private void WaitForSpace()
    {
        lock (_space)
        {
            Interlocked.Increment(ref _waitingProducers);
            while (!_closed && Volatile.Read(ref _tail.Value) - Volatile.Read(ref _head.Value) >= _ring.Length)
            {
                Monitor.Wait(_space);
            }

            Interlocked.Decrement(ref _waitingProducers);
        }
    }

    /// <summary>A counter that shares its cache line with nothing else: the two ends run on different processors.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct OwnCacheLine
    {
        [FieldOffset(64)]
        public long Value;
    }

    /// <summary>What producers write for each byte, away from what the consumer reads.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct ProducerLine
    {
        // Held for the time of a copy only. One atomic operation where a Lock takes two: a byte costs little more than its fences.
        [FieldOffset(64)]
        public SpinLock Lock;

        // A head that producers saw: at most what the head is now, so the space computed from it is there.
        [FieldOffset(72)]
        public long HeadSeen;
    }
}
