using System.Numerics;
using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine;

/// <summary>
/// The CPUID that the guest sees: what the hypervisor can offer, with this machine's topology (one package, one thread a core, APIC id = vCPU
/// index) and without what the machine does not back. SDM vol. 2A "CPUID"; AMD APM vol. 3, appendix E; KVM leaves: timers.md, sections 1 and 2.
/// </summary>
public static class GuestCpuid
{
    private const uint KvmFeatures = 0x4000_0001;

    /// <summary>
    /// KVM features that a guest uses through hypercalls: unhalt (7), send IPI (11), yield (13), map range (16). Software-assisted KVMs never return
    /// from VMCALL in ring 0, so no guest is told of them; each is a speed-up that no kernel depends on.
    /// </summary>
    private const uint KvmHypercallFeatures = (1u << 7) | (1u << 11) | (1u << 13) | (1u << 16);

    /// <summary>Clock by its MSRs of old (0) and by those of today (3), no delays wanted after port accesses (1), counters of all vCPUs alike (24).</summary>
    private const uint ClockFeatures = (1u << 0) | (1u << 1) | (1u << 3) | (1u << 24);

    private const uint StealTimeFeature = 1u << 5;

    /// <summary>The leaves of one vCPU.</summary>
    /// <param name="supported">What the hypervisor offers.</param>
    /// <param name="vcpuCount">Number of vCPUs of the machine.</param>
    /// <param name="index">The vCPU's index.</param>
    /// <param name="timestampHz">The time-stamp counter's rate where the machine has the clock, not the hypervisor; else null.</param>
    public static IReadOnlyList<CpuidLeaf> Of(IReadOnlyList<CpuidLeaf> supported, int vcpuCount, int index, long? timestampHz = null)
    {
        var leaves = new List<CpuidLeaf>(supported.Count + 4);
        foreach (var leaf in supported)
        {
            // Topology leaves are made below from scratch: the host's describe the host.
            if (leaf.Function is not (0xb or 0x1f))
            {
                leaves.Add(Edit(leaf, vcpuCount, (uint)index));
            }
        }

        if (supported.Any(leaf => leaf.Function == 0 && leaf.Eax >= 0xb))
        {
            AddTopology(leaves, 0xb, vcpuCount, (uint)index);
        }

        if (supported.Any(leaf => leaf.Function == 0 && leaf.Eax >= 0x1f))
        {
            AddTopology(leaves, 0x1f, vcpuCount, (uint)index);
        }

        if (timestampHz is { } hz)
        {
            AddClock(leaves, vcpuCount, hz);
        }

        return leaves;
    }

    /// <summary>Width of a physical address as leaf 0x80000008 says it; 36, what a processor without that leaf has.</summary>
    public static int PhysicalAddressBits(IReadOnlyList<CpuidLeaf> leaves) =>
        Math.Clamp((int)(leaves.FirstOrDefault(leaf => leaf.Function == 0x8000_0008).Eax & 0xff), 36, 52);

    /// <summary>Whether the processor has an x2APIC mode: leaf 1, ECX bit 21.</summary>
    public static bool HasX2Apic(IReadOnlyList<CpuidLeaf> leaves) => (leaves.FirstOrDefault(leaf => leaf.Function == 1).Ecx & (1u << 21)) != 0;

    /// <summary>Whether the local APIC's timer has the mode by the time-stamp counter: leaf 1, ECX bit 24.</summary>
    public static bool HasTscDeadline(IReadOnlyList<CpuidLeaf> leaves) => (leaves.FirstOrDefault(leaf => leaf.Function == 1).Ecx & (1u << 24)) != 0;

    private static CpuidLeaf Edit(CpuidLeaf leaf, int vcpuCount, uint apicId)
    {
        var count = (uint)vcpuCount;
        switch (leaf.Function)
        {
            case 1:
                // EBX: APIC id, number of addressable ids; ECX bit 31: a hypervisor is present; EDX bit 28: the latter field is valid.
                return leaf with
                {
                    Ebx = (leaf.Ebx & 0x0000_ffff) | (Math.Min(BitOperations.RoundUpToPowerOf2(count), 255) << 16) | (apicId << 24),
                    Ecx = leaf.Ecx | (1u << 31),
                    Edx = count > 1 ? leaf.Edx | (1u << 28) : leaf.Edx & ~(1u << 28),
                };
            case 4 when (leaf.Eax & 0x1f) != 0:
                // 31:26 cores a package less one; 25:14 threads that share the cache less one: the last level is shared by all, the others by none.
                var sharing = ((leaf.Eax >> 5) & 7) >= 3 ? Math.Min(count, 4096) - 1 : 0;
                return leaf with { Eax = (leaf.Eax & 0x3fff) | (sharing << 14) | (Math.Min(count - 1, 63) << 26) };
            case 0x8000_0001:
                // ECX bit 1 (AMD): more than one core in the package.
                return leaf with { Ecx = count > 1 ? leaf.Ecx | 2 : leaf.Ecx & ~2u };
            case 0x8000_0008:
                return leaf with { Ecx = Math.Min(count - 1, 255) | ((uint)IdBits(vcpuCount) << 12) };
            case 0x8000_001d when (leaf.Eax & 0x1f) != 0:
                var shared = ((leaf.Eax >> 5) & 7) >= 3 ? Math.Min(count, 4096) - 1 : 0;
                return leaf with { Eax = (leaf.Eax & 0x3fff) | (shared << 14) };
            case 0x8000_001e:
                return leaf with { Eax = apicId, Ebx = apicId & 0xff, Ecx = 0 };
            case KvmFeatures:
                return leaf with { Eax = leaf.Eax & ~KvmHypercallFeatures };
            default:
                return leaf;
        }
    }

    /// <summary>Extended topology: level 0 threads (one a core), level 1 cores, level 2 invalid, which ends the list.</summary>
    private static void AddTopology(List<CpuidLeaf> leaves, uint function, int vcpuCount, uint apicId)
    {
        leaves.Add(new CpuidLeaf(function, 0, true, 0, 1, 0x100, apicId));
        leaves.Add(new CpuidLeaf(function, 1, true, (uint)IdBits(vcpuCount), (uint)vcpuCount, 0x201, apicId));
        leaves.Add(new CpuidLeaf(function, 2, true, 0, 0, 2, apicId));
    }

    /// <summary>
    /// KVM's leaves for its clock, and the one where some systems look for the frequencies: of the time-stamp counter and of the local APIC's timer.
    /// </summary>
    private static void AddClock(List<CpuidLeaf> leaves, int vcpuCount, long timestampHz)
    {
        const uint FrequencyLeaf = 0x4000_0010;
        leaves.Add(new CpuidLeaf(0x4000_0000, 0, false, FrequencyLeaf, 0x4b4d_564b, 0x564b_4d56, 0x4d));
        leaves.Add(new CpuidLeaf(KvmFeatures, 0, false, ClockFeatures | (vcpuCount > 1 ? StealTimeFeature : 0), 0, 0, 0));
        leaves.Add(new CpuidLeaf(FrequencyLeaf, 0, false, (uint)(timestampHz / 1000), (uint)(LocalApic.DefaultBusFrequencyHz / 1000), 0, 0));
    }

    /// <summary>Bits of an APIC id that tell the cores of a package apart.</summary>
    private static int IdBits(int vcpuCount) => BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)vcpuCount));
}
