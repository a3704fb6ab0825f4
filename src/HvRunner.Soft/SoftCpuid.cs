using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft;

/// <summary>
/// What CPUID offers a guest on the soft processor before the machine adds its topology (SDM vol. 2, CPUID): what the processor implements, and the
/// registers that this backend has besides: MTRRs and PAT, a time-stamp counter that never changes its rate, and what a local APIC in the machine needs
/// of the processor: x2APIC mode and the TSC deadline.
/// </summary>
internal static class SoftCpuid
{
    private const uint MemoryTypeRanges = 1 << 12;
    private const uint PageAttributeTable = 1 << 16;
    private const uint TscDeadline = 1 << 24;
    private const uint X2Apic = 1 << 21;
    private const uint InvariantTsc = 1 << 8;

    /// <summary>The leaves, in ascending order.</summary>
    internal static IReadOnlyList<CpuidLeaf> Leaves { get; } = [.. SoftwareCpuid.Leaves.Select(Extend)];

    private static CpuidLeaf Extend(CpuidLeaf leaf) => leaf.Function switch
    {
        1 => leaf with { Ecx = leaf.Ecx | TscDeadline | X2Apic, Edx = leaf.Edx | MemoryTypeRanges | PageAttributeTable },
        0x8000_0001 => leaf with { Edx = leaf.Edx | MemoryTypeRanges | PageAttributeTable },
        0x8000_0007 => leaf with { Edx = leaf.Edx | InvariantTsc },
        _ => leaf,
    };
}
