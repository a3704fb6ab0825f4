using System.Buffers.Binary;

namespace HvRunner.Kvm;

/// <summary>
/// Reads saved interrupt-controller registers for one question: can an entry deliver what RFLAGS.IF does not hold back? Local vector table
/// and redirection entries share their layout: delivery mode in bits 10:8 (2 SMI, 4 NMI, 5 INIT), mask in bit 16 (SDM vol. 3A, 11.5.1; 82093AA).
/// </summary>
internal static class LapicEntries
{
    /// <summary>Size of the register block in bytes.</summary>
    internal const int RegistersBytes = 1024;

    private const int SpuriousVector = 0xf0;
    private const int PerformanceCounters = 0x340;

    /// <summary>
    /// The local vector table of a KVM_GET_LAPIC register block. Only the performance counters' entry has a source behind it that could be delivered
    /// so: nothing drives LINT0 and LINT1 (Linux leaves LINT1 set to NMI), there is no thermal sensor, timer and error are always fixed. A
    /// software-disabled APIC masks them all.
    /// </summary>
    internal static bool AnyNonMaskable(ReadOnlySpan<byte> lapic)
    {
        const uint SoftwareEnabled = 0x100;
        return (Register(lapic, SpuriousVector) & SoftwareEnabled) != 0 && IsNonMaskable(Register(lapic, PerformanceCounters));
    }

    /// <summary>One local vector table or redirection entry.</summary>
    internal static bool IsNonMaskable(uint entry) => (entry & 0x10000) == 0 && ((entry >> 8) & 7) is 2 or 4 or 5;

    private static uint Register(ReadOnlySpan<byte> lapic, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(lapic[offset..]);
}
