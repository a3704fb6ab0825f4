using System.Runtime.InteropServices;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>Gives a pump its next bytes: fills the span, returns how many; 0 when there are none now. Never blocks.</summary>
public delegate int TakeBytes(Span<byte> destination);

/// <summary>
/// Moves bytes from a bounded buffer to a descriptor (standard output, a file) on a thread of its own, so that a reader who stalls holds up
/// the buffer's producer and nothing else. The thread sleeps in poll(2) on the descriptor and on <see cref="Wake"/>; it writes only what poll
/// says will not block (PIPE_BUF on a pipe, less on a terminal), so a stalled reader never keeps <see cref="Finish"/> waiting beyond its limit. A reader that
/// goes away is noticed at once, also when there is nothing to write.
/// </summary>
public sealed unsafe class OutputPump : IDisposable
{
    private const int PipeBufBytes = 4096;
    private const int TerminalBytes = 256;

    private readonly int _descriptor;
    private readonly TakeBytes _take;
    private readonly Action<int> _failedWith;
    private readonly EventFd _wake = new();
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _ended = new();
    private bool _deferred;
    private int _started;
    private volatile bool _finishing;
    private volatile bool _abandoned;
    private volatile bool _failed;

    /// <summary>
    /// Prepares the pump; <see cref="Start"/> starts its thread. <paramref name="descriptor"/> stays the caller's. <paramref name="failedWith"/>
    /// is called once, on the pump's thread, when nobody can read the descriptor any more (0 or EPIPE) or writing fails (the errno).
    /// </summary>
    public OutputPump(string name, int descriptor, TakeBytes take, Action<int> failedWith)
    {
        _descriptor = descriptor;
        _take = take;
        _failedWith = failedWith;
        _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = name };
    }

    /// <summary>True when bytes were lost because the reader went away or the device failed.</summary>
    public bool Failed => _failed;

    /// <summary>True when a failure means that the reader went away, rather than that the device refused.</summary>
    public static bool IsReaderGone(int errno) => errno is 0 or EPIPE or EIO;

    /// <summary>The descriptor that is written to.</summary>
    public int Descriptor => _descriptor;

    /// <summary>
    /// Starts the thread, or with <paramref name="atFirstByte"/> leaves that to the first <see cref="Wake"/>: a reader who goes away is then noticed
    /// only when there is something to write. On a busy host a thread's start costs milliseconds, and most runs never write to every target.
    /// </summary>
    public void Start(bool atFirstByte = false)
    {
        _deferred = atFirstByte;
        if (!atFirstByte)
        {
            EnsureStarted();
        }
    }

    /// <summary>To be called when the buffer was empty and no longer is. Any thread, no allocation but the first time.</summary>
    public void Wake()
    {
        if (_deferred && !_finishing)
        {
            EnsureStarted();
        }

        _wake.Signal();
    }

    /// <summary>
    /// Writes what the buffer still holds and ends the thread. Waits at most <paramref name="limit"/> (infinite with a negative span) for a
    /// reader that stalls; false when bytes were left behind. May be called again after false, with a new limit.
    /// </summary>
    public bool Finish(TimeSpan limit)
    {
        _finishing = true;
        if (Volatile.Read(ref _started) == 0)
        {
            return true;
        }

        _wake.Signal();
        return _ended.Wait(limit);
    }

    /// <summary>Ends the thread, abandoning what is left, and waits for it. Call <see cref="Finish"/> before, or bytes are lost.</summary>
    public void Dispose()
    {
        _abandoned = true;
        _wake.Signal();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted) || _thread.Join(TimeSpan.FromMilliseconds(200)))
        {
            _wake.Dispose();
            _ended.Dispose();
        }
    }

    private void EnsureStarted()
    {
        if (Volatile.Read(ref _started) == 0 && Interlocked.Exchange(ref _started, 1) == 0)
        {
            _thread.Start();
        }
    }

    private void Serve()
    {
        var buffer = new byte[PieceBytes(_descriptor)];
        var polled = stackalloc pollfd[2];
        polled[0] = new pollfd { fd = _descriptor };
        polled[1] = new pollfd { fd = _wake.Descriptor, events = POLLIN };
        int start = 0, end = 0;
        while (!_abandoned)
        {
            if (start == end)
            {
                start = 0;
                end = _take(buffer);
                if (end == 0 && _finishing)
                {
                    // Whatever was put in before Finish is visible here: one more look, then it is over.
                    end = _take(buffer);
                    if (end == 0)
                    {
                        break;
                    }
                }
            }

            polled[0].events = start == end ? (short)0 : POLLOUT;
            if (Libc.poll(polled, 2, -1) < 0)
            {
                continue;
            }

            if ((polled[1].revents & POLLIN) != 0)
            {
                _wake.Drain();
            }

            if (start != end && (polled[0].revents & POLLOUT) != 0)
            {
                if (!TryWrite(buffer, ref start, end))
                {
                    Fail(Marshal.GetLastPInvokeError());
                    break;
                }
            }
            else if ((polled[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
            {
                Fail(0);
                break;
            }
        }

        _ended.Set();
    }

    private bool TryWrite(byte[] buffer, ref int start, int end)
    {
        fixed (byte* bytes = buffer)
        {
            var written = Libc.write(_descriptor, bytes + start, (nuint)(end - start));
            if (written < 0)
            {
                return Marshal.GetLastPInvokeError() is EINTR or EAGAIN;
            }

            start += (int)written;
            return true;
        }
    }

    private void Fail(int errno)
    {
        _failed = true;
        _failedWith(errno);
    }

    /// <summary>What one write may hold without blocking, once poll has said that there is room.</summary>
    internal static int PieceBytes(int descriptor) => Libc.isatty(descriptor) == 1 ? TerminalBytes : PipeBufBytes;
}
