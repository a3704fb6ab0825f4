using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Kvm;

/// <summary>
/// What happens when KVM's own emulator refuses an instruction: the processor library completes that one instruction on the vCPU's registers and
/// guest memory, and the guest goes on. Hosts with VMX or SVM hardly ever come here; software-assisted ones run all of ring 0 in that emulator.
/// </summary>
internal abstract unsafe partial class KvmVcpu
{
    private const byte DebugException = 1;
    private const byte InvalidOpcode = 6;
    private const byte PageFault = 14;
    private const ulong GeneralDetect = 1 << 13;

    private readonly ProcessorState _completed = new();
    private InstructionExecutor<CompletionMemory, CompletionHost>? _executor;

    private VcpuExit? CompleteInstruction(IExitHandler handler)
    {
        var state = _completed;
        GetState(state, StateParts.General | StateParts.System);
        var rip = state.Rip;
        var memory = new CompletionMemory(_partition.Memory, handler, _partition.Irqchip, state.ApicBase);
        var host = new CompletionHost(this, handler);
        _executor ??= new InstructionExecutor<CompletionMemory, CompletionHost>();
        var completion = _executor.Step(state, ref memory, ref host);
        if (memory.TouchedInKernelDevice || completion.Kind == CompletionKind.Unsupported)
        {
            return Unsupported(state, rip);
        }

        Counts.CompletedInstruction++;
        Commit(state, completion);
        handler.InstructionCompleted(rip, KvmExit.RefusedBytes(*_run));
        return null;
    }

    /// <summary>Writes back what the step changed, and what it asks for besides.</summary>
    private void Commit(ProcessorState state, in Completion completion)
    {
        var changed = completion.Changed;
        if (completion.Kind == CompletionKind.Fault && completion.Vector == PageFault)
        {
            state.Cr2 = completion.Cr2;
            changed |= StateParts.System;
        }

        if (completion.DebugCause != 0)
        {
            GetState(state, StateParts.Debug);
            state.Debug[6] |= completion.DebugCause;
            state.Debug[7] &= ~GeneralDetect;
            changed |= StateParts.Debug;
        }

        if (completion.Flush != TranslationFlush.None)
        {
            FlushTranslations(state);
            changed |= StateParts.System;
        }

        SetState(state, changed);
        if (completion.Kind == CompletionKind.Fault)
        {
            InjectException(completion.Vector, completion.HasErrorCode, completion.ErrorCode);
        }
        else
        {
            SetAftermath(completion.InterruptShadow, completion.ReturnedFromInterrupt);
            if (completion.DebugCause != 0)
            {
                InjectException(DebugException, false, 0);
            }

            if (completion.Halted)
            {
                Halt((state.Rflags & InterruptFlag) != 0);
            }
        }
    }

    /// <summary>
    /// Makes KVM forget its translations: it does so when CR3 is set to another value, so a cache attribute of the root is changed for a moment.
    /// The caller sets the real value next.
    /// </summary>
    private protected void FlushTranslations(ProcessorState state)
    {
        const ulong WriteThrough = 1 << 3;
        state.Cr3 ^= WriteThrough;
        SetState(state, StateParts.System);
        state.Cr3 ^= WriteThrough;
    }

    private VcpuExit? Unsupported(ProcessorState state, ulong rip)
    {
        var bytes = KvmExit.RefusedBytes(*_run);
        var inUserMode = state[SegmentName.Ss].Dpl == 3;
        if (inUserMode)
        {
            // A process that tries an instruction nobody knows must not end the machine: it gets what KVM itself gives it by default.
            InjectException(InvalidOpcode, false, 0);
            return null;
        }

        var code = state[SegmentName.Cs];
        var bitness = code.Long ? 64 : code.Default32 ? 32 : 16;
        var text = bytes.IsEmpty ? "an instruction" : $"'{Disassembler.Format(bytes, rip, bitness)}' [{Convert.ToHexStringLower(bytes)}]";
        return new VcpuExit(VcpuExitKind.Failed, $"KVM could not execute {text} at 0x{rip:x}, and hvrun cannot complete it either");
    }
}
