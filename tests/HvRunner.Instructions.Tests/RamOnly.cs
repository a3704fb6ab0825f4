using HvRunner.Abstractions;
using HvRunner.Fakes;

namespace HvRunner.Instructions.Tests;

/// <summary>Physical memory that is an array; counts what missed it.</summary>
internal struct RamOnly(ArrayGuestMemory memory, AccessLog log) : IPhysicalMemory
{
    public readonly bool TryRead(ulong physicalAddress, Span<byte> data)
    {
        log.Reads++;
        if (memory.TryRead(new GuestAddress(physicalAddress), data))
        {
            return true;
        }

        log.Misses++;
        return false;
    }

    public readonly bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        log.Writes++;
        return memory.TryWrite(new GuestAddress(physicalAddress), data);
    }

    public readonly bool TryCompareExchange(ulong physicalAddress, int size, ulong expected, ulong desired, out ulong observed)
    {
        log.Exchanges++;
        if (log.Interference is { } interfere)
        {
            log.Interference = null;
            interfere();
        }

        return memory.TryCompareExchange(new GuestAddress(physicalAddress), size, expected, desired, out observed);
    }

    public readonly bool TryCompareExchange(ulong physicalAddress, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        log.Exchanges++;
        return memory.TryCompareExchange(new GuestAddress(physicalAddress), expected, desired, out observed);
    }
}

/// <summary>What reached physical memory.</summary>
internal sealed class AccessLog
{
    public int Reads { get; set; }

    public int Writes { get; set; }

    public int Misses { get; set; }

    public int Exchanges { get; set; }

    /// <summary>Runs once, just before the next compare-and-exchange: another processor's write.</summary>
    public Action? Interference { get; set; }
}

/// <summary>A processor's surroundings with fixed CPUID and MSRs in a dictionary.</summary>
internal struct FixedHost(HostFacts facts) : IProcessorHost
{
    public readonly void LoadExtended(ProcessorState state) => facts.ExtendedLoads++;

    public readonly void LoadDebug(ProcessorState state) => facts.DebugLoads++;

    public readonly bool TryReadMsr(uint index, out ulong value) => facts.Msrs.TryGetValue(index, out value);

    public readonly bool TryWriteMsr(uint index, ulong value)
    {
        if (!facts.Msrs.ContainsKey(index))
        {
            return false;
        }

        facts.Msrs[index] = value;
        return true;
    }

    public readonly void ReadPort(ushort port, Span<byte> data)
    {
        facts.PortLog.Add($"in {port:x} {data.Length}");
        BitConverter.GetBytes(facts.PortValue).AsSpan(0, data.Length).CopyTo(data);
    }

    public readonly void WritePort(ushort port, ReadOnlySpan<byte> data) => facts.PortLog.Add($"out {port:x} {Convert.ToHexStringLower(data)}");

    public readonly ulong ReadTimestamp() => facts.Msrs[0x10];

    public readonly ulong NextRandom() => 0x1122_3344_5566_7788;

    public readonly void TaskPriorityWritten(ulong priority)
    {
    }

    public readonly bool TryHypercall(ProcessorState state)
    {
        if (facts.Hypercall is not { } answer)
        {
            return false;
        }

        state[GeneralRegister.Rax] = answer;
        return true;
    }

    public readonly bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        if (facts.Cpuid is { } leaves)
        {
            result = leaves.FirstOrDefault(candidate => candidate.Function == leaf && (!candidate.HasIndex || candidate.Index == subleaf));
            return result != default;
        }

        result = (leaf, subleaf) switch
        {
            (0x80000008, _) => new CpuidLeaf(leaf, subleaf, false, 0x3028, 0, 0, 0),
            (0xd, 0) => new CpuidLeaf(leaf, subleaf, true, 0x2e7, 2696, 2696, 0),
            (0xd, 1) => new CpuidLeaf(leaf, subleaf, true, 0xf, 0, 0x1800, 0),
            (0xd, 2) => new CpuidLeaf(leaf, subleaf, true, 256, 576, 0, 0),
            (0xd, 5) => new CpuidLeaf(leaf, subleaf, true, 64, 832, 0, 0),
            (0xd, 6) => new CpuidLeaf(leaf, subleaf, true, 512, 896, 2, 0),
            (0xd, 7) => new CpuidLeaf(leaf, subleaf, true, 1024, 1408, 2, 0),
            (0xd, 9) => new CpuidLeaf(leaf, subleaf, true, 8, 2432, 0, 0),
            (0xd, 11) => new CpuidLeaf(leaf, subleaf, true, 16, 0, 1, 0),
            _ => default,
        };
        return result != default;
    }
}

/// <summary>What <see cref="FixedHost"/> answers, and how often it was asked.</summary>
internal sealed class HostFacts
{
    public Dictionary<uint, ulong> Msrs { get; } = new()
    {
        [0x10] = 0x1234_5678_9abc_def0,
        [0xc0000102] = 0xffff_8000_0000_1000,
        [0xc0000103] = 7,
        [0xda0] = 0,
    };

    /// <summary>CPUID in place of the fixed one.</summary>
    public IReadOnlyList<CpuidLeaf>? Cpuid { get; set; }

    /// <summary>What was done to ports, in order.</summary>
    public List<string> PortLog { get; } = [];

    public uint PortValue { get; set; } = 0xa1b2_c3d4;

    /// <summary>What a hypercall answers; null when there are none.</summary>
    public ulong? Hypercall { get; set; }

    public int ExtendedLoads { get; set; }

    public int DebugLoads { get; set; }
}
