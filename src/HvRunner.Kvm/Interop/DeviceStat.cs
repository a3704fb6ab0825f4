using System.Runtime.InteropServices;

namespace HvRunner.Kvm.Interop;

/// <summary>statx(2): who owns a file, which the BCL does not tell. Numbers and offsets of linux/stat.h.</summary>
internal static unsafe partial class DeviceStat
{
    internal const int AT_FDCWD = -100;
    internal const uint STATX_TYPE = 1;
    internal const uint STATX_MODE = 2;
    internal const uint STATX_UID = 8;
    internal const uint STATX_GID = 0x10;
    internal const uint S_IFMT = 0xf000;
    internal const uint S_IFCHR = 0x2000;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int directory, string path, int flags, uint mask, statx_t* result);

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
}
