using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Host.Interop.LibcConstants;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>A vCPU's registers, MSRs and activity, moved by the ioctls that carry them.</summary>
internal sealed unsafe partial class KvmVcpu
{
    private const int LapicRegistersBytes = 1024;

    private IReadOnlyList<CpuidLeaf> _cpuid = [];

    /// <summary>What CPUID was set to answer.</summary>
    internal IReadOnlyList<CpuidLeaf> Cpuid => _cpuid;

    public void GetState(ProcessorState state, StateParts parts)
    {
        if (parts.HasFlag(StateParts.General))
        {
            kvm_regs regs;
            KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_REGS, &regs, "KVM_GET_REGS");
            KvmRegisters.Read(regs, state);
        }

        if (parts.HasFlag(StateParts.System))
        {
            kvm_sregs sregs;
            KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
            KvmRegisters.Read(sregs, state);
        }

        if (parts.HasFlag(StateParts.Extended))
        {
            fixed (byte* image = state.Extended.Image)
            {
                KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_XSAVE, image, "KVM_GET_XSAVE");
            }

            state.Extended.Xcr0 = GetXcr0();
        }

        if (parts.HasFlag(StateParts.Debug))
        {
            kvm_debugregs debug;
            KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_DEBUGREGS, &debug, "KVM_GET_DEBUGREGS");
            for (var i = 0; i < 4; i++)
            {
                state.Debug[i] = debug.db[i];
            }

            state.Debug[6] = debug.dr6;
            state.Debug[7] = debug.dr7;
        }
    }

    public void SetState(ProcessorState state, StateParts parts)
    {
        if (parts.HasFlag(StateParts.System))
        {
            kvm_sregs sregs;
            KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
            KvmRegisters.Write(state, ref sregs);
            KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
        }

        if (parts.HasFlag(StateParts.General))
        {
            KvmRegisters.Write(state, out var regs);
            KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_REGS, &regs, "KVM_SET_REGS");
        }

        if (parts.HasFlag(StateParts.Extended))
        {
            SetXcr0(state.Extended.Xcr0);
            fixed (byte* image = state.Extended.Image)
            {
                KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_XSAVE, image, "KVM_SET_XSAVE");
            }
        }

        if (parts.HasFlag(StateParts.Debug))
        {
            var debug = new kvm_debugregs { dr6 = state.Debug[6], dr7 = state.Debug[7] };
            for (var i = 0; i < 4; i++)
            {
                debug.db[i] = state.Debug[i];
            }

            KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_DEBUGREGS, &debug, "KVM_SET_DEBUGREGS");
        }
    }

    public bool TryGetMsr(uint index, out ulong value)
    {
        MsrList list;
        list.Count = 1;
        list.Entry = new kvm_msr_entry { index = index };
        var read = KvmCall.Try(_descriptor.Value, KVM_GET_MSRS, (nint)(&list)) == 1;
        value = read ? list.Entry.data : 0;
        return read;
    }

    public bool TrySetMsr(uint index, ulong value)
    {
        MsrList list;
        list.Count = 1;
        list.Entry = new kvm_msr_entry { index = index, data = value };
        return KvmCall.Try(_descriptor.Value, KVM_SET_MSRS, (nint)(&list)) == 1;
    }

    public VcpuActivity GetActivity()
    {
        var activity = GetMpState();
        kvm_regs regs;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_REGS, &regs, "KVM_GET_REGS");
        var halted = activity == KVM_MP_STATE_HALTED;
        return new VcpuActivity(halted, WaitsForStartUp(activity), (regs.rflags & 0x200) != 0, halted && NonMaskableWake());
    }

    /// <summary>Gives the vCPU its CPUID; before its first entry.</summary>
    internal void SetCpuid(IReadOnlyList<CpuidLeaf> leaves)
    {
        _cpuid = leaves;
        var bytes = stackalloc byte[8 + (leaves.Count * sizeof(kvm_cpuid_entry2))];
        *(uint*)bytes = (uint)leaves.Count;
        *(uint*)(bytes + 4) = 0;
        var entries = new Span<kvm_cpuid_entry2>(bytes + 8, leaves.Count);
        for (var i = 0; i < leaves.Count; i++)
        {
            entries[i] = KvmCpuid.ToNative(leaves[i]);
        }

        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_CPUID2, bytes, "KVM_SET_CPUID2");
    }

    /// <summary>Queues an exception for the next entry, as if the current instruction had raised it.</summary>
    private void InjectException(byte vector, bool hasErrorCode, uint errorCode)
    {
        kvm_vcpu_events events;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_VCPU_EVENTS, &events, "KVM_GET_VCPU_EVENTS");
        events.exception_injected = 1;
        events.exception_pending = 0;
        events.exception_nr = vector;
        events.exception_has_error_code = hasErrorCode ? (byte)1 : (byte)0;
        events.exception_error_code = errorCode;
        events.flags = 0;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_VCPU_EVENTS, &events, "KVM_SET_VCPU_EVENTS");
    }

    /// <summary>
    /// What an instruction leaves behind besides registers: whether interrupts are held off for one more (STI), which KVM may still say of the
    /// one before, and whether NMIs may come again (IRET).
    /// </summary>
    private void SetAftermath(bool interruptShadow, bool unmaskNmi)
    {
        kvm_vcpu_events events;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_VCPU_EVENTS, &events, "KVM_GET_VCPU_EVENTS");
        var shadow = interruptShadow ? KVM_X86_SHADOW_INT_STI : (byte)0;
        var masked = unmaskNmi ? (byte)0 : events.nmi_masked;
        if (events.interrupt_shadow == shadow && events.nmi_masked == masked)
        {
            return;
        }

        events.interrupt_shadow = shadow;
        events.nmi_masked = masked;
        events.flags = KVM_VCPUEVENT_VALID_SHADOW;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_VCPU_EVENTS, &events, "KVM_SET_VCPU_EVENTS");
    }

    private static bool WaitsForStartUp(uint mpState) => mpState is KVM_MP_STATE_UNINITIALIZED or KVM_MP_STATE_INIT_RECEIVED;

    private uint GetMpState()
    {
        kvm_mp_state mp;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_MP_STATE, &mp, "KVM_GET_MP_STATE");
        return mp.mp_state;
    }

    /// <summary>Puts the vCPU to sleep until an interrupt, as HLT does.</summary>
    private void SetHalted()
    {
        var halted = new kvm_mp_state { mp_state = KVM_MP_STATE_HALTED };
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_MP_STATE, &halted, "KVM_SET_MP_STATE");
    }

    private bool NonMaskableWake()
    {
        kvm_vcpu_events events;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_VCPU_EVENTS, &events, "KVM_GET_VCPU_EVENTS");
        if (events.nmi_pending != 0 || events.smi_pending != 0)
        {
            return true;
        }

        var registers = stackalloc byte[LapicRegistersBytes];
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_LAPIC, registers, "KVM_GET_LAPIC");
        return LapicEntries.AnyNonMaskable(new ReadOnlySpan<byte>(registers, LapicRegistersBytes));
    }

    private ulong GetXcr0()
    {
        kvm_xcrs xcrs;
        if (KvmCall.Try(_descriptor.Value, KVM_GET_XCRS, (nint)(&xcrs)) < 0)
        {
            // A guest whose CPUID has no XSAVE has no XCR0; x87 alone is what the register would say.
            return Marshal.GetLastPInvokeError() == EINVAL ? 1UL : throw KvmCall.Refused("KVM_GET_XCRS");
        }

        for (var i = 0; i < Math.Min(xcrs.nr_xcrs, 16u); i++)
        {
            if (xcrs.xcrs[i].xcr == 0)
            {
                return xcrs.xcrs[i].value;
            }
        }

        return 1;
    }

    private void SetXcr0(ulong value)
    {
        if (GetXcr0() == value)
        {
            return;
        }

        var xcrs = new kvm_xcrs { nr_xcrs = 1 };
        xcrs.xcrs[0] = new kvm_xcr { value = value };
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_XCRS, &xcrs, "KVM_SET_XCRS");
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MsrList
    {
        internal uint Count;
        internal uint Padding;
        internal kvm_msr_entry Entry;
    }
}
