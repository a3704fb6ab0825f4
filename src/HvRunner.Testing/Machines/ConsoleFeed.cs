using System.Diagnostics;
using HvRunner.Chipset.Serial;

namespace HvRunner.Testing.Machines;

/// <summary>
/// A guest's console output on its way to the one thread that reads along. Bounded: a guest whose reader is slow waits, and nothing is lost. It
/// knows when the reader has seen everything and waits for more, which is what a guest with a virtual clock must wait for before its time goes on.
/// </summary>
internal sealed class ConsoleFeed
{
    // How long an end that nobody tells of may go unseen.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    private readonly object _gate = new();
    private readonly ConsoleOutputBuffer _buffer;
    private bool _signalled;
    private bool _nudged;
    private bool _ended;
    private bool _readerWaits;

    internal ConsoleFeed() => _buffer = new ConsoleOutputBuffer(Signal);

    /// <summary>The machine's end.</summary>
    internal ISerialOutput Output => _buffer;

    /// <summary>
    /// Takes what is there, waiting for it as long as <paramref name="limit"/>. The number of bytes; 0 when the time has passed or somebody called
    /// <see cref="Nudge"/>; -1 when the guest has ended and all was taken. The reader's thread.
    /// </summary>
    /// <param name="destination">Where to.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="isAwaited">
    /// The test waits for what comes. Where it does not, it may be about to type, and a guest with a virtual clock that waits for input is kept waiting.
    /// </param>
    internal int Read(Span<byte> destination, TimeSpan limit, bool isAwaited = true)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var count = _buffer.Take(destination);
            if (count > 0)
            {
                return count;
            }

            lock (_gate)
            {
                if (_nudged)
                {
                    _nudged = false;
                    return 0;
                }

                if (!_signalled)
                {
                    // The end comes behind the last byte, so an empty buffer after it stays empty.
                    if (_ended)
                    {
                        return _buffer.IsEmpty ? -1 : 0;
                    }

                    var left = limit - Stopwatch.GetElapsedTime(began);
                    if (left <= TimeSpan.Zero)
                    {
                        return 0;
                    }

                    _readerWaits = isAwaited;
                    Monitor.PulseAll(_gate);
                    Monitor.Wait(_gate, left < TimeSpan.FromHours(1) ? left : TimeSpan.FromHours(1));
                    _readerWaits = false;
                }

                _signalled = false;
            }
        }
    }

    /// <summary>Gets the reader out of <see cref="Read"/>, now or the next time. Any thread.</summary>
    internal void Nudge()
    {
        lock (_gate)
        {
            _nudged = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Waits until the reader has taken everything, waits for more and <paramref name="hasSpoken"/>; false when <paramref name="mayWait"/> says to give up,
    /// or the guest has ended. The guest's thread.
    /// </summary>
    internal bool WaitForReader(Func<bool> mayWait, Func<bool> hasSpoken)
    {
        while (mayWait())
        {
            lock (_gate)
            {
                if (_ended)
                {
                    return false;
                }

                if (_readerWaits && !_signalled && !_nudged && _buffer.IsEmpty && hasSpoken())
                {
                    return true;
                }

                Monitor.Wait(_gate, LookAgain);
            }
        }

        return false;
    }

    /// <summary>The guest writes no more. Any thread.</summary>
    internal void End()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Frees a guest that waits for space; what it writes from now on is dropped. Any thread.</summary>
    internal void Release() => _buffer.Close();

    private void Signal()
    {
        lock (_gate)
        {
            _signalled = true;
            Monitor.PulseAll(_gate);
        }
    }
}
