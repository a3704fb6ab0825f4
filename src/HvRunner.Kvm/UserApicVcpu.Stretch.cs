using HvRunner.Abstractions;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <content>
/// A task priority whose lower half is not zero. A write of CR8 clears that half, also one that leaves CR8 as it was (SDM vol. 3A, "Task Priority in IA-32e Mode"), and
/// KVM, which keeps CR8 itself here, tells of none that leaves it as it was. So the guest's instructions are executed by the processor library until the half is zero again.
/// Kernels write multiples of 16: hardly a guest ever comes here, and what it costs those few is some microseconds a stretch.
/// The same way leads to the window for an interrupt on a KVM that may not tell of short ones (<see cref="UserModeProbe"/>).
/// </content>
internal sealed unsafe partial class UserApicVcpu
{
    private InstructionStretch<CompletionMemory, StretchHost>? _stretch;

    // The guest may have changed page tables while KVM was not looking.
    private bool _tablesMayDiffer;

    /// <summary>The lower half of the task priority is not zero.</summary>
    internal static bool HasSubclass(ulong taskPriority) => (taskPriority & 0xf) != 0;

    /// <summary>An interrupt waits for a window that KVM may not tell of.</summary>
    private bool AwaitsHiddenWindow => _hypervisor.MissesWindows && Page.request_interrupt_window != 0;

    /// <summary>As <see cref="Prepare"/>, with what the guest executes meanwhile.</summary>
    private VcpuExit? PrepareByStretches(IExitHandler handler)
    {
        // The instruction whose exit was answered is KVM's to complete.
        if (!Sleeps && Drain(handler) is { } ended)
        {
            return ended;
        }

        Interruptible = Sleeps ? Interruptible : Page.ready_for_interrupt_injection != 0 && Page.if_flag != 0;
        while (true)
        {
            if (DeliverEvents(handler) is { } refused)
            {
                return refused;
            }

            if (Sleeps || IsKicked)
            {
                return null;
            }

            if (!HasSubclass(handler.TaskPriority) && !AwaitsHiddenWindow)
            {
                _byStretches = false;
                LeaveToKvm();
                return null;
            }

            switch (ExecuteStretch(handler))
            {
                case StretchEnd.Shutdown:
                    return new VcpuExit(VcpuExitKind.Shutdown);
                case StretchEnd.Refused:
                    LeaveToKvm();
                    return null;
            }
        }
    }

    /// <summary>KVM executes next, with the page tables as they are now.</summary>
    private void LeaveToKvm()
    {
        if (_tablesMayDiffer)
        {
            _tablesMayDiffer = false;
            Partition.ForgetShadowedTables();
        }
    }

    private StretchEnd ExecuteStretch(IExitHandler handler)
    {
        // A guest that stays here takes no signal in KVM_RUN, and they must not pile up.
        _ = VcpuKickSignal.Consume();

        // The events first: by that KVM brings CR2 and DR6 up to date.
        var events = GetEvents();
        GetState(_state, StateParts.General | StateParts.System);
        var memory = new CompletionMemory(Partition.Memory, handler, IrqchipMode.User, _state.ApicBase, Counts);
        var host = new StretchHost(this, handler, _state, Page.request_interrupt_window != 0, AwaitsHiddenWindow);
        _stretch ??= new InstructionStretch<CompletionMemory, StretchHost>();
        var end = _stretch.Run(_state, ref events, ref memory, ref host);
        Counts.SteppedInstruction += _stretch.Executed;
        if (_stretch.Changed == StateParts.None)
        {
            return end;
        }

        // The events before the registers: among those are the vectors that KVM was given.
        events.exception_pending = 0;
        events.flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING;
        SetEvents(events);

        // Other vCPUs are in KVM all the while: what this one has had forgotten, they may be told to forget next.
        _tablesMayDiffer = true;
        if (_stretch.Flushes)
        {
            FlushTranslations(_state);
            LeaveToKvm();
        }

        SetState(_state, _stretch.Changed | StateParts.General | StateParts.System);
        _taskPriority = _state.Cr8;
        Interruptible = InstructionStretch<CompletionMemory, StretchHost>.IsInterruptible(_state, events);
        if (end == StretchEnd.Halted)
        {
            Counts.Halt++;
            Halt((_state.Rflags & InterruptFlag) != 0);
        }

        return end;
    }
}
