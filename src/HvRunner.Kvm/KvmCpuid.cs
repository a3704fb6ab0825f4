using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>CPUID leaves between KVM's structures and the contracts.</summary>
internal static unsafe class KvmCpuid
{
    private const int MaxEntries = 256;
    private const uint X2Apic = 1 << 21;
    private const uint TscDeadline = 1 << 24;
    private const uint TscAdjust = 1 << 1;
    private const uint KvmFeatures = 0x4000_0001;

    /// <summary>
    /// Asynchronous page faults (4, 10, 14), paravirtual EOI (6), unhalt (7), send IPI (11), polling in HLT (12), yield (13), MSI destinations of 15 bits (15).
    /// </summary>
    private const uint KvmApicFeatures = (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15);

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

    /// <summary>
    /// What of it is true without a local APIC in KVM: x2APIC mode, whose registers KVM passes on, the TSC deadline if it passes that on and TSC_ADJUST if it moves the counter
    /// (<see cref="UserModeProbe"/>), and none of the KVM features that KVM's own APIC is behind or that concern the sleep in HLT, which is not KVM's then (Linux, Documentation/virt/kvm/x86/cpuid.rst).
    /// </summary>
    internal static IReadOnlyList<CpuidLeaf> WithoutApic(IReadOnlyList<CpuidLeaf> supported, UserModeFindings timestamp) => [.. supported.Select(leaf => leaf.Function switch
    {
        1 => leaf with { Ecx = (leaf.Ecx & ~TscDeadline) | X2Apic | (timestamp.DeadlinePassedOn ? TscDeadline : 0) },
        7 when leaf.Index == 0 && !timestamp.CounterMoves => leaf with { Ebx = leaf.Ebx & ~(uint)TscAdjust },
        KvmFeatures => leaf with { Eax = leaf.Eax & ~KvmApicFeatures },
        _ => leaf,
    })];

    /// <summary>What of it is true with KVM's own local APICs. Whether they have a TSC deadline a capability says, and the list of some kernels does not.</summary>
    internal static IReadOnlyList<CpuidLeaf> WithApic(IReadOnlyList<CpuidLeaf> supported, bool tscDeadline) =>
        [.. supported.Select(leaf => leaf.Function == 1 && tscDeadline ? leaf with { Ecx = leaf.Ecx | TscDeadline } : leaf)];

    /// <summary>IA32_TSC_ADJUST is there.</summary>
    internal static bool HasTscAdjust(IReadOnlyList<CpuidLeaf> leaves) => leaves.Any(leaf => leaf is { Function: 7, Index: 0 } && (leaf.Ebx & TscAdjust) != 0);

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
