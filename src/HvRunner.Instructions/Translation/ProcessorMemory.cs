using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>A processor's physical memory as the executor sees it: RAM, and the environment where there is none.</summary>
internal readonly struct ProcessorMemory(Processor processor) : IPhysicalMemory
{
    public bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        if (!processor.TryReadRam(physicalAddress, data))
        {
            processor.Environment.ReadMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (!processor.TryWriteRam(physicalAddress, data))
        {
            processor.Environment.WriteMemory(physicalAddress, data);
        }

        return true;
    }

    public bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed)
    {
        processor.RetireCode(physicalAddress, size);
        return processor.Ram.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);
    }

    public bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        processor.RetireCode(physicalAddress, 16);
        return processor.Ram.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);
    }
}
