using System.Runtime.InteropServices;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>One model-specific register of a vCPU, by KVM_GET_MSRS and KVM_SET_MSRS. KVM makes the call wait while the vCPU runs.</summary>
internal static unsafe class KvmMsr
{
    /// <summary>Reads it; false and 0 when KVM does not know it.</summary>
    internal static bool TryGet(int vcpu, uint index, out ulong value)
    {
        var list = new List { Count = 1, Entry = new kvm_msr_entry { index = index } };
        var isRead = KvmCall.Try(vcpu, KVM_GET_MSRS, (nint)(&list)) == 1;
        value = isRead ? list.Entry.data : 0;
        return isRead;
    }

    /// <summary>Writes it as the host, which for some registers is not what a guest's write does; false when KVM refuses.</summary>
    internal static bool TrySet(int vcpu, uint index, ulong value)
    {
        var list = new List { Count = 1, Entry = new kvm_msr_entry { index = index, data = value } };
        return KvmCall.Try(vcpu, KVM_SET_MSRS, (nint)(&list)) == 1;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct List
    {
        internal uint Count;
        internal uint Padding;
        internal kvm_msr_entry Entry;
    }
}
