using HvRunner.Abstractions;
using HvRunner.Instructions;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// A vCPU whose local APIC is the machine's: before each entry the handler says what to deliver, in HLT and before its start-up the vCPU's thread waits here, and
/// INIT puts the processor into its reset state. What KVM knows of the processor comes from the shared page, so that an entry without an event makes no call but KVM_RUN.
/// <para>
/// An interrupt is injected when the page says that the guest can take it at once; else KVM is asked to leave the guest as soon as it can. An NMI is KVM's as soon as
/// the machine gives it, and KVM holds it until the processor takes it. CR8 is in the page both ways. For the local APIC's TSC deadline the time-stamp counter is read
/// whenever the guest touches the deadline, so that it is known best when it matters.
/// </para>
/// </summary>
internal sealed unsafe partial class UserApicVcpu : KvmVcpu, IVcpuTimestamp
{
    private const uint FirstX2ApicMsr = 0x800;
    private const uint LastX2ApicMsr = 0x8ff;
    private const ulong BootstrapApicBase = 0xfee0_0900;
    private const ulong ApplicationApicBase = 0xfee0_0800;

    private readonly KvmHypervisor _hypervisor;
    private readonly ProcessorState _state = new();
    private readonly KvmTimestamp _timestamp;
    private ulong _taskPriority;
    private bool _byStretches;
    private bool _halted;
    private bool _waitsForStart;
    private bool _hasTscAdjust;

    // KVM may hold one, or the guest be in its handler: only then it is worth a call to ask.
    private bool _nonMaskableGiven;

