using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>What the run loop does about an exit that is neither port I/O nor MMIO.</summary>
internal enum ExitAction
{
    /// <summary>Nothing happened that concerns hvrun: enter again.</summary>
    Resume,

    /// <summary>The guest has become ready for an interrupt, as was asked for.</summary>
    InterruptWindow,

    /// <summary>The guest has executed HLT.</summary>
    Halt,

    /// <summary>The guest has ended an interrupt that an IO-APIC in the machine waits for.</summary>
    EndOfInterrupt,

    /// <summary>A model-specific register is read.</summary>
    MsrRead,

    /// <summary>A model-specific register is written.</summary>
    MsrWrite,

    /// <summary>A hypercall is passed on.</summary>
    Hypercall,

    /// <summary>KVM's emulator refused an instruction: the processor library completes it.</summary>
    CompleteInstruction,

    /// <summary>The vCPU's run is over.</summary>
    End,
}

/// <summary>
/// Reads the shared page after KVM_RUN: a pure function over it, so that every exit can be tested from a recorded page, also those that
/// this host never produces. Every number has an answer: what hvrun did not ask for, or does not know, ends the run with a sentence.
/// </summary>
internal static class KvmExit
{
    /// <summary>What to do about an exit of a partition with its interrupt controllers there: two exits belong to one mode each.</summary>
    internal static ExitAction Classify(in kvm_run run, IrqchipMode irqchip, out VcpuExit end)
    {
        end = default;
        switch (run.exit_reason)
        {
            case KVM_EXIT_INTR:
            case KVM_EXIT_SET_TPR:
            case KVM_EXIT_X86_BUS_LOCK:
                return ExitAction.Resume;
            case KVM_EXIT_IRQ_WINDOW_OPEN:
                return ExitAction.InterruptWindow;
            case KVM_EXIT_HLT when irqchip == IrqchipMode.User:
                return ExitAction.Halt;
            case KVM_EXIT_IOAPIC_EOI when irqchip == IrqchipMode.Split:
                return ExitAction.EndOfInterrupt;
            case KVM_EXIT_X86_RDMSR:
                return ExitAction.MsrRead;
            case KVM_EXIT_X86_WRMSR:
                return ExitAction.MsrWrite;
            case KVM_EXIT_HYPERCALL:
                return ExitAction.Hypercall;
            case KVM_EXIT_INTERNAL_ERROR when run.internal_suberror == KVM_INTERNAL_ERROR_EMULATION:
                return ExitAction.CompleteInstruction;
            case KVM_EXIT_SHUTDOWN:
                end = new VcpuExit(VcpuExitKind.Shutdown);
                return ExitAction.End;
            case KVM_EXIT_SYSTEM_EVENT:
                end = SystemEvent(run);
                return ExitAction.End;
            default:
                end = new VcpuExit(VcpuExitKind.Failed, Sentence(run));
                return ExitAction.End;
        }
    }

    /// <summary>The bytes that KVM could not execute, when it says; else empty.</summary>
    internal static ReadOnlySpan<byte> RefusedBytes(in kvm_run run)
    {
        var valid = run.internal_ndata >= 1 && (run.emulation_failure_flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0;
        return valid ? ((ReadOnlySpan<byte>)run.emulation_failure_insn_bytes)[..Math.Min((int)run.emulation_failure_insn_size, 15)] : default;
    }

    private static VcpuExit SystemEvent(in kvm_run run) => run.system_event_type switch
    {
        KVM_SYSTEM_EVENT_SHUTDOWN => new VcpuExit(VcpuExitKind.PowerOff, "the hypervisor reports a shutdown by the guest"),
        KVM_SYSTEM_EVENT_RESET => new VcpuExit(VcpuExitKind.Reset, "the hypervisor reports a reset by the guest"),
        KVM_SYSTEM_EVENT_CRASH => new VcpuExit(VcpuExitKind.Crash, "the hypervisor reports a crash of the guest"),
        var type => new VcpuExit(VcpuExitKind.Failed, $"KVM reported the system event {type}, which hvrun does not know"),
    };

    private static string Sentence(in kvm_run run) => run.exit_reason switch
    {
        KVM_EXIT_UNKNOWN => $"the processor left the guest for a reason that KVM does not know (hardware exit reason 0x{run.hw_hardware_exit_reason:x})",
        KVM_EXIT_EXCEPTION => $"KVM passed on the exception {run.ex_exception} with error code 0x{run.ex_error_code:x}, which it never should",
        KVM_EXIT_DEBUG => $"KVM stopped at a debug event (exception {run.debug_arch_exception} at 0x{run.debug_arch_pc:x}) although no debugging was asked for",
        KVM_EXIT_HLT => "KVM passed on HLT although its own local APICs are in use",
        KVM_EXIT_FAIL_ENTRY =>
            $"the processor refused to enter the guest: its state is invalid (hardware reason 0x{run.fail_entry_hardware_entry_failure_reason:x})",
        KVM_EXIT_TPR_ACCESS => "KVM reported a task-priority access although no such report was asked for",
        KVM_EXIT_NMI => "KVM reported a host NMI to user space, which it never should on x86",
        KVM_EXIT_INTERNAL_ERROR => InternalError(run),
        KVM_EXIT_IOAPIC_EOI => $"KVM passed on the end of interrupt 0x{run.eoi_vector:x} although no IO-APIC of the machine waits for it",
        KVM_EXIT_HYPERV => "KVM passed on a Hyper-V event although no Hyper-V interface was enabled",
        KVM_EXIT_XEN => "KVM passed on a Xen hypercall although no Xen interface was enabled",
        KVM_EXIT_DIRTY_RING_FULL => "KVM reported a full dirty ring although none was enabled",
        KVM_EXIT_AP_RESET_HOLD => "KVM reported a reset hold, which only encrypted guests use",
        KVM_EXIT_NOTIFY => "the guest kept the processor from taking any interrupt (notify exit)",
        var reason => $"KVM answered with exit reason {reason}, which this hvrun does not know",
    };

    private static string InternalError(in kvm_run run) => run.internal_suberror switch
    {
        KVM_INTERNAL_ERROR_SIMUL_EX => "KVM gave up: two exceptions at once while it delivered one (internal error 2)",
        KVM_INTERNAL_ERROR_DELIVERY_EV => $"KVM gave up: an exit while it delivered an event (internal error 3{Data(run)})",
        KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON => $"KVM gave up: an exit reason that it did not expect (internal error 4{Data(run)})",
        var suberror => $"KVM gave up with internal error {suberror}{Data(run)}",
    };

    private static string Data(in kvm_run run)
    {
        var text = string.Empty;
        for (var i = 0; i < Math.Min(run.internal_ndata, 16u); i++)
        {
            text += $", 0x{run.internal_data[i]:x}";
        }

        return text;
    }
}
