using HvRunner.Abstractions;
using HvRunner.Instructions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>Why a stretch of instructions came to its end.</summary>
internal enum StretchEnd
{
    /// <summary>The host asked for it, or it was long enough.</summary>
    Over,

    /// <summary>HLT: nothing is executed until something is delivered.</summary>
    Halted,

    /// <summary>A triple fault.</summary>
    Shutdown,

    /// <summary>What comes next is KVM's to do; of it nothing is done.</summary>
    Refused,
}

/// <summary>The processor's surroundings during a stretch, which also say when it is over.</summary>
internal interface IStretchHost : IProcessorHost
{
    /// <summary>
    /// Asked behind each instruction and each delivery: true ends the stretch. CR8 of the state may be changed here.
    /// </summary>
    /// <param name="state">The processor.</param>
    /// <param name="interruptible">It could take an interrupt now.</param>
    bool IsOver(ProcessorState state, bool interruptible);
}

/// <summary>
/// A vCPU's instructions executed one after another by the processor library instead of KVM, with what KVM holds for the processor besides its registers: exceptions,
/// interrupts and NMIs that wait to be delivered, the shadow of STI, the mask of NMIs. All of that comes from KVM when a stretch begins and goes back when it ends, so
/// the rest of the vCPU need not know of it.
/// <para>
/// Not every instruction is executed. What the library does not know (AVX), what CPUID does not show, and what it calls a general-protection fault (a register that only
/// KVM has, a bit that only KVM knows) ends the stretch untouched: KVM does it, or raises the exception, and goes on to its next exit. None of those writes CR8.
/// </para>
/// </summary>
/// <typeparam name="TMemory">Guest-physical memory.</typeparam>
/// <typeparam name="THost">The surroundings.</typeparam>
internal sealed class InstructionStretch<TMemory, THost>
    where TMemory : struct, IPhysicalMemory
    where THost : struct, IStretchHost
{
    /// <summary>Instructions and deliveries in one stretch, so that the machine is asked for events now and then without having called for it. Its host looks for a kick behind each.</summary>
    internal const int Limit = 1000;

    private const byte DebugException = 1;
    private const byte NonMaskable = 2;
    private const byte InvalidOpcode = 6;
    private const byte GeneralProtection = 13;
    private const ulong InterruptFlag = 1 << 9;

    private readonly InstructionExecutor<TMemory, THost> _executor = new(ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating);

    /// <summary>Instructions that the last stretch completed.</summary>
    internal int Executed { get; private set; }

    /// <summary>What the last stretch changed, and is to be given back to KVM.</summary>
    internal StateParts Changed { get; private set; }

    /// <summary>In the last stretch the guest had translations forgotten, some or all.</summary>
    internal bool Flushes { get; private set; }

    /// <summary>The processor could take an external interrupt: nothing comes before it, and nothing holds it off.</summary>
    internal static bool IsInterruptible(ProcessorState state, in kvm_vcpu_events events) =>
        (state.Rflags & InterruptFlag) != 0 &&
        (events.interrupt_shadow | events.exception_injected | events.exception_pending | events.interrupt_injected | events.nmi_injected) == 0;

    /// <summary>
    /// Executes from the state on. General and system parts of it are valid, and of the events all that KVM says; both are as they should be
    /// given back afterwards.
    /// </summary>
    internal StretchEnd Run(ProcessorState state, ref kvm_vcpu_events events, ref TMemory memory, ref THost host)
    {
        Executed = 0;
        Changed = StateParts.None;
        Flushes = false;
        for (var i = 0; i < Limit; i++)
        {
            // Asked each time, as the guest may have switched something on meanwhile.
            if (!_executor.Covers(state, ref host))
            {
                return StretchEnd.Refused;
            }

            var end = Waits(state, events) ? DeliverWaiting(state, ref events, ref memory, ref host) : Execute(state, ref events, ref memory, ref host);
            if (end is { } reason)
            {
                return reason;
            }

            if (host.IsOver(state, IsInterruptible(state, events)))
            {
                break;
            }
        }

        return StretchEnd.Over;
    }

    private static bool IsNonMaskableDue(in kvm_vcpu_events events) =>
        events.nmi_injected != 0 || (events.nmi_pending != 0 && events.nmi_masked == 0 && events.interrupt_shadow == 0);

    /// <summary>An interrupt that KVM was given comes when it can: it was given when it could, and an exception of the same moment comes first.</summary>
    private static bool IsInterruptDue(ProcessorState state, in kvm_vcpu_events events) =>
        events.interrupt_injected != 0 && events.interrupt_shadow == 0 && (state.Rflags & InterruptFlag) != 0;

    private static bool Waits(ProcessorState state, in kvm_vcpu_events events) =>
        (events.exception_injected | events.exception_pending) != 0 || IsNonMaskableDue(events) || IsInterruptDue(state, events);

    private StretchEnd? DeliverWaiting(ProcessorState state, ref kvm_vcpu_events events, ref TMemory memory, ref THost host)
    {
        Completion delivery;
        var after = events;
        if ((events.exception_injected | events.exception_pending) != 0)
        {
            // CR2 and DR6 are what the exception says: KVM sets them when it is asked for its events.
            var cause = new Completion
            {
                Kind = CompletionKind.Fault,
                Vector = events.exception_nr,
                HasErrorCode = events.exception_has_error_code != 0,
                ErrorCode = events.exception_error_code,
                Cr2 = state.Cr2,
            };
            delivery = _executor.DeliverException(state, ref memory, ref host, cause);
            after.exception_injected = 0;
            after.exception_pending = 0;
        }
        else if (IsNonMaskableDue(events))
        {
            delivery = _executor.DeliverInterrupt(state, ref memory, ref host, NonMaskable);
            after.nmi_pending -= events.nmi_injected != 0 ? (byte)0 : (byte)1;
            after.nmi_injected = 0;
            after.nmi_masked = 1;
        }
        else
        {
            delivery = _executor.DeliverInterrupt(state, ref memory, ref host, events.interrupt_nr);
            after.interrupt_injected = 0;
        }

        var end = Settle(delivery);
        if (end is null)
        {
            events = after;
            events.interrupt_shadow = 0;
        }

        return end;
    }

    private StretchEnd? Execute(ProcessorState state, ref kvm_vcpu_events events, ref TMemory memory, ref THost host)
    {
        var completion = _executor.Step(state, ref memory, ref host);
        switch (completion.Kind)
        {
            case CompletionKind.Completed:
                Executed++;
                Changed |= completion.Changed;
                Flushes |= completion.Flush != TranslationFlush.None;
                events.interrupt_shadow = completion.InterruptShadow ? KVM_X86_SHADOW_INT_STI : (byte)0;
                events.nmi_masked = completion.ReturnedFromInterrupt ? (byte)0 : events.nmi_masked;
                if (completion.Halted)
                {
                    return StretchEnd.Halted;
                }

                return completion.DebugCause == 0 ? null : Trap(completion, state, ref events, ref memory, ref host);
            case CompletionKind.Fault when completion.Vector is not (InvalidOpcode or GeneralProtection) || !KvmRegisters.AreWhole(state):
                Changed |= completion.Changed;
                var end = Settle(_executor.DeliverException(state, ref memory, ref host, completion));
                if (end is null)
                {
                    events.interrupt_shadow = 0;
                }

                return end;
            default:
                return StretchEnd.Refused;
        }
    }

    /// <summary>The debug trap behind an instruction. What cannot be delivered here is left to KVM, as the instruction is done.</summary>
    private StretchEnd? Trap(in Completion completion, ProcessorState state, ref kvm_vcpu_events events, ref TMemory memory, ref THost host)
    {
        var end = Settle(_executor.DeliverException(state, ref memory, ref host, completion));
        events.interrupt_shadow = 0;
        if (end == StretchEnd.Refused)
        {
            events.exception_injected = 1;
            events.exception_nr = DebugException;
            events.exception_has_error_code = 0;
        }

        return end;
    }

    private StretchEnd? Settle(in Completion delivery)
    {
        Changed |= delivery.Changed;
        return delivery.Kind switch
        {
            CompletionKind.Completed => null,
            CompletionKind.Shutdown => StretchEnd.Shutdown,
            _ => StretchEnd.Refused,
        };
    }
}
