using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>Guest RAM that is an array. One processor uses it, so a compare-and-exchange needs no lock.</summary>
internal struct RamMemory(byte[] ram) : IPhysicalMemory
{
    public readonly bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        if (physicalAddress > (ulong)(ram.Length - data.Length))
        {
            data.Fill(0xff);
            return false;
        }

        ram.AsSpan((int)physicalAddress, data.Length).CopyTo(data);
        return true;
    }

    public readonly bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        if (physicalAddress > (ulong)(ram.Length - data.Length))
        {
            return false;
        }

        data.CopyTo(ram.AsSpan((int)physicalAddress));
        return true;
    }

    public readonly bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed)
    {
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        if ((physicalAddress & (ulong)(size - 1)) != 0 || !TryRead(physicalAddress, value[..size]))
        {
            observed = 0;
            return false;
        }

        observed = BinaryPrimitives.ReadUInt64LittleEndian(value);
        if (observed == (expected & (ulong.MaxValue >> (64 - (8 * size)))))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value, desired);
            TryWrite(physicalAddress, value[..size]);
        }

        return true;
    }

    public readonly bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        Span<byte> value = stackalloc byte[16];
        observed = 0;
        if ((physicalAddress & 15) != 0 || !TryRead(physicalAddress, value))
        {
            return false;
        }

        observed = BinaryPrimitives.ReadUInt128LittleEndian(value);
        if (observed == expected)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(value, desired);
            TryWrite(physicalAddress, value);
        }

        return true;
    }
}

/// <summary>The surroundings of a processor in ring 3: the CPUID of our own processor, and nothing behind it.</summary>
internal struct UserHost : IProcessorHost
{
    /// <summary>x87 and SSE, as CPUID has it; the real processor may have more enabled.</summary>
    public const ulong Xcr0 = 3;

    public readonly void LoadExtended(ProcessorState state)
    {
    }

    public readonly void LoadDebug(ProcessorState state)
    {
    }

    public readonly bool TryReadMsr(uint index, out ulong value)
    {
        // What RDTSCP and RDPID show.
        const uint TscAux = 0xc000_0103;
        value = 0;
        return index == TscAux;
    }

    public readonly bool TryWriteMsr(uint index, ulong value) => false;

    public readonly bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        foreach (var candidate in SoftwareCpuid.Leaves)
        {
            if (candidate.Function == leaf && (!candidate.HasIndex || candidate.Index == subleaf))
            {
                // Where makers differ and ours asks for the maker, it is the host's.
                var (ebx, ecx, edx) = HardwareHost.Maker;
                result = leaf == 0 ? candidate with { Ebx = ebx, Ecx = ecx, Edx = edx } : candidate;
                return true;
            }
        }

        result = default;
        return false;
    }

    public readonly void ReadPort(ushort port, Span<byte> data) => data.Fill(0xff);

    public readonly void WritePort(ushort port, ReadOnlySpan<byte> data)
    {
    }

    public readonly ulong ReadTimestamp() => 1;

    public readonly ulong NextRandom() => 1;

    public readonly void TaskPriorityWritten(ulong priority)
    {
    }

    public readonly bool TryHypercall(ProcessorState state) => false;
}
