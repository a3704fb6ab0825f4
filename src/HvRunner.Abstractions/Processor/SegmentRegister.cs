namespace HvRunner.Abstractions;

/// <summary>A segment register with its hidden part (SDM vol. 3A, 3.4.3). The limit is in bytes, granularity already applied.</summary>
public record struct SegmentRegister
{
    /// <summary>The visible part.</summary>
    public ushort Selector { get; set; }

    /// <summary>Linear address of the segment's first byte.</summary>
    public ulong Base { get; set; }

    /// <summary>The segment's last valid offset, in bytes.</summary>
    public uint Limit { get; set; }

    /// <summary>Bits 15:0 as in the descriptor's second word from bit 8 on: 3:0 type, 4 S, 6:5 DPL, 7 present, 12 AVL, 13 L, 14 D/B, 15 G.</summary>
    public ushort Attributes { get; set; }

    /// <summary>The segment was loaded with a null selector or is otherwise not to be used.</summary>
    public bool Unusable { get; set; }

    /// <summary>Descriptor type, bits 3:0 of the attributes.</summary>
    public readonly int Type => Attributes & 0xf;

    /// <summary>S: code or data when true, a system segment when false.</summary>
    public readonly bool IsCodeOrData => (Attributes & 0x10) != 0;

    /// <summary>Descriptor privilege level, 0 to 3.</summary>
    public readonly int Dpl => (Attributes >> 5) & 3;

    /// <summary>P: the segment is present.</summary>
    public readonly bool Present => (Attributes & 0x80) != 0;

    /// <summary>L: 64-bit code.</summary>
    public readonly bool Long => (Attributes & 0x2000) != 0;

    /// <summary>D/B: 32-bit default operand size or stack.</summary>
    public readonly bool Default32 => (Attributes & 0x4000) != 0;

    /// <summary>G: the descriptor's limit counts 4 KiB units.</summary>
    public readonly bool Granular => (Attributes & 0x8000) != 0;

    /// <summary>A flat 4 GiB 32-bit code segment, executable and readable, accessed, DPL 0.</summary>
    public static SegmentRegister FlatCode32(ushort selector) =>
        new() { Selector = selector, Limit = uint.MaxValue, Attributes = 0xc09b };

    /// <summary>A flat 4 GiB 32-bit data segment, writable, accessed, DPL 0.</summary>
    public static SegmentRegister FlatData32(ushort selector) =>
        new() { Selector = selector, Limit = uint.MaxValue, Attributes = 0xc093 };

    /// <summary>A busy 32-bit task-state segment at <paramref name="baseAddress"/> with a limit of 0x67 bytes.</summary>
    public static SegmentRegister BusyTss32(ushort selector, ulong baseAddress) =>
        new() { Selector = selector, Base = baseAddress, Limit = 0x67, Attributes = 0x008b };

    /// <summary>No segment: a null selector.</summary>
    public static SegmentRegister Null => new() { Unusable = true };
}

/// <summary>GDTR or IDTR.</summary>
/// <param name="Base">Linear address of the table.</param>
/// <param name="Limit">Last valid offset in bytes.</param>
public record struct DescriptorTableRegister(ulong Base, ushort Limit);
