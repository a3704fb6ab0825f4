using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Kvm.Interop;

// Structures of linux/kvm.h and asm/kvm.h on x86-64 that the ioctls carry. native/kvm_layout.c proves every size and offset here.

#pragma warning disable CS0649 // The kernel fills them in.
#pragma warning disable CS8981 // Native names are lower case.

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_userspace_memory_region
{
    internal uint slot;
    internal uint flags;
    internal ulong guest_phys_addr;
    internal ulong memory_size;
    internal ulong userspace_addr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_regs
{
    internal ulong rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    internal ulong r8, r9, r10, r11, r12, r13, r14, r15;
    internal ulong rip, rflags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_segment
{
    internal ulong @base;
    internal uint limit;
    internal ushort selector;
    internal byte type;
    internal byte present, dpl, db, s, l, g, avl;
    internal byte unusable;
    internal byte padding;
}

[InlineArray(3)]
internal struct DtablePadding
{
    private ushort _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_dtable
{
    internal ulong @base;
    internal ushort limit;
    internal DtablePadding padding;
}

[InlineArray(4)]
internal struct InterruptBitmap
{
    private ulong _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_sregs
{
    internal kvm_segment cs, ds, es, fs, gs, ss;
    internal kvm_segment tr, ldt;
    internal kvm_dtable gdt, idt;
    internal ulong cr0, cr2, cr3, cr4, cr8;
    internal ulong efer;
    internal ulong apic_base;
    internal InterruptBitmap interrupt_bitmap;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_entry
{
    internal uint index;
    internal uint reserved;
    internal ulong data;
}

[InlineArray(3)]
internal struct CpuidPadding
{
    private uint _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_cpuid_entry2
{
    internal uint function;
    internal uint index;
    internal uint flags;
    internal uint eax, ebx, ecx, edx;
    internal CpuidPadding padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_irq_level
{
    internal uint irq;
    internal uint level;
}

[InlineArray(4)]
internal struct CapabilityArguments
{
    private ulong _first;
}

[InlineArray(64)]
internal struct CapabilityPadding
{
    private byte _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_enable_cap
{
    internal uint cap;
    internal uint flags;
    internal CapabilityArguments args;
    internal CapabilityPadding pad;
}

[InlineArray(16)]
internal struct ExtendedControlRegisters
{
    private kvm_xcr _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_xcr
{
    internal uint xcr;
    internal uint reserved;
    internal ulong value;
}

[InlineArray(16)]
internal struct XcrsPadding
{
    private ulong _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_xcrs
{
    internal uint nr_xcrs;
    internal uint flags;
    internal ExtendedControlRegisters xcrs;
    internal XcrsPadding padding;
}

[InlineArray(4)]
internal struct DebugAddresses
{
    private ulong _first;
}

[InlineArray(9)]
internal struct DebugRegistersReserved
{
    private ulong _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_debugregs
{
    internal DebugAddresses db;
    internal ulong dr6;
    internal ulong dr7;
    internal ulong flags;
    internal DebugRegistersReserved reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_mp_state
{
    internal uint mp_state;
}

[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct kvm_vcpu_events
{
    [FieldOffset(0), NativeField("exception.injected")] internal byte exception_injected;
    [FieldOffset(1), NativeField("exception.nr")] internal byte exception_nr;
    [FieldOffset(2), NativeField("exception.has_error_code")] internal byte exception_has_error_code;
    [FieldOffset(3), NativeField("exception.pending")] internal byte exception_pending;
    [FieldOffset(4), NativeField("exception.error_code")] internal uint exception_error_code;
    [FieldOffset(8), NativeField("interrupt.injected")] internal byte interrupt_injected;
    [FieldOffset(9), NativeField("interrupt.nr")] internal byte interrupt_nr;
    [FieldOffset(10), NativeField("interrupt.soft")] internal byte interrupt_soft;
    [FieldOffset(11), NativeField("interrupt.shadow")] internal byte interrupt_shadow;
    [FieldOffset(12), NativeField("nmi.injected")] internal byte nmi_injected;
    [FieldOffset(13), NativeField("nmi.pending")] internal byte nmi_pending;
    [FieldOffset(14), NativeField("nmi.masked")] internal byte nmi_masked;
    [FieldOffset(16)] internal uint sipi_vector;
    [FieldOffset(20)] internal uint flags;
    [FieldOffset(24), NativeField("smi.smm")] internal byte smi_smm;
    [FieldOffset(25), NativeField("smi.pending")] internal byte smi_pending;
    [FieldOffset(26), NativeField("smi.smm_inside_nmi")] internal byte smi_smm_inside_nmi;
    [FieldOffset(27), NativeField("smi.latched_init")] internal byte smi_latched_init;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_interrupt
{
    internal uint irq;
}

[InlineArray(12)]
internal struct MsiPadding
{
    private byte _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msi
{
    internal uint address_lo;
    internal uint address_hi;
    internal uint data;
    internal uint flags;
    internal uint devid;
    internal MsiPadding pad;
}

[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct kvm_irq_routing_entry
{
    [FieldOffset(0)] internal uint gsi;
    [FieldOffset(4)] internal uint type;
    [FieldOffset(8)] internal uint flags;
    [FieldOffset(16), NativeField("u.irqchip.irqchip")] internal uint irqchip;
    [FieldOffset(20), NativeField("u.irqchip.pin")] internal uint pin;
    [FieldOffset(16), NativeField("u.msi.address_lo")] internal uint msi_address_lo;
    [FieldOffset(20), NativeField("u.msi.address_hi")] internal uint msi_address_hi;
    [FieldOffset(24), NativeField("u.msi.data")] internal uint msi_data;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_filter_range
{
    internal uint flags;
    internal uint nmsrs;
    internal uint @base;
    internal ulong bitmap;
}

[InlineArray(16)]
internal struct MsrFilterRanges
{
    private kvm_msr_filter_range _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_filter
{
    internal uint flags;
    internal MsrFilterRanges ranges;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_device_attr
{
    internal uint flags;
    internal uint group;
    internal ulong attr;
    internal ulong addr;
}

/// <summary>The C member that a managed field stands for, where C nests it in a struct or union.</summary>
/// <param name="path">As offsetof() takes it.</param>
[AttributeUsage(AttributeTargets.Field)]
internal sealed class NativeFieldAttribute(string path) : Attribute
{
    public string Path { get; } = path;
}
