using System.Buffers.Binary;
using System.Numerics;

namespace HvRunner.Kvm;

/// <summary>
/// Reads saved interrupt-controller registers: can an entry deliver what RFLAGS.IF does not hold back, and will something come that it does hold back? Local vector table
/// and redirection entries share their layout: delivery mode in bits 10:8 (2 SMI, 4 NMI, 5 INIT), mask in bit 16 (SDM vol. 3A, 11.5.1; 82093AA).
/// </summary>
internal static class LapicEntries
{
    /// <summary>Size of the register block in bytes.</summary>
    internal const int RegistersBytes = 1024;

    private const uint Masked = 0x10000;
    private const int Version = 0x30;
    private const int SpuriousVector = 0xf0;
    private const int PerformanceCounters = 0x340;
    private const int ProcessorPriority = 0xa0;
    private const int Requests = 0x200;
    private const int Timer = 0x320;
    private const int CurrentCount = 0x390;
    private const int VectorsInRegister = 32;
    private const int RegisterStride = 0x10;

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

    /// <summary>A request is above the processor's priority, so that the processor takes it once its interrupts are on.</summary>
    internal static bool AnyInterrupt(ReadOnlySpan<byte> lapic)
    {
        for (var i = (256 / VectorsInRegister) - 1; i >= 0; i--)
        {
            var requests = Register(lapic, Requests + (i * RegisterStride));
            if (requests != 0)
            {
                var highest = (i * VectorsInRegister) + BitOperations.Log2(requests);
                return highest >> 4 > (int)(Register(lapic, ProcessorPriority) >> 4 & 0xf);
            }
        }

        return false;
    }

    /// <summary>The timer counts down to an interrupt. Where it awaits a deadline instead, its count says nothing.</summary>
    internal static bool IsCounting(ReadOnlySpan<byte> lapic) => (Register(lapic, Timer) & Masked) == 0 && Register(lapic, CurrentCount) != 0;

    /// <summary>The timer is in TSC-deadline mode, and interrupts when its deadline comes.</summary>
    internal static bool HasDeadlineTimer(ReadOnlySpan<byte> lapic) => (Register(lapic, Timer) & Masked) == 0 && (Register(lapic, Timer) >> 17 & 3) == 2;

    /// <summary>Ends of level-triggered interrupts are not broadcast: the version offers that, and the spurious-vector register asks for it.</summary>
    internal static bool SuppressesBroadcasts(ReadOnlySpan<byte> lapic)
    {
        const uint Offered = 1u << 24;
        const uint Wanted = 1u << 12;
        return (Register(lapic, Version) & Offered) != 0 && (Register(lapic, SpuriousVector) & Wanted) != 0;
    }

    /// <summary>One local vector table or redirection entry.</summary>
    internal static bool IsNonMaskable(uint entry) => (entry & Masked) == 0 && ((entry >> 8) & 7) is 2 or 4 or 5;

    private static uint Register(ReadOnlySpan<byte> lapic, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(lapic[offset..]);
}
