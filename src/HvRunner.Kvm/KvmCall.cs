using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Kvm;

/// <summary>One ioctl on a KVM descriptor, with the refusal as an exception that names the call.</summary>
internal static unsafe class KvmCall
{
    /// <summary>Makes the call and throws for a negative result. A call that a signal interrupted is made again.</summary>
    internal static int ThrowOnError(int descriptor, ulong request, nint argument, string call)
    {
        var result = Try(descriptor, request, argument);
        return result >= 0 ? result : throw Refused(call);
    }

    /// <summary>As the other form, for a call whose argument is a structure.</summary>
    internal static int ThrowOnError(int descriptor, ulong request, void* argument, string call) =>
        ThrowOnError(descriptor, request, (nint)argument, call);

    /// <summary>Makes the call; -1 when it is refused. A call that a signal interrupted is made again.</summary>
    internal static int Try(int descriptor, ulong request, nint argument)
    {
        while (true)
        {
            var result = Libc.ioctl(descriptor, request, argument);
            if (result >= 0 || Marshal.GetLastPInvokeError() != EINTR)
            {
                return result;
            }
        }
    }

    /// <summary>What KVM_CHECK_EXTENSION says of a capability; 0 when it is absent.</summary>
    internal static int CheckExtension(int descriptor, uint capability) =>
        Math.Max(0, Try(descriptor, Interop.KvmConstants.KVM_CHECK_EXTENSION, (nint)capability));

    /// <summary>The exception for a call that has just failed.</summary>
    internal static HypervisorException Refused(string call)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new HypervisorException($"{call} was refused by KVM: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
    }
}
