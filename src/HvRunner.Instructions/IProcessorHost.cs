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

    /// <summary>
    /// Reads a model-specific register: any but EFER and the bases of FS and GS, which are <see cref="ProcessorState"/>'s. SYSCALL, SYSENTER and
    /// SWAPGS read theirs here, too. False: the guest gets #GP(0).
    /// </summary>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>
    /// Writes a model-specific register, with the exceptions of <see cref="TryReadMsr"/>. Those that hold linear addresses come canonical only;
    /// other reserved bits are the host's to check. False: the guest gets #GP(0).
    /// </summary>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>What CPUID answers in this guest; leaf 0xD gives the layout of <see cref="ExtendedState"/>. False: no such leaf, all zero.</summary>
    bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result);

    /// <summary>IN or INS of 1, 2 or 4 bytes. The I/O permission is checked before.</summary>
    void ReadPort(ushort port, Span<byte> data);

    /// <summary>OUT or OUTS of 1, 2 or 4 bytes. The I/O permission is checked before.</summary>
    void WritePort(ushort port, ReadOnlySpan<byte> data);

    /// <summary>The time-stamp counter, for RDTSC and RDTSCP.</summary>
    ulong ReadTimestamp();

    /// <summary>64 random bits, for RDRAND and RDSEED; a deterministic host draws them from its seed.</summary>
    ulong NextRandom();

    /// <summary>MOV to CR8 was executed, whether or not it changed anything: the task priority of the local APIC is now this, with its lower half clear.</summary>
    void TaskPriorityWritten(ulong priority);

    /// <summary>
    /// VMCALL or VMMCALL: reads arguments from the general registers of <paramref name="state"/> and leaves the answer there. False: there are no
    /// hypercalls, and the guest gets #UD.
    /// </summary>
    bool TryHypercall(ProcessorState state);
}
