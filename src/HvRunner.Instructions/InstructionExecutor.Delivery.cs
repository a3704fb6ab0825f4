// Delivery with what follows when it meets a fault itself: double fault and shutdown (SDM vol. 3A, 6.15, interrupt 8, table 6-5), CR2 and DR6
// (vol. 3A, 4.7; vol. 3B, 18.2.3). One delivery through the tables is in Execution.InterruptDelivery.
// Not done: virtualization and control-protection exceptions, and machine checks, which nothing here raises.
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

public sealed partial class InstructionExecutor<TMemory, THost>
{
    /// <summary>
    /// Delivers an exception or an external interrupt through the IDT at the current RIP: the frame, the stack switch, the handler's CS:RIP.
    /// A fault met on the way is reported as such; nothing has changed then. <see cref="DeliverException"/> and <see cref="DeliverInterrupt"/> do
    /// what follows from it.
    /// </summary>
    /// <param name="state">The processor.</param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="host">What the delivery asks for lazily.</param>
    /// <param name="vector">The vector.</param>
    /// <param name="errorCode">The error code to push, or none.</param>
    /// <param name="isFault">The saved RFLAGS get RF set, so that the instruction is not stopped again by its own breakpoint.</param>
    public Completion Deliver(ProcessorState state, ref TMemory memory, ref THost host, byte vector, uint? errorCode, bool isFault)
    {
        ArgumentNullException.ThrowIfNull(state);
        var execution = Begin(state, ref memory, ref host);
        var general = state.General;
        var saved = isFault ? state.Rflags | Flag.Resume : state.Rflags;
        var outcome = execution.Deliver(vector, InterruptOrigin.Hardware, errorCode, state.Rip, saved);
        if (outcome != Outcome.Done)
        {
            state.General = general;
        }

        return execution.Finish(outcome);
    }

    /// <summary>
    /// Delivers what a step ended with: its fault, or the debug trap behind a completed instruction. CR2, DR6 and DR7 are set as the exception
    /// asks. A fault on the way is delivered instead or becomes a double fault. Answers with a completion, with
    /// <see cref="CompletionKind.Unsupported"/> for a task gate, or with <see cref="CompletionKind.Shutdown"/> after a triple fault. To be
    /// called before the next instruction and with nothing changed since <paramref name="cause"/>.
    /// </summary>
    public Completion DeliverException(ProcessorState state, ref TMemory memory, ref THost host, in Completion cause)
    {
        ArgumentNullException.ThrowIfNull(state);
        var isFault = cause.Kind == CompletionKind.Fault;
        if (!isFault && cause.DebugCause == 0)
        {
            return cause;
        }

        var changed = StateParts.None;
        var current = cause;
        var vector = isFault ? cause.Vector : ExceptionVector.Debug;
        uint? errorCode = isFault && cause.HasErrorCode ? cause.ErrorCode : null;
        while (true)
        {
            changed |= Announce(state, ref host, vector, current);

            // RF is saved as 1 by all faults but those of instruction breakpoints; traps save it as it is.
            var setsResume = isFault && vector != ExceptionVector.Debug;
            var delivery = Deliver(state, ref memory, ref host, vector, errorCode, setsResume);
            if (delivery.Kind != CompletionKind.Fault)
            {
                return delivery with { Changed = delivery.Changed | changed };
            }

            if (vector == ExceptionVector.DoubleFault)
            {
                return new Completion { Kind = CompletionKind.Shutdown, Changed = changed };
            }

            current = delivery;
            isFault = true;
            if (IsDouble(vector, delivery.Vector))
            {
                if (delivery.Vector == ExceptionVector.PageFault)
                {
                    state.Cr2 = delivery.Cr2;
                    changed |= StateParts.System;
                }

                vector = ExceptionVector.DoubleFault;
                errorCode = 0;
            }
            else
            {
                vector = delivery.Vector;
                errorCode = delivery.HasErrorCode ? delivery.ErrorCode : null;
            }
        }
    }

    /// <summary>
    /// Delivers an external interrupt, or an NMI as vector 2, at an instruction boundary, and what follows when that meets a fault. Whether the
    /// interrupt may come now is the caller's business. Answers as <see cref="DeliverException"/>.
    /// </summary>
    public Completion DeliverInterrupt(ProcessorState state, ref TMemory memory, ref THost host, byte vector)
    {
        var delivery = Deliver(state, ref memory, ref host, vector, null, false);
        return delivery.Kind == CompletionKind.Fault ? DeliverException(state, ref memory, ref host, delivery) : delivery;
    }

    /// <summary>Registers that tell the handler about its exception.</summary>
    private static StateParts Announce(ProcessorState state, ref THost host, byte vector, in Completion cause)
    {
        switch (vector)
        {
            case ExceptionVector.PageFault:
                state.Cr2 = cause.Cr2;
                return StateParts.System;
            case ExceptionVector.Debug:
                host.LoadDebug(state);
                state.Debug[6] = state.Debug[6] | DebugBit.Dr6Fixed | cause.DebugCause;
                state.Debug[7] &= ~(ulong)DebugBit.GeneralDetect;
                return StateParts.Debug;
            default:
                return StateParts.None;
        }
    }

    /// <summary>Table 6-5: which second exception makes a double fault of the first.</summary>
    private static bool IsDouble(byte first, byte second) => first switch
    {
        ExceptionVector.PageFault => second == ExceptionVector.PageFault || IsContributory(second),
        _ => IsContributory(first) && IsContributory(second),
    };

    private static bool IsContributory(byte vector) => vector is ExceptionVector.DivideError or
        (>= ExceptionVector.InvalidTss and <= ExceptionVector.GeneralProtection);
}
