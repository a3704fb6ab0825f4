using System.Runtime.InteropServices;

namespace HvRunner.Host;

/// <summary>The operating system refused a call that has no reason to fail. The message names the call and the error.</summary>
public sealed class HostException : Exception
{
    /// <summary>Names <paramref name="call"/> and the errno that it left.</summary>
    public HostException(string call, int errno)
        : base($"{call} failed: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
    {
        Errno = errno;
    }

    /// <summary>The error number.</summary>
    public int Errno { get; }

    /// <summary>Returns <paramref name="result"/>, or throws for a negative one with the errno of the call just made.</summary>
    internal static int Check(int result, string call) =>
        result >= 0 ? result : throw new HostException(call, Marshal.GetLastPInvokeError());
}
