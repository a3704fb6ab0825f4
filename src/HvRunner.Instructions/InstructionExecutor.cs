using System.Runtime.CompilerServices;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Executes single instructions of an x86-64 processor on a <see cref="ProcessorState"/>. One instance per vCPU, one thread at a time. A step
/// allocates nothing after the first. Deliberately not done: virtual-8086 mode, hardware task switching, protection keys and shadow stacks.
/// </summary>
/// <typeparam name="TMemory">Guest-physical memory.</typeparam>
/// <typeparam name="THost">What the step asks for lazily.</typeparam>
/// <param name="options">Breakpoints and feature gating; both off for instructions of a hypervisor's vCPU.</param>
public sealed partial class InstructionExecutor<TMemory, THost>(ExecutorOptions options = ExecutorOptions.None)
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
        var outcome = BeginDebugChecks(ref execution);
        outcome = outcome == Outcome.Done ? execution.Fetch(_fetch) : outcome;
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
        var outcome = BeginDebugChecks(ref execution);
        execution.Take(instruction);
        return outcome == Outcome.Done ? Run(ref execution, state) : execution.Finish(outcome);
    }

    /// <summary>
    /// Whether everything that CR4 switches on is done here. False, for protection keys say: instructions would behave as if it were off, so whoever has another way
    /// to execute them takes that.
    /// </summary>
    public bool Covers(ProcessorState state, ref THost host)
    {
        ArgumentNullException.ThrowIfNull(state);
        return (state.Cr4 & ~Features(ref host).SupportedCr4) == 0;
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

    // Inlined, these two, because each would otherwise copy a large value once a step.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

    private Outcome BeginDebugChecks(ref Execution<TMemory, THost> execution) =>
        (options & ExecutorOptions.DebugChecks) != 0 ? execution.BeginDebugChecks() : Outcome.Done;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Execution<TMemory, THost> Begin(ProcessorState state, ref TMemory memory, ref THost host)
    {
        return new Execution<TMemory, THost>(state, ref memory, ref host, Features(ref host), Translations, options);
    }

    /// <summary>The codes that CPUID lets run, as a bitmap, or null when all do; for whoever executes some by himself.</summary>
    internal ulong[]? ReadPermitted(ref THost host) => Features(ref host).Permitted;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ProcessorFeatures Features(ref THost host) => _features ??= ProcessorFeatures.Read(ref host, (options & ExecutorOptions.FeatureGating) != 0);
}
