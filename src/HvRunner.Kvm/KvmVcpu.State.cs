using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Host.Interop.LibcConstants;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>A vCPU's registers, MSRs and activity, moved by the ioctls that carry them.</summary>
internal abstract unsafe partial class KvmVcpu
{
    internal const uint ApicBaseMsr = 0x1b;
    internal const uint TscDeadlineMsr = 0x6e0;
    private protected const ulong InterruptFlag = 1 << 9;

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
        Interruptible = false;
        if (parts.HasFlag(StateParts.System))
        {
            kvm_sregs sregs;
            KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
            KvmRegisters.Write(state, ref sregs);
            KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");

            // Where KVM has no local APIC, it takes CR8 from here with the next entry.
            _run->cr8 = state.Cr8;
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

    public bool TryGetMsr(uint index, out ulong value) => KvmMsr.TryGet(_descriptor.Value, index, out value);

    public bool TrySetMsr(uint index, ulong value) => KvmMsr.TrySet(_descriptor.Value, index, value);

    public abstract VcpuActivity GetActivity();

    /// <summary>Gives the vCPU its CPUID; before its first entry.</summary>
    internal virtual void SetCpuid(IReadOnlyList<CpuidLeaf> leaves)
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
        var events = GetEvents();
        events.exception_injected = 1;
        events.exception_pending = 0;
        events.exception_nr = vector;
        events.exception_has_error_code = hasErrorCode ? (byte)1 : (byte)0;
        events.exception_error_code = errorCode;
        events.flags = 0;
        SetEvents(events);
    }

    /// <summary>
    /// What an instruction leaves behind besides registers: whether interrupts are held off for one more (STI), which KVM may still say of the
    /// one before, and whether NMIs may come again (IRET).
    /// </summary>
    private void SetAftermath(bool interruptShadow, bool unmaskNmi)
    {
        var events = GetEvents();
        var shadow = interruptShadow ? KVM_X86_SHADOW_INT_STI : (byte)0;
        var masked = unmaskNmi ? (byte)0 : events.nmi_masked;
        if (events.interrupt_shadow == shadow && events.nmi_masked == masked)
        {
            return;
        }

        events.interrupt_shadow = shadow;
        events.nmi_masked = masked;
        events.flags = KVM_VCPUEVENT_VALID_SHADOW;
        SetEvents(events);
    }

    /// <summary>RFLAGS.IF.</summary>
    private protected bool HasInterruptFlag()
    {
        kvm_regs regs;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_REGS, &regs, "KVM_GET_REGS");
        return (regs.rflags & InterruptFlag) != 0;
    }

    /// <summary>Gives KVM a vector to deliver. Only while <see cref="Interruptible"/> or in HLT with interrupts on.</summary>
    private protected void QueueInterrupt(int vector)
    {
        Interruptible = false;
        var interrupt = new kvm_interrupt { irq = (uint)vector };
        KvmCall.ThrowOnError(_descriptor.Value, KVM_INTERRUPT, &interrupt, "KVM_INTERRUPT");
    }

    /// <summary>A register of a local APIC that is the machine's, whatever KVM says when it is asked for it.</summary>
    internal virtual bool IsOfMachine(uint msr) => false;

    /// <summary>A register whose value is KVM's, but whose writes are to be passed on.</summary>
    internal virtual bool IsWatched(uint msr) => false;

    /// <summary>A read of a register that KVM passes on; false is #GP.</summary>
    internal virtual bool ReadMsr(IExitHandler handler, uint index, out ulong value) => handler.MsrRead(index, out value);

    /// <summary>A write of a register that KVM passes on; false is #GP.</summary>
    internal virtual bool WriteMsr(IExitHandler handler, uint index, ulong value) => handler.MsrWrite(index, value);

    private protected uint GetMpState()
    {
        kvm_mp_state mp;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_MP_STATE, &mp, "KVM_GET_MP_STATE");
        return mp.mp_state;
    }

    private protected void SetMpState(uint state)
    {
        var mp = new kvm_mp_state { mp_state = state };
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_MP_STATE, &mp, "KVM_SET_MP_STATE");
    }

    private protected kvm_vcpu_events GetEvents()
    {
        kvm_vcpu_events events;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_GET_VCPU_EVENTS, &events, "KVM_GET_VCPU_EVENTS");
        return events;
    }

    /// <summary>Drops what waits for delivery: exceptions, interrupts, NMIs, and the shadow that holds them off.</summary>
    private protected void ForgetEvents() =>
        SetEvents(new kvm_vcpu_events { flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING });

    private protected void SetEvents(kvm_vcpu_events events)
    {
        Interruptible = false;
        KvmCall.ThrowOnError(_descriptor.Value, KVM_SET_VCPU_EVENTS, &events, "KVM_SET_VCPU_EVENTS");
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
}
