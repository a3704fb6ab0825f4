using HvRunner.Abstractions;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// A vCPU whose local APIC is KVM's, which then delivers interrupts, halts and starts it by itself. What is left for the machine are NMIs from outside and, where the
/// 8259 pair is the machine's, external interrupts (ExtINT): KVM says when it can take one, which LINT0's entry has a say in.
/// </summary>
/// <param name="partition">The partition.</param>
/// <param name="index">Its index.</param>
/// <param name="runBytes">Size of the mapping that is shared with the kernel.</param>
internal sealed class KernelApicVcpu(KvmPartition partition, int index, int runBytes) : KvmVcpu(partition, index, runBytes), IVcpuNonMaskable
{
    private readonly bool _takesExternal = partition.Irqchip == IrqchipMode.Split;
    private int _nonMaskable;

    public void InjectNonMaskable()
    {
        Volatile.Write(ref _nonMaskable, 1);
        Kick();
    }

    public override VcpuActivity GetActivity()
    {
        var activity = GetMpState();
        var halted = activity == KVM_MP_STATE_HALTED;
        return new VcpuActivity(halted, WaitsForStartUp(activity), HasInterruptFlag(), halted && NonMaskableWake());
    }

    /// <summary>
    /// Here and not where it is asked for: KVM takes the call only while the vCPU is out of KVM_RUN. One that waits for its start-up takes no NMI; KVM would keep
    /// it all the same, and as long as it does KVM_RUN does not wait but returns at once, again and again.
    /// </summary>
    private protected override void BeforeKicked()
    {
        if (Volatile.Read(ref _nonMaskable) != 0 && Interlocked.Exchange(ref _nonMaskable, 0) != 0 && !WaitsForStartUp(GetMpState()))
        {
            KvmCall.ThrowOnError(Descriptor, KVM_NMI, 0, "KVM_NMI");
        }
    }

    private protected override VcpuExit? Prepare(IExitHandler handler)
    {
        if (!_takesExternal)
        {
            return null;
        }

        var events = new EntryEvents(Interruptible, canTakeNonMaskable: false, halted: false);
        if (handler.BeforeEntry(ref events) && events.Vector >= 0)
        {
            QueueInterrupt(events.Vector);
        }

        Page.request_interrupt_window = events.WaitsForWindow ? (byte)1 : (byte)0;
        return null;
    }

    /// <summary>Puts the vCPU to sleep as KVM does itself.</summary>
    private protected override void Halt(bool interruptible) => SetMpState(KVM_MP_STATE_HALTED);

    private static bool WaitsForStartUp(uint mpState) => mpState is KVM_MP_STATE_UNINITIALIZED or KVM_MP_STATE_INIT_RECEIVED;

    private unsafe bool NonMaskableWake()
    {
        var events = GetEvents();
        if (events.nmi_pending != 0 || events.smi_pending != 0)
        {
            return true;
        }

        var registers = stackalloc byte[LapicEntries.RegistersBytes];
        KvmCall.ThrowOnError(Descriptor, KVM_GET_LAPIC, registers, "KVM_GET_LAPIC");
        return LapicEntries.AnyNonMaskable(new ReadOnlySpan<byte>(registers, LapicEntries.RegistersBytes));
    }
}
