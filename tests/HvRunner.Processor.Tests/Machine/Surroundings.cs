using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Everything around a processor that is not RAM, as a function of its seed and of the questions so far: two processors that ask the same get the
/// same answers. A digest of all questions tells whether they did.
/// </summary>
internal sealed class Surroundings(ulong seed) : IProcessorEnvironment
{
    private const int MsrCount = 10;
    private ulong _state = seed | 1;

    /// <summary>Changes with every question and every byte that was written.</summary>
    public ulong Digest { get; private set; } = 0xcbf2_9ce4_8422_2325;

    /// <summary>How many questions there were.</summary>
    public long Count { get; private set; }

    /// <summary>RAM, which must not come here.</summary>
    public IGuestMemory? Ram { get; init; }

    /// <summary>Runs in the middle of every access of a device.</summary>
    public Action? OnAccess { get; set; }

    /// <summary>SYSENTER's, SYSCALL's, KERNEL_GS_BASE and TSC_AUX, in the order of <see cref="IndexOf"/>.</summary>
    public ulong[] Msrs { get; } = new ulong[MsrCount];

    public static int IndexOf(uint msr) => msr switch
    {
        >= 0x174 and <= 0x176 => (int)msr - 0x174,
        >= 0xc000_0081 and <= 0xc000_0084 => (int)(msr - 0xc000_0081) + 3,
        0xc000_0102 or 0xc000_0103 => (int)(msr - 0xc000_0102) + 7,
        0x1b => 9,
        _ => -1,
    };

    public void ReadMemory(ulong physicalAddress, Span<byte> data)
    {
        Check(physicalAddress, data.Length);
        Note(physicalAddress, 1);
        Fill(data);
    }

    public void WriteMemory(ulong physicalAddress, ReadOnlySpan<byte> data)
    {
        Check(physicalAddress, data.Length);
        Note(physicalAddress, 2);
        NoteBytes(data);
    }

    public void ReadPort(ushort port, Span<byte> data)
    {
        Note(port, 3);
        Fill(data);
    }

    public void WritePort(ushort port, ReadOnlySpan<byte> data)
    {
        Note(port, 4);
        NoteBytes(data);
    }

    public bool TryReadMsr(uint index, out ulong value)
    {
        Note(index, 5);
        var at = IndexOf(index);
        value = at < 0 ? 0 : Msrs[at];
        return at >= 0;
    }

    public bool TryWriteMsr(uint index, ulong value)
    {
        Note(index ^ (value << 32), 6);
        var at = IndexOf(index);
        if (at >= 0)
        {
            Msrs[at] = value;
        }

        return at >= 0;
    }

    /// <summary>Bits of leaf 1's ECX that CPUID does not show.</summary>
    public uint HiddenFeatures { get; init; }

    public bool TryGetCpuid(uint leaf, uint subleaf, out CpuidLeaf result)
    {
        foreach (var candidate in SoftwareCpuid.Leaves)
        {
            if (candidate.Function == leaf && (!candidate.HasIndex || candidate.Index == subleaf))
            {
                result = leaf == 1 ? candidate with { Ecx = candidate.Ecx & ~HiddenFeatures } : candidate;
                return true;
            }
        }

        result = default;
        return false;
    }

    public ulong ReadTimestamp()
    {
        Note(0, 7);
        return _state >> 8;
    }

    public void TaskPriorityWritten(ulong priority)
    {
    }

    public ulong NextRandom()
    {
        Note(0, 8);
        return _state * 0x9e37_79b9_7f4a_7c15;
    }

    public bool TryHypercall(ProcessorState state)
    {
        Note(state[GeneralRegister.Rax], 9);
        if ((_state & 4) == 0)
        {
            return false;
        }

        state[GeneralRegister.Rax] = _state;
        return true;
    }

    private void Check(ulong physicalAddress, int length)
    {
        if (length is < 1 or > 4096)
        {
            throw new InvalidOperationException($"a device access of {length} bytes");
        }

        if (Ram is { } ram && ram.TryGetReadOnlySpan(new GuestAddress(physicalAddress), 1, out _))
        {
            throw new InvalidOperationException($"RAM at {physicalAddress:x} taken for a device");
        }
    }

    private void Note(ulong value, ulong kind)
    {
        Count++;
        OnAccess?.Invoke();
        _state = (_state ^ (value + kind)) * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407;
        Digest = (Digest ^ value ^ (kind << 56)) * 0x100_0000_01b3;
    }

    private void NoteBytes(ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            Digest = (Digest ^ value) * 0x100_0000_01b3;
        }
    }

    private void Fill(Span<byte> data)
    {
        for (var i = 0; i < data.Length; i++)
        {
            data[i] = (byte)(_state >> (8 * (i & 7)));
        }
    }
}
