using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>CPUID leaves between KVM's structures and the contracts.</summary>
internal static unsafe class KvmCpuid
{
    private const int MaxEntries = 256;

    /// <summary>What KVM_GET_SUPPORTED_CPUID lists.</summary>
    internal static IReadOnlyList<CpuidLeaf> GetSupported(int descriptor)
    {
        var bytes = stackalloc byte[8 + (MaxEntries * sizeof(kvm_cpuid_entry2))];
        *(uint*)bytes = MaxEntries;
        KvmCall.ThrowOnError(descriptor, KVM_GET_SUPPORTED_CPUID, bytes, "KVM_GET_SUPPORTED_CPUID");
        var entries = new ReadOnlySpan<kvm_cpuid_entry2>(bytes + 8, (int)*(uint*)bytes);
        var leaves = new CpuidLeaf[entries.Length];
        for (var i = 0; i < leaves.Length; i++)
        {
            ref readonly var entry = ref entries[i];
            leaves[i] = new CpuidLeaf(
                entry.function, entry.index, (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0, entry.eax, entry.ebx, entry.ecx, entry.edx);
        }

        return leaves;
    }

    internal static kvm_cpuid_entry2 ToNative(in CpuidLeaf leaf) => new()
    {
        function = leaf.Function,
        index = leaf.Index,
        flags = leaf.HasIndex ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        eax = leaf.Eax,
        ebx = leaf.Ebx,
        ecx = leaf.Ecx,
        edx = leaf.Edx,
    };
}
