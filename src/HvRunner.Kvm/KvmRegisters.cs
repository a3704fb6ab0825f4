using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;

namespace HvRunner.Kvm;

/// <summary>Copies registers between KVM's structures and <see cref="ProcessorState"/>. Nothing here talks to the kernel.</summary>
internal static class KvmRegisters
{
    private const ulong LongModeActive = 1 << 10;

    /// <summary>The processor stands where a reset leaves it (SDM vol. 3A, 10.1.4): in real mode, in front of the first instruction.</summary>
    internal static bool IsAtReset(ProcessorState state) =>
        state is { Rip: 0xfff0, Efer: 0 } && (state.Cr0 & 1) == 0 && state[SegmentName.Cs] is { Base: 0xffff_0000, Selector: 0xf000 };

    /// <summary>
    /// KVM takes the system registers as they are. It refuses CS.L outside IA-32e mode, where that says nothing until the guest goes there, which is a fault then;
    /// without it, it would be none.
    /// </summary>
    internal static bool AreWhole(ProcessorState state) => (state.Efer & LongModeActive) != 0 || !state[SegmentName.Cs].Long;

    internal static void Read(in kvm_regs regs, ProcessorState state)
    {
        state[GeneralRegister.Rax] = regs.rax;
        state[GeneralRegister.Rcx] = regs.rcx;
        state[GeneralRegister.Rdx] = regs.rdx;
        state[GeneralRegister.Rbx] = regs.rbx;
        state[GeneralRegister.Rsp] = regs.rsp;
        state[GeneralRegister.Rbp] = regs.rbp;
        state[GeneralRegister.Rsi] = regs.rsi;
        state[GeneralRegister.Rdi] = regs.rdi;
        state[GeneralRegister.R8] = regs.r8;
        state[GeneralRegister.R9] = regs.r9;
        state[GeneralRegister.R10] = regs.r10;
        state[GeneralRegister.R11] = regs.r11;
        state[GeneralRegister.R12] = regs.r12;
        state[GeneralRegister.R13] = regs.r13;
        state[GeneralRegister.R14] = regs.r14;
        state[GeneralRegister.R15] = regs.r15;
        state.Rip = regs.rip;
        state.Rflags = regs.rflags;
    }

    internal static void Write(ProcessorState state, out kvm_regs regs) => regs = new kvm_regs
    {
        rax = state[GeneralRegister.Rax],
        rcx = state[GeneralRegister.Rcx],
        rdx = state[GeneralRegister.Rdx],
        rbx = state[GeneralRegister.Rbx],
        rsp = state[GeneralRegister.Rsp],
        rbp = state[GeneralRegister.Rbp],
        rsi = state[GeneralRegister.Rsi],
        rdi = state[GeneralRegister.Rdi],
        r8 = state[GeneralRegister.R8],
        r9 = state[GeneralRegister.R9],
        r10 = state[GeneralRegister.R10],
        r11 = state[GeneralRegister.R11],
        r12 = state[GeneralRegister.R12],
        r13 = state[GeneralRegister.R13],
        r14 = state[GeneralRegister.R14],
        r15 = state[GeneralRegister.R15],
        rip = state.Rip,
        rflags = state.Rflags,
    };

    internal static void Read(in kvm_sregs sregs, ProcessorState state)
    {
        state[SegmentName.Es] = Segment(sregs.es);
        state[SegmentName.Cs] = Segment(sregs.cs);
        state[SegmentName.Ss] = Segment(sregs.ss);
        state[SegmentName.Ds] = Segment(sregs.ds);
        state[SegmentName.Fs] = Segment(sregs.fs);
        state[SegmentName.Gs] = Segment(sregs.gs);
        state[SegmentName.Ldtr] = Segment(sregs.ldt);
        state[SegmentName.Tr] = Segment(sregs.tr);
        state.Gdtr = new DescriptorTableRegister(sregs.gdt.@base, sregs.gdt.limit);
        state.Idtr = new DescriptorTableRegister(sregs.idt.@base, sregs.idt.limit);
        state.Cr0 = sregs.cr0;
        state.Cr2 = sregs.cr2;
        state.Cr3 = sregs.cr3;
        state.Cr4 = sregs.cr4;
        state.Cr8 = sregs.cr8;
        state.Efer = sregs.efer;
        state.ApicBase = sregs.apic_base;
    }

    /// <summary>Overwrites what <see cref="ProcessorState"/> holds; the interrupt bitmap, which it does not hold, stays as it is.</summary>
    internal static void Write(ProcessorState state, ref kvm_sregs sregs)
    {
        sregs.es = Segment(state[SegmentName.Es]);
        sregs.cs = Segment(state[SegmentName.Cs]);
        sregs.cs.l = AreWhole(state) ? sregs.cs.l : (byte)0;
        sregs.ss = Segment(state[SegmentName.Ss]);
        sregs.ds = Segment(state[SegmentName.Ds]);
        sregs.fs = Segment(state[SegmentName.Fs]);
        sregs.gs = Segment(state[SegmentName.Gs]);
        sregs.ldt = Segment(state[SegmentName.Ldtr]);
        sregs.tr = Segment(state[SegmentName.Tr]);
        sregs.gdt = new kvm_dtable { @base = state.Gdtr.Base, limit = state.Gdtr.Limit };
        sregs.idt = new kvm_dtable { @base = state.Idtr.Base, limit = state.Idtr.Limit };
        sregs.cr0 = state.Cr0;
        sregs.cr2 = state.Cr2;
        sregs.cr3 = state.Cr3;
        sregs.cr4 = state.Cr4;
        sregs.cr8 = state.Cr8;
        sregs.efer = state.Efer;
        sregs.apic_base = state.ApicBase;
    }

    private static SegmentRegister Segment(in kvm_segment native) => new()
    {
        Selector = native.selector,
        Base = native.@base,
        Limit = native.limit,
        Attributes = (ushort)((native.type & 0xf) | (native.s << 4) | (native.dpl << 5) | (native.present << 7) |
            (native.avl << 12) | (native.l << 13) | (native.db << 14) | (native.g << 15)),
        Unusable = native.unusable != 0,
    };

    private static kvm_segment Segment(in SegmentRegister segment) => new()
    {
        selector = segment.Selector,
        @base = segment.Base,
        limit = segment.Limit,
        type = (byte)segment.Type,
        s = segment.IsCodeOrData ? (byte)1 : (byte)0,
        dpl = (byte)segment.Dpl,
        present = segment.Present ? (byte)1 : (byte)0,
        avl = (byte)((segment.Attributes >> 12) & 1),
        l = segment.Long ? (byte)1 : (byte)0,
        db = segment.Default32 ? (byte)1 : (byte)0,
        g = segment.Granular ? (byte)1 : (byte)0,
        unusable = segment.Unusable ? (byte)1 : (byte)0,
    };
}
