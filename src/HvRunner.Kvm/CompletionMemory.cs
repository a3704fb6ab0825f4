using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Instructions;

namespace HvRunner.Kvm;

/// <summary>
/// Guest-physical memory as an instruction that hvrun completes sees it: RAM, and the machine's devices behind the handler. The registers of
/// KVM's own interrupt controllers are out of reach from here; touching them is remembered, and the instruction then counts as not completed.
/// </summary>
/// <param name="ram">Guest RAM.</param>
/// <param name="handler">The machine.</param>
/// <param name="irqchip">Which interrupt controllers are KVM's.</param>
/// <param name="apicBase">IA32_APIC_BASE.</param>
/// <param name="counts">Where accesses to devices count as exits, or null: then the exit of the instruction itself was counted.</param>
internal struct CompletionMemory(AnonymousMemory ram, IExitHandler handler, IrqchipMode irqchip, ulong apicBase, ExitCounts? counts = null) : IPhysicalMemory
{
    /// <summary>The widest access that a device sees; wider operands are several.</summary>
    private const int DeviceAccessBytes = 8;

    private const ulong IoApicPage = 0xfec0_0000;
    private const ulong PageMask = 0xfff;

    /// <summary>An access went to KVM's local APIC or IO-APIC.</summary>
    internal bool TouchedInKernelDevice { get; private set; }

    public bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        if (ram.TryRead(new GuestAddress(physicalAddress), data))
        {
            return true;
        }

        if (IsInKernel(physicalAddress))
        {
            data.Fill(0xff);
            return false;
        }

        for (var done = 0; done < data.Length; done += DeviceAccessBytes)
        {
            if (counts is not null)
            {
                counts.MmioRead++;
            }

            handler.MmioRead(new GuestAddress(physicalAddress + (ulong)done), data.Slice(done, Math.Min(DeviceAccessBytes, data.Length - done)));
        }

        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (ram.TryWrite(new GuestAddress(physicalAddress), data))
        {
            return true;
        }

        if (IsInKernel(physicalAddress))
        {
            return false;
        }

        for (var done = 0; done < data.Length; done += DeviceAccessBytes)
        {
            if (counts is not null)
            {
                counts.MmioWrite++;
            }

            handler.MmioWrite(new GuestAddress(physicalAddress + (ulong)done), data.Slice(done, Math.Min(DeviceAccessBytes, data.Length - done)));
        }

        return true;
    }

    public readonly bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);

    public readonly bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);

    private bool IsInKernel(ulong physicalAddress)
    {
        const ulong ApicEnabled = 1 << 11;
        var page = physicalAddress & ~PageMask;
        var inKernel = irqchip switch
        {
            IrqchipMode.User => false,
            IrqchipMode.Kernel when page == IoApicPage => true,
            _ => (apicBase & ApicEnabled) != 0 && page == (apicBase & 0x000f_ffff_ffff_f000),
        };
        TouchedInKernelDevice |= inKernel;
        return inKernel;
    }
}
