using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Host.Interop;

// Structures of glibc and Linux on x86-64 that the calls in Libc take. native/libc_layout.c proves every size and offset here.

#pragma warning disable CS0649 // The kernel fills them in.
#pragma warning disable CS8981 // Native names are lower case.

[StructLayout(LayoutKind.Sequential)]
internal struct timespec
{
    internal long tv_sec;
    internal long tv_nsec;
}

[StructLayout(LayoutKind.Sequential)]
internal struct itimerspec
{
    internal timespec it_interval;
    internal timespec it_value;
}

[StructLayout(LayoutKind.Sequential)]
internal struct pollfd
{
    internal int fd;
    internal short events;
    internal short revents;
}

[InlineArray(32)]
internal struct ControlCharacters
{
    private byte _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct termios
{
    internal uint c_iflag;
    internal uint c_oflag;
    internal uint c_cflag;
    internal uint c_lflag;
    internal byte c_line;
    internal ControlCharacters c_cc;
    internal uint c_ispeed;
    internal uint c_ospeed;
}

[StructLayout(LayoutKind.Sequential)]
internal struct winsize
{
    internal ushort ws_row;
    internal ushort ws_col;
    internal ushort ws_xpixel;
    internal ushort ws_ypixel;
}

/// <summary>glibc's signal set: 1024 bits, of which the kernel knows the first 64. Signal n is bit n - 1.</summary>
[InlineArray(16)]
internal struct sigset_t
{
    private ulong _first;
}

/// <summary>struct statx, as far as it is read. C# has no name for it that the call does not bear already; the header's typedef is in native/.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct statx_t
{
    [FieldOffset(20)]
    internal uint stx_uid;

    [FieldOffset(24)]
    internal uint stx_gid;

    [FieldOffset(28)]
    internal ushort stx_mode;
}
