using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// A global descriptor table whose descriptors are exactly what the segment registers hold at entry (SDM vol. 3A, 3.4.5). PVH does not ask
/// for one, but a guest that reloads a segment register before it has its own table should find what it had.
/// </summary>
public static class PvhGdt
{
    /// <summary>Null, code, data, TSS.</summary>
    public const int SizeBytes = 4 * 8;

    /// <summary>Selector of the flat code segment.</summary>
    public const ushort CodeSelector = 0x08;

    /// <summary>Selector of the flat data segment.</summary>
    public const ushort DataSelector = 0x10;

    /// <summary>Selector of the task-state segment.</summary>
    public const ushort TssSelector = 0x18;

    /// <summary>CS at entry.</summary>
    public static SegmentRegister Code => SegmentRegister.FlatCode32(CodeSelector);

    /// <summary>DS, ES, SS, FS and GS at entry.</summary>
    public static SegmentRegister Data => SegmentRegister.FlatData32(DataSelector);

    /// <summary>TR at entry: PVH puts its base at 0, so it is backed by whatever is there; a guest that wants to use it makes its own.</summary>
    public static SegmentRegister Tss => SegmentRegister.BusyTss32(TssSelector, 0);

    internal static void Write(Span<byte> table)
    {
        table[..8].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(table[CodeSelector..], Descriptor(Code));
        BinaryPrimitives.WriteUInt64LittleEndian(table[DataSelector..], Descriptor(Data));
        BinaryPrimitives.WriteUInt64LittleEndian(table[TssSelector..], Descriptor(Tss));
    }

    private static ulong Descriptor(in SegmentRegister segment)
    {
        ulong limit = segment.Granular ? segment.Limit >> 12 : segment.Limit;
        return (limit & 0xffff) | ((segment.Base & 0xff_ffff) << 16) | ((ulong)(segment.Attributes & 0xf0ff) << 40) |
            ((limit & 0xf_0000) << 32) | ((segment.Base & 0xff00_0000) << 32);
    }
}
