using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// The processor's state at a PVH kernel's first instruction (Xen docs/misc/pvh.pandoc): 32-bit protected mode, flat segments, paging off,
/// interrupts off, EBX on hvm_start_info. What the specification leaves open is 0, or what a reset gives. The interrupt table is empty, so
/// a fault before the guest has its own ends in a triple fault.
/// </summary>
public static class PvhEntryState
{
    // Protection enable, and the extension type bit that always reads 1.
    private const ulong EntryCr0 = 0x11;
    private const ulong EntryRflags = 2;

    /// <summary>
    /// Model-specific registers to set before the first entry, on every vCPU. Memory is write-back by default (IA32_MTRR_DEF_TYPE), because what a
    /// reset gives is uncached; fast strings are on (IA32_MISC_ENABLE), and system calls lead nowhere yet. The time-stamp counter is
    /// not among them: writing it on one vCPU would set it apart from the others.
    /// </summary>
    public static IReadOnlyList<(uint Index, ulong Value)> Msrs { get; } =
    [
        (0x0000_0174, 0), // IA32_SYSENTER_CS
        (0x0000_0175, 0), // IA32_SYSENTER_ESP
        (0x0000_0176, 0), // IA32_SYSENTER_EIP
        (0x0000_01a0, 1), // IA32_MISC_ENABLE: fast strings
        (0x0000_02ff, 0x806), // IA32_MTRR_DEF_TYPE: enabled, write-back
        (0xc000_0081, 0), // IA32_STAR
        (0xc000_0082, 0), // IA32_LSTAR
        (0xc000_0083, 0), // IA32_CSTAR
        (0xc000_0084, 0), // IA32_FMASK
        (0xc000_0102, 0), // IA32_KERNEL_GS_BASE
    ];

    /// <summary>
    /// Sets the general registers, segments, descriptor tables and control registers, which are <see cref="StateParts.General"/> and
    /// <see cref="StateParts.System"/>. The APIC base, the debug registers and the extended state stay as they are: as after a reset.
    /// </summary>
    /// <param name="state">Where to; a backend's state after a reset.</param>
    /// <param name="entry"><see cref="PvhBootResult.Entry"/>.</param>
    /// <param name="startInfoAddress"><see cref="PvhBootResult.StartInfoAddress"/>.</param>
    /// <param name="addresses">The addresses that the guest was loaded with.</param>
    public static void Apply(ProcessorState state, uint entry, uint startInfoAddress, PvhAddresses addresses)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(addresses);
        ((Span<ulong>)state.General).Clear();
        state[GeneralRegister.Rbx] = startInfoAddress;
        state.Rip = entry;
        state.Rflags = EntryRflags;

        state[SegmentName.Cs] = PvhGdt.Code;
        state[SegmentName.Ds] = PvhGdt.Data;
        state[SegmentName.Es] = PvhGdt.Data;
        state[SegmentName.Ss] = PvhGdt.Data;
        state[SegmentName.Fs] = PvhGdt.Data;
        state[SegmentName.Gs] = PvhGdt.Data;
        state[SegmentName.Ldtr] = SegmentRegister.Null;
        state[SegmentName.Tr] = PvhGdt.Tss;
        state.Gdtr = new DescriptorTableRegister(addresses.Gdt.Value, PvhGdt.SizeBytes - 1);
        state.Idtr = default;

        state.Cr0 = EntryCr0;
        state.Cr2 = 0;
        state.Cr3 = 0;
        state.Cr4 = 0;
        state.Cr8 = 0;
        state.Efer = 0;
    }
}
