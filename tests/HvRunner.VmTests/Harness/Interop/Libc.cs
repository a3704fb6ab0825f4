using System.Runtime.InteropServices;

namespace HvRunner.VmTests.Harness.Interop;

/// <summary>The calls that .NET has no other name for: kill(2), and ioctl(2) for pseudo-terminals.</summary>
internal static partial class Libc
{
    internal const int SIGINT = 2;
    internal const int SIGKILL = 9;
    internal const int SIGTERM = 15;
    internal const int SIGCONT = 18;
    internal const int SIGSTOP = 19;

    internal const nuint FIONREAD = 0x541b;
    internal const nuint TIOCSPTLCK = 0x40045431;
    internal const nuint TIOCGPTN = 0x80045430;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(int fd, nuint request, ref int argument);
}
