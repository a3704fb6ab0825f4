using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Kvm.Interop;

// struct kvm_run of linux/kvm.h: what KVM_RUN and hvrun tell each other. native/kvm_layout.c proves every offset here.

#pragma warning disable CS0649 // The kernel fills them in.
#pragma warning disable CS8981 // Native names are lower case.

[InlineArray(16)]
internal struct InternalErrorData
{
    private ulong _first;
}

[InlineArray(15)]
internal struct InstructionBytes
{
    private byte _first;
}

[InlineArray(8)]
internal struct MmioData
{
    private byte _first;
}

[InlineArray(6)]
internal struct HypercallArguments
{
    private ulong _first;
}

/// <summary>The page that KVM shares with user space for each vCPU; the members of its exit union stand side by side here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2352)]
internal struct kvm_run
{
    [FieldOffset(0)] internal byte request_interrupt_window;
    [FieldOffset(1)] internal byte immediate_exit;
    [FieldOffset(8)] internal uint exit_reason;
    [FieldOffset(12)] internal byte ready_for_interrupt_injection;
    [FieldOffset(13)] internal byte if_flag;
    [FieldOffset(14)] internal ushort flags;
    [FieldOffset(16)] internal ulong cr8;
    [FieldOffset(24)] internal ulong apic_base;

    [FieldOffset(32), NativeField("hw.hardware_exit_reason")] internal ulong hw_hardware_exit_reason;

    [FieldOffset(32), NativeField("fail_entry.hardware_entry_failure_reason")] internal ulong fail_entry_hardware_entry_failure_reason;
    [FieldOffset(40), NativeField("fail_entry.cpu")] internal uint fail_entry_cpu;

    [FieldOffset(32), NativeField("ex.exception")] internal uint ex_exception;
    [FieldOffset(36), NativeField("ex.error_code")] internal uint ex_error_code;

    [FieldOffset(32), NativeField("io.direction")] internal byte io_direction;
    [FieldOffset(33), NativeField("io.size")] internal byte io_size;
    [FieldOffset(34), NativeField("io.port")] internal ushort io_port;
    [FieldOffset(36), NativeField("io.count")] internal uint io_count;
    [FieldOffset(40), NativeField("io.data_offset")] internal ulong io_data_offset;

    [FieldOffset(32), NativeField("debug.arch.exception")] internal uint debug_arch_exception;
    [FieldOffset(40), NativeField("debug.arch.pc")] internal ulong debug_arch_pc;

    [FieldOffset(32), NativeField("mmio.phys_addr")] internal ulong mmio_phys_addr;
    [FieldOffset(40), NativeField("mmio.data")] internal MmioData mmio_data;
    [FieldOffset(48), NativeField("mmio.len")] internal uint mmio_len;
    [FieldOffset(52), NativeField("mmio.is_write")] internal byte mmio_is_write;

    [FieldOffset(32), NativeField("hypercall.nr")] internal ulong hypercall_nr;
    [FieldOffset(40), NativeField("hypercall.args")] internal HypercallArguments hypercall_args;
    [FieldOffset(88), NativeField("hypercall.ret")] internal ulong hypercall_ret;
    [FieldOffset(96), NativeField("hypercall.longmode")] internal uint hypercall_longmode;

    [FieldOffset(32), NativeField("internal.suberror")] internal uint internal_suberror;
    [FieldOffset(36), NativeField("internal.ndata")] internal uint internal_ndata;
    [FieldOffset(40), NativeField("internal.data")] internal InternalErrorData internal_data;

    [FieldOffset(40), NativeField("emulation_failure.flags")] internal ulong emulation_failure_flags;
    [FieldOffset(48), NativeField("emulation_failure.insn_size")] internal byte emulation_failure_insn_size;
    [FieldOffset(49), NativeField("emulation_failure.insn_bytes")] internal InstructionBytes emulation_failure_insn_bytes;

    [FieldOffset(32), NativeField("system_event.type")] internal uint system_event_type;

    [FieldOffset(32), NativeField("eoi.vector")] internal byte eoi_vector;

    [FieldOffset(32), NativeField("msr.error")] internal byte msr_error;
    [FieldOffset(40), NativeField("msr.reason")] internal uint msr_reason;
    [FieldOffset(44), NativeField("msr.index")] internal uint msr_index;
    [FieldOffset(48), NativeField("msr.data")] internal ulong msr_data;
}