    internal UserApicVcpu(KvmHypervisor hypervisor, KvmPartition partition, int index, int runBytes)
        : base(partition, index, runBytes)
    {
        _hypervisor = hypervisor;
        _waitsForStart = index != 0;
        try
        {
            _timestamp = new KvmTimestamp(Descriptor);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public event Action? TimestampMoved;

    public ulong Timestamp => _timestamp.Now;

    private protected override bool Sleeps => _halted || _waitsForStart;

    /// <summary>A halted processor waits for nothing that KVM holds: what it could still take, it would have taken.</summary>
    public override VcpuActivity GetActivity() => new(_halted, _waitsForStart, HasInterruptFlag(), NonMaskableWake: false);

    public long DeadlineNs(ulong timestamp) => _timestamp.DeadlineNs(timestamp);

    private protected override VcpuExit? Prepare(IExitHandler handler)
    {
        SyncTaskPriority(handler);
        if (_byStretches)
        {
            return PrepareByStretches(handler);
        }

        return DeliverEvents(handler) is { } refused ? refused : AwaitsHiddenWindow && !Sleeps ? PrepareByStretches(handler) : null;
    }

    private VcpuExit? DeliverEvents(IExitHandler handler)
    {
        var events = new EntryEvents(Interruptible, CanTakeNonMaskable(), Sleeps);
        if (handler.BeforeEntry(ref events) && Deliver(handler, events) is { } end)
        {
            return end;
        }

        Page.request_interrupt_window = events.WaitsForWindow ? (byte)1 : (byte)0;
        return null;
    }

    /// <summary>The guest may have written CR8: the machine's local APIC has to know before it is asked for anything.</summary>
    private protected override void Left(IExitHandler handler)
    {
        if (Page.cr8 != _taskPriority)
        {
            SyncTaskPriority(handler);
        }
    }

    private protected override void Halt(bool interruptible)
    {
        // HLT behind STI: an NMI that came in between is still KVM's, and ends the wait.
        if (_nonMaskableGiven && GetEvents() is { nmi_masked: 0, nmi_pending: not 0 })
        {
            return;
        }

        _halted = true;
        Interruptible = interruptible;
    }

    internal override void SetCpuid(IReadOnlyList<CpuidLeaf> leaves)
    {
        base.SetCpuid(leaves);
        _hasTscAdjust = KvmCpuid.HasTscAdjust(leaves);

        // CPUID shows an APIC while KVM thinks that there is one.
        _ = TrySetMsr(ApicBaseMsr, Index == 0 ? BootstrapApicBase : ApplicationApicBase);
    }

    internal override bool IsOfMachine(uint msr) => msr is ApicBaseMsr or TscDeadlineMsr or (>= FirstX2ApicMsr and <= LastX2ApicMsr);

    internal override bool IsWatched(uint msr) => msr is KvmTimestamp.CounterMsr or KvmTimestamp.AdjustMsr;

    internal override bool ReadMsr(IExitHandler handler, uint index, out ulong value)
    {
        if (index == TscDeadlineMsr)
        {
            _timestamp.Sample();
        }

        return base.ReadMsr(handler, index, out value);
    }

    internal override bool WriteMsr(IExitHandler handler, uint index, ulong value)
    {
        if (IsWatched(index))
        {
            return MoveTimestamp(index, value);
        }

        if (index == TscDeadlineMsr)
        {
            _timestamp.Sample();
        }

        if (!base.WriteMsr(handler, index, value))
        {
            return false;
        }

        if (index == ApicBaseMsr)
        {
            _ = TrySetMsr(index, value);
        }

        return true;
    }

    private bool MoveTimestamp(uint index, ulong value)
    {
        if (_hypervisor.IsTimestampFixed && index == KvmTimestamp.CounterMsr)
        {
            // Dropped, so that RDMSR, RDTSC and deadlines go on telling one time.
            return true;
        }

        var isMoved = index == KvmTimestamp.CounterMsr ? _timestamp.TrySet(value) : _hasTscAdjust && _timestamp.TryAdjust(value);
        if (isMoved)
        {
            TimestampMoved?.Invoke();
        }

        return isMoved;
    }

    /// <summary>While an NMI's handler runs, HLT is not ended by another.</summary>
    private bool CanTakeNonMaskable() => !_halted || !_nonMaskableGiven || GetEvents().nmi_masked == 0;

    private VcpuExit? Deliver(IExitHandler handler, in EntryEvents events)
    {
        if (events.Init && Reset(handler) is { } end)
        {
            return end;
        }

        if (events.StartupVector >= 0 && _waitsForStart)
        {
            Start(events.StartupVector);
        }

        if (_waitsForStart)
        {
            return null;
        }

        if (events.NonMaskable)
        {
            _halted = false;
            _nonMaskableGiven = true;
            KvmCall.ThrowOnError(Descriptor, KVM_NMI, 0, "KVM_NMI");
        }

        if (events.Vector >= 0)
        {
            _halted = false;
            QueueInterrupt(events.Vector);
        }

        return null;
    }

    /// <summary>INIT: the instruction in hand ends first, and what KVM holds for the processor goes with its state.</summary>
    private VcpuExit? Reset(IExitHandler handler)
    {
        if (Drain(handler) is { } end)
        {
            return end;
        }

        GetState(_state, StateParts.System);
        PowerOnState.ApplyInit(_state);
        ForgetEvents();
        SetState(_state, StateParts.General | StateParts.System | StateParts.Debug);
        SyncTaskPriority(handler);
        _halted = false;
        _nonMaskableGiven = false;
        _waitsForStart = Index != 0;
        return null;
    }

    private void Start(int vector)
    {
        _waitsForStart = false;
        GetState(_state, StateParts.General | StateParts.System);
        _state[SegmentName.Cs] = _state[SegmentName.Cs] with { Selector = (ushort)(vector << 8), Base = (ulong)vector << 12 };
        _state.Rip = 0;
        SetState(_state, StateParts.General | StateParts.System);
    }

    /// <summary>Brings CR8 and the local APIC's task priority together: whichever side changed since the last time wins.</summary>
    private void SyncTaskPriority(IExitHandler handler)
    {
        if (Page.cr8 != _taskPriority)
        {
            handler.TaskPriority = Page.cr8 << 4;
        }
        else
        {
            var priority = handler.TaskPriority;
            Page.cr8 = priority >> 4;
            _byStretches |= HasSubclass(priority);
        }

        _taskPriority = Page.cr8;
    }
}
