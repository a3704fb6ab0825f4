using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <summary>
/// What CPUID offers a guest on the soft processor before the machine adds its topology (SDM vol. 2, CPUID): what the processor implements, and what this
/// backend adds to it: MTRRs and PAT, which are registers without an effect, and the local APIC timer's TSC deadline. Provisional.
/// </summary>
internal static class SoftCpuid
{
    /// <summary>The leaves, in ascending order.</summary>
    internal static IReadOnlyList<CpuidLeaf> Leaves { get; } =
    [
        new(0, 0, false, 0xd, 0x6874_7541, 0x444d_4163, 0x6974_6e65),
        new(1, 0, false, 0x0006_0fb1, 8 << 8, 0x80c8_2201 | (1 << 24), 0x078b_fb7d),
        new(0x8000_0000, 0, false, 0x8000_0008, 0x6874_7541, 0x444d_4163, 0x6974_6e65),
        new(0x8000_0001, 0, false, 0x0006_0fb1, 0, 0x21, 0x2c10_0800),
        new(0x8000_0008, 0, false, 0x302e, 0, 0, 0),
    ];
}
