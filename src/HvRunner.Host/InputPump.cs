using System.Runtime.InteropServices;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>Takes what a pump read. May block while its own buffer is full; must return when the machine ends. False ends the pump.</summary>
public delegate bool AcceptBytes(ReadOnlySpan<byte> bytes);

/// <summary>
/// Reads a descriptor (standard input) on a thread of its own and hands the bytes on. The thread waits in poll(2) for input or for the end,
/// so it never sits in a read that nothing can interrupt. The end of the input ends the thread and nothing else.
/// </summary>
public sealed unsafe class InputPump : IDisposable
{
    private readonly int _descriptor;
    private readonly AcceptBytes _accept;
    private readonly EventFd _stop = new();
    private readonly Thread _thread;
    private readonly byte[] _buffer = new byte[4096];
    private int _readAhead;

    /// <summary>Prepares the pump; <see cref="Start"/> starts its thread. <paramref name="descriptor"/> stays the caller's.</summary>
    public InputPump(string name, int descriptor, AcceptBytes accept)
    {
        _descriptor = descriptor;
        _accept = accept;
        _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = name };
    }

    /// <summary>Starts the thread; an input that has ended already, as that of /dev/null has, needs none.</summary>
    public void Start()
    {
        var polled = new pollfd { fd = _descriptor, events = POLLIN };
        if (Libc.poll(&polled, 1, 0) != 1 || (_readAhead = Read()) != 0)
        {
            _thread.Start();
        }
    }

    /// <summary>Ends the thread and waits for it; whoever blocks in the accepting side has to be released before.</summary>
    public void Dispose()
    {
        _stop.Signal();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted) || _thread.Join(TimeSpan.FromMilliseconds(500)))
        {
            _stop.Dispose();
        }
    }

    private void Serve()
    {
        if (_readAhead > 0 && !_accept(_buffer.AsSpan(0, _readAhead)))
        {
            return;
        }

        var polled = stackalloc pollfd[2];
        polled[0] = new pollfd { fd = _descriptor, events = POLLIN };
        polled[1] = new pollfd { fd = _stop.Descriptor, events = POLLIN };
        while (true)
        {
            if (Libc.poll(polled, 2, -1) < 0)
            {
                continue;
            }

            if ((polled[1].revents & POLLIN) != 0 || (polled[0].revents & POLLNVAL) != 0)
            {
                return;
            }

            if (polled[0].revents == 0)
            {
                continue;
            }

            var count = Read();
            if (count < 0 && Marshal.GetLastPInvokeError() is EINTR or EAGAIN)
            {
                continue;
            }

            if (count <= 0 || !_accept(_buffer.AsSpan(0, count)))
            {
                return;
            }
        }
    }

    private int Read()
    {
        fixed (byte* bytes = _buffer)
        {
            return (int)Libc.read(_descriptor, bytes, (nuint)_buffer.Length);
        }
    }
}
