using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// The machine around a <see cref="Processor"/>: everything that is not RAM. Called on the thread in <see cref="Processor.Run"/>, in the middle of an
/// instruction; an implementation neither throws for what a guest asks nor changes the processor's state unless its contract says so.
/// </summary>
public interface IProcessorEnvironment
{
    /// <summary>Reads 1 to 8 bytes, or more of a wide operand, where there is no RAM; fills all of <paramref name="data"/>.</summary>
    void ReadMemory(ulong physicalAddress, Span<byte> data);

    /// <summary>Writes where there is no RAM.</summary>
    void WriteMemory(ulong physicalAddress, ReadOnlySpan<byte> data);

    /// <summary>IN: one element of 1, 2 or 4 bytes.</summary>
    void ReadPort(ushort port, Span<byte> data);

    /// <summary>OUT: one element of 1, 2 or 4 bytes.</summary>
    void WritePort(ushort port, ReadOnlySpan<byte> data);

    /// <summary>RDMSR of a register that <see cref="ProcessorState"/> does not hold. False: #GP(0).</summary>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>WRMSR of a register that <see cref="ProcessorState"/> does not hold. False: #GP(0).</summary>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>What CPUID answers; fixed for the processor's life. False: no such leaf, all zero.</summary>
    bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result);

    /// <summary>The time-stamp counter, as RDTSC shows it.</summary>
    ulong ReadTimestamp();

    /// <summary>A number for RDRAND and RDSEED.</summary>
    ulong NextRandom();

    /// <summary>MOV to CR8 was executed, whether or not it changed anything: the task priority of the local APIC is now this, with its lower half clear.</summary>
    void TaskPriorityWritten(ulong priority);

    /// <summary>VMCALL or VMMCALL; RAX of <paramref name="state"/> takes the answer. False: #UD.</summary>
    bool TryHypercall(ProcessorState state);
}
