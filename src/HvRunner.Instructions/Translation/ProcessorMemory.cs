using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>A processor's physical memory: its RAM, and the environment where there is none.</summary>
internal readonly struct ProcessorMemory(IGuestMemory ram, IProcessorEnvironment environment) : IPhysicalMemory
{
    public bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        if (!ram.TryRead(new GuestAddress(physicalAddress), data))
        {
            environment.ReadMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (!ram.TryWrite(new GuestAddress(physicalAddress), data))
        {
            environment.WriteMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);

    public bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed) =>
        ram.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);
}
