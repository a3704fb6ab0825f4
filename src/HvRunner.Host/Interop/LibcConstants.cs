namespace HvRunner.Host.Interop;

/// <summary>Numbers of Linux on x86-64, as the headers name them. A test compiles C asserts over every constant here.</summary>
internal static class LibcConstants
{
    internal const int O_RDWR = 2;
    internal const int O_CLOEXEC = 0x80000;

    internal const int F_GETFD = 1;
    internal const int FD_CLOEXEC = 1;

    internal const int AT_FDCWD = -100;
    internal const uint STATX_TYPE = 1;
    internal const uint STATX_MODE = 2;
    internal const uint STATX_UID = 8;
    internal const uint STATX_GID = 0x10;
    internal const uint S_IFMT = 0xf000;
    internal const uint S_IFCHR = 0x2000;

    internal const int PROT_NONE = 0;
    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int PROT_EXEC = 4;
    internal const int MAP_SHARED = 1;
    internal const int MAP_PRIVATE = 2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;
    internal const int MADV_DONTNEED = 4;
    internal const int MADV_HUGEPAGE = 14;

    internal const int EFD_CLOEXEC = 0x80000;
    internal const int EFD_NONBLOCK = 0x800;
    internal const int TFD_CLOEXEC = 0x80000;
    internal const int TFD_TIMER_ABSTIME = 1;
    internal const int CLOCK_MONOTONIC = 1;

    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;
    internal const short POLLERR = 8;
    internal const short POLLHUP = 16;
    internal const short POLLNVAL = 32;

    internal const int SIG_BLOCK = 0;
    internal const int SIG_SETMASK = 2;

    internal const ulong TIOCGWINSZ = 0x5413;
    internal const int TCSANOW = 0;
    internal const uint IGNBRK = 0x1;
    internal const uint BRKINT = 0x2;
    internal const uint PARMRK = 0x8;
    internal const uint ISTRIP = 0x20;
    internal const uint INLCR = 0x40;
    internal const uint IGNCR = 0x80;
    internal const uint ICRNL = 0x100;
    internal const uint IXON = 0x400;
    internal const uint ECHO = 0x8;
    internal const uint ECHONL = 0x40;
    internal const uint ICANON = 0x2;
    internal const uint ISIG = 0x1;
    internal const uint IEXTEN = 0x8000;
    internal const int VTIME = 5;
    internal const int VMIN = 6;

    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EIO = 5;
    internal const int ENXIO = 6;
    internal const int E2BIG = 7;
    internal const int EBADF = 9;
    internal const int EAGAIN = 11;
    internal const int ENOMEM = 12;
    internal const int EACCES = 13;
    internal const int EFAULT = 14;
    internal const int EBUSY = 16;
    internal const int EEXIST = 17;
    internal const int ENODEV = 19;
    internal const int EINVAL = 22;
    internal const int EPIPE = 32;
    internal const int ENOSYS = 38;
}
