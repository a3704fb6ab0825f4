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
    private bool _entered;
    private KvmEntryCount? _entries;

    public void InjectNonMaskable()
    {
        Volatile.Write(ref _nonMaskable, 1);
        Kick();
    }

    public override VcpuActivity GetActivity()
    {
        var activity = GetMpState();
        var halted = activity == KVM_MP_STATE_HALTED;
        var interruptsEnabled = HasInterruptFlag();
        if (!halted)
        {
            return new VcpuActivity(false, WaitsForStartUp(activity), interruptsEnabled, false);
        }

        // Where KVM does not tell what it executes unseen, it may always do so. A timer that has run out is in no register until KVM_RUN looks at it.
        var entries = (_entries ??= KvmEntryCount.TryOpen(Descriptor))?.Read();
        var entered = _entered;
        _entered = false;
        return new VcpuActivity(true, false, interruptsEnabled, NonMaskableWake(), interruptsEnabled && (entries is null || !entered || InterruptWake()), entries ?? 0);
    }

    public override void Dispose()
    {
        _entries?.Dispose();
        base.Dispose();
    }

    private protected override void Left(IExitHandler handler) => _entered = true;

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

    /// <summary>KVM offers to leave that to the IO-APIC's EOI register (SDM vol. 3A, "Signaling Interrupt Servicing Completion"), and tells of each end all the same.</summary>
    private protected override unsafe bool BroadcastsEndOfInterrupt()
    {
        var registers = stackalloc byte[LapicEntries.RegistersBytes];
        return !LapicEntries.SuppressesBroadcasts(ReadLapic(registers));
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
        return LapicEntries.AnyNonMaskable(ReadLapic(registers));
    }

    private unsafe bool InterruptWake()
    {
        var registers = stackalloc byte[LapicEntries.RegistersBytes];
        var lapic = ReadLapic(registers);
        return LapicEntries.AnyInterrupt(lapic) ||
            (LapicEntries.HasDeadlineTimer(lapic) ? !TryGetMsr(TscDeadlineMsr, out var deadline) || deadline != 0 : LapicEntries.IsCounting(lapic));
    }

    private unsafe ReadOnlySpan<byte> ReadLapic(byte* registers)
    {
        KvmCall.ThrowOnError(Descriptor, KVM_GET_LAPIC, registers, "KVM_GET_LAPIC");
        return new ReadOnlySpan<byte>(registers, LapicEntries.RegistersBytes);
    }
}
