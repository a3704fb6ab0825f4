using System.Runtime.InteropServices;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>Descriptors 0 to 2 as the caller gave them, and writing to them without waiting for ever.</summary>
public static unsafe class StandardStreams
{
    /// <summary>Standard input.</summary>
    public const int Input = 0;

    /// <summary>Standard output.</summary>
    public const int Output = 1;

    /// <summary>Standard error.</summary>
    public const int Error = 2;

    private const int PollSliceMs = 50;

    /// <summary>
    /// True when the caller gave this process the stream. A stream that it closed may by now be a descriptor of the runtime's own, which opens its
    /// files close-on-exec; an inherited descriptor cannot be that.
    /// </summary>
    public static bool IsGiven(int descriptor)
    {
        var flags = Libc.fcntl(descriptor, F_GETFD, 0);
        return flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }

    /// <summary>True when one of the three is no open descriptor at all, so that the next file would get its number.</summary>
    public static bool AnyClosed() =>
        Libc.fcntl(Input, F_GETFD, 0) < 0 || Libc.fcntl(Output, F_GETFD, 0) < 0 || Libc.fcntl(Error, F_GETFD, 0) < 0;

    /// <summary>
    /// Writes all bytes, waiting for a reader that stalls only while <paramref name="mayWait"/> says so (asked some twenty times a second). False
    /// when bytes were left: the reader stalled too long, went away, or the disk is full.
    /// </summary>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes, Func<bool> mayWait) => TryWrite(descriptor, bytes, mayWait, out _);

    /// <summary>As the other form; <paramref name="errno"/> says why bytes were left: 0 for a reader that stalled or went away.</summary>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes, Func<bool> mayWait, out int errno)
    {
        errno = 0;
        var pieceBytes = OutputPump.PieceBytes(descriptor);
        fixed (byte* start = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var polled = new pollfd { fd = descriptor, events = POLLOUT };
                var isPatient = mayWait();
                _ = Libc.poll(&polled, 1, isPatient ? PollSliceMs : 0);
                if ((polled.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
                {
                    return false;
                }

                if ((polled.revents & POLLOUT) == 0)
                {
                    if (!isPatient)
                    {
                        return false;
                    }

                    continue;
                }

                var written = Libc.write(descriptor, start + done, (nuint)Math.Min(pieceBytes, bytes.Length - done));
                if (written < 0 && Marshal.GetLastPInvokeError() is var error and not (EINTR or EAGAIN))
                {
                    errno = error;
                    return false;
                }

                done += (int)Math.Max(0, written);
            }
        }

        return true;
    }

    /// <summary>
    /// Reads what is there, waiting up to <paramref name="waitMs"/> milliseconds for the first byte. Returns how many bytes, 0 when none came in time, -1 at the end
    /// of the input or when it cannot be read.
    /// </summary>
    public static int TryRead(int descriptor, Span<byte> destination, int waitMs)
    {
        var polled = new pollfd { fd = descriptor, events = POLLIN };
        if (Libc.poll(&polled, 1, waitMs) <= 0)
        {
            return 0;
        }

        fixed (byte* start = destination)
        {
            var count = (int)Libc.read(descriptor, start, (nuint)destination.Length);
            return count > 0 ? count : count < 0 && Marshal.GetLastPInvokeError() is EINTR or EAGAIN ? 0 : -1;
        }
    }

    /// <summary>Ends the process at once with this status, whatever its threads are doing. The last resort of a run that must end.</summary>
    public static void EndProcess(int status) => Libc._exit(status);
}
