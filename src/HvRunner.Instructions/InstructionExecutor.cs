using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Executes single instructions of an x86-64 processor on a <see cref="ProcessorState"/>. One instance per vCPU, one thread at a time. A step
/// allocates nothing after the first. Deliberately not done: instruction caching and translation caching (each step fetches and walks anew),
/// feature gating by CPUID, debug traps (breakpoints, EFLAGS.TF), virtual-8086 mode, protection keys and shadow stacks.
/// </summary>
/// <typeparam name="TMemory">Guest-physical memory.</typeparam>
/// <typeparam name="THost">What the step asks for lazily.</typeparam>
public sealed class InstructionExecutor<TMemory, THost>
    where TMemory : struct, IPhysicalMemory
    where THost : struct, IProcessorHost
{
    // A guest that changes an operand under a locked instruction as often as this is as good as stuck; go on without the lock then.
    private const int MaximumRetries = 1000;

    private readonly InstructionFetch _fetch = new();
    private ProcessorFeatures? _features;

    /// <summary>A cache of translations that the caller keeps, or none: then every access walks the page tables.</summary>
    internal TranslationCache? Translations { get; set; }

    /// <summary>
    /// Fetches, decodes and executes the instruction at CS:RIP. <see cref="StateParts.General"/> and <see cref="StateParts.System"/> of
    /// <paramref name="state"/> are valid on entry; other parts are loaded through <paramref name="host"/> when needed. Either the instruction
    /// takes effect as a whole, or nothing changes except what <see cref="Completion.Changed"/> names, and the accessed bits of page tables.
    /// Never throws for anything that the guest contains.
    /// </summary>
    public Completion Step(ProcessorState state, ref TMemory memory, ref THost host)
    {
        ArgumentNullException.ThrowIfNull(state);
        var execution = Begin(state, ref memory, ref host);
        var outcome = execution.Fetch(_fetch);
        return outcome == Outcome.Done ? Run(ref execution, state) : execution.Finish(outcome);
    }

    /// <summary>
    /// Executes an instruction that was fetched and decoded before, as <see cref="Step"/> does after its own fetch: RIP stands at it, its IP is
    /// RIP, and it was decoded for the code segment's present width. Translating the address of its bytes again is the caller's business.
    /// </summary>
    public Completion Execute(in Instruction instruction, ProcessorState state, ref TMemory memory, ref THost host)
    {
        ArgumentNullException.ThrowIfNull(state);
        var execution = Begin(state, ref memory, ref host);
        execution.Take(instruction);
        return Run(ref execution, state);
    }

    /// <summary>
    /// The page-table walk by itself, for a TLB that missed: rights are checked and accessed and dirty bits set as for one access, and the fault,
    /// if any, is described as <see cref="Step"/> would. See <see cref="PageTranslation"/> for what the answer means.
    /// </summary>
    internal bool TryWalk(
        ProcessorState state, ref TMemory memory, ref THost host, ulong linear, Access access, out PageTranslation result, out Completion fault)
    {
        var execution = Begin(state, ref memory, ref host);
        var found = execution.TryWalk(linear, access, out result);
        fault = found ? default : execution.Finish(Outcome.Fault);
        return found;
    }

    /// <summary>
    /// Delivers an exception or an external interrupt through the IDT at the current RIP: the frame, the stack switch, the handler's CS:RIP.
    /// A fault met on the way is reported as such; nothing has changed then, and combining the two is the caller's business.
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

    private static Completion Run(ref Execution<TMemory, THost> execution, ProcessorState state)
    {
        Outcome outcome;
        var general = state.General;
        var flags = state.Rflags;
        var attempts = 0;
        do
        {
            if (attempts == MaximumRetries)
            {
                execution.GiveUpAtomicity();
            }

            outcome = execution.Execute();
            if (outcome != Outcome.Done)
            {
                state.General = general;
                state.Rflags = flags;
            }
        }
        while (outcome == Outcome.Again && attempts++ <= MaximumRetries);
        return execution.Finish(outcome);
    }

    private Execution<TMemory, THost> Begin(ProcessorState state, ref TMemory memory, ref THost host)
    {
        _features ??= ProcessorFeatures.Read(ref host);
        return new Execution<TMemory, THost>(state, ref memory, ref host, _features, Translations);
    }
}
