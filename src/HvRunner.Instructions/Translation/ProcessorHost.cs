using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>What the executor asks of a <see cref="Processor"/>: all registers are there already, the rest is the environment's.</summary>
internal readonly struct ProcessorHost(IProcessorEnvironment environment) : IProcessorHost
{
    public void LoadExtended(ProcessorState state)
    {
    }

    public void LoadDebug(ProcessorState state)
    {
    }

    public bool TryReadMsr(uint index, out ulong value) => environment.TryReadMsr(index, out value);

    public bool TryWriteMsr(uint index, ulong value) => environment.TryWriteMsr(index, value);

    public bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result) => environment.TryGetCpuid(leaf, subleaf, out result);

    public void ReadPort(ushort port, Span<byte> data) => environment.ReadPort(port, data);

    public void WritePort(ushort port, ReadOnlySpan<byte> data) => environment.WritePort(port, data);

    public ulong ReadTimestamp() => environment.ReadTimestamp();

    public ulong NextRandom() => environment.NextRandom();

    public void TaskPriorityWritten(ulong priority) => environment.TaskPriorityWritten(priority);

    public bool TryHypercall(ProcessorState state) => environment.TryHypercall(state);
}
