using System.Runtime.InteropServices;

namespace HvRunner.Host.Interop;

/// <summary>
/// The libc calls that hvrun makes, one signature in one place, native names untouched. Every call that can fail returns -1 and leaves
/// errno in <see cref="Marshal.GetLastPInvokeError"/>. The native binary binds them directly (see DirectPInvoke in the project of the CLI).
/// Not here: what the BCL offers with the same guarantees (files, sockets, threads).
/// </summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int directory, string path, int flags, uint mask, statx_t* result);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(int fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pread(int fd, void* buffer, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint write(int fd, void* buffer, nuint count);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(pollfd* fds, ulong count, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(int fd, ulong request, nint argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int eventfd(uint initial, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int timerfd_create(int clock, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int timerfd_settime(int fd, int flags, itimerspec* value, itimerspec* old);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fcntl(int fd, int command, int argument);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tcgetpgrp(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getpgrp();

    /// <summary>Ends the process at once: nothing is flushed, no handler runs, no other thread is waited for.</summary>
    [LibraryImport(Library)]
    internal static partial void _exit(int status);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int isatty(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tcgetattr(int fd, termios* value);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tcsetattr(int fd, int actions, termios* value);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int gettid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getpid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int tgkill(int tgid, int tid, int signal);

    /// <summary>Returns the error itself, not through errno.</summary>
    [LibraryImport(Library)]
    internal static partial int pthread_sigmask(int how, sigset_t* set, sigset_t* old);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sigtimedwait(sigset_t* set, void* info, timespec* timeout);
}
