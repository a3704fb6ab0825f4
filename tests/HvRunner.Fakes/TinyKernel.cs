using System.Buffers.Binary;

namespace HvRunner.Fakes;

/// <summary>
/// A PVH kernel of a few instructions: an ELF64 file with one segment at 1 MiB and the note that names the entry point. It loads an interrupt table in which vector 2 is
/// its NMI handler, then its code runs, in flat 32-bit protected mode with interrupts off. Nothing else is set up.
/// </summary>
public static class TinyKernel
{
    private const uint Base = 0x10_0000;
    private const uint CodeAt = 0x20;
    private const uint HandlerAt = 0x800;
    private const uint Table = 0x900;
    private const uint StackTop = 0x2000;
    private const int FileOffset = 0x1000;
    private const ushort CodeSelector = 8;

    /// <summary>lidt [Base]; mov esp, StackTop. The six bytes of the table's register stand before the code.</summary>
    private static byte[] Prologue { get; } = [0x0f, 0x01, 0x1d, .. BitConverter.GetBytes(Base), 0xbc, .. BitConverter.GetBytes(Base + StackTop)];

    /// <summary>Where the code that <see cref="Build"/> is given stands, for code with addresses in it.</summary>
    public static uint CodeAddress => Base + CodeAt + (uint)Prologue.Length;

    /// <summary>Makes the file.</summary>
    /// <param name="code">What runs, at most 1.5 KiB.</param>
    /// <param name="onNmi">The handler of NMIs, at most 256 bytes; an interrupt return alone when it is not given.</param>
    public static byte[] Build(ReadOnlySpan<byte> code, ReadOnlySpan<byte> onNmi = default)
    {
        var segment = new byte[StackTop];
        BinaryPrimitives.WriteUInt16LittleEndian(segment, (3 * 8) - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment.AsSpan(2), Base + Table);
        Prologue.CopyTo(segment.AsSpan((int)CodeAt));
        code.CopyTo(segment.AsSpan((int)CodeAt + Prologue.Length, 1536));
        (onNmi.IsEmpty ? [0xcf] : onNmi).CopyTo(segment.AsSpan((int)HandlerAt, (int)(Table - HandlerAt)));
        var gate = segment.AsSpan((int)Table + (2 * 8));
        BinaryPrimitives.WriteUInt16LittleEndian(gate, (ushort)((Base + HandlerAt) & 0xffff));
        BinaryPrimitives.WriteUInt16LittleEndian(gate[2..], CodeSelector);
        gate[5] = 0x8e;
        BinaryPrimitives.WriteUInt16LittleEndian(gate[6..], (ushort)((Base + HandlerAt) >> 16));
        return Elf(segment);
    }

    private static byte[] Elf(byte[] segment)
    {
        byte[] note = [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, (byte)'X', (byte)'e', (byte)'n', 0, .. BitConverter.GetBytes(Base + CodeAt)];
        const int HeaderBytes = 64;
        const int ProgramHeaderBytes = 56;
        var noteAt = HeaderBytes + (2 * ProgramHeaderBytes);
        var file = new byte[FileOffset + segment.Length];
        byte[] identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file, 0);
        Half(file, 16, 2);
        Half(file, 18, 62);
        Half(file, 20, 1);
        Half(file, 24 + 8, HeaderBytes);
        Half(file, 52, HeaderBytes);
        Half(file, 54, ProgramHeaderBytes);
        Half(file, 56, 2);
        ProgramHeader(file.AsSpan(HeaderBytes), type: 1, FileOffset, Base, segment.Length);
        ProgramHeader(file.AsSpan(HeaderBytes + ProgramHeaderBytes), type: 4, noteAt, 0, note.Length);
        note.CopyTo(file, noteAt);
        segment.CopyTo(file, FileOffset);
        return file;
    }

    private static void ProgramHeader(Span<byte> at, int type, int offset, ulong address, int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(at, type);
        BinaryPrimitives.WriteInt32LittleEndian(at[4..], 7);
        BinaryPrimitives.WriteInt64LittleEndian(at[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(at[24..], address);
        BinaryPrimitives.WriteInt64LittleEndian(at[32..], length);
        BinaryPrimitives.WriteInt64LittleEndian(at[40..], length);
        BinaryPrimitives.WriteInt64LittleEndian(at[48..], 4);
    }

    private static void Half(Span<byte> file, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file[offset..], value);
}
