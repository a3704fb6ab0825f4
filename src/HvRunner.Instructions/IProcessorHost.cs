using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// What the executor asks for only when an instruction needs it, because each answer may cost a host call. Implemented by structs; called on
/// the thread that steps.
/// </summary>
public interface IProcessorHost
{
    /// <summary>Fills <see cref="ProcessorState.Extended"/>. Called at most once a step, before the first touch of extended state.</summary>
    void LoadExtended(ProcessorState state);

    /// <summary>Fills <see cref="ProcessorState.Debug"/>. Called at most once a step, before the first touch of a debug register.</summary>
    void LoadDebug(ProcessorState state);

    /// <summary>Reads a model-specific register that is not part of <see cref="ProcessorState"/>. False: the guest gets #GP(0).</summary>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>Writes a model-specific register that is not part of <see cref="ProcessorState"/>. False: the guest gets #GP(0).</summary>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>What CPUID answers in this guest; leaf 0xD gives the layout of <see cref="ExtendedState"/>. False: no such leaf, all zero.</summary>
    bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result);
}
