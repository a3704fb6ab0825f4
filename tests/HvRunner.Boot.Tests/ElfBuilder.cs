using System.Buffers.Binary;
using System.Text;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Tests;

/// <summary>
/// Makes ELF images of either class with any combination of segments, notes and sections; nothing is checked, so wrong ones can be made
/// as well. Layout: ELF header, program headers, contents, section headers.
/// </summary>
internal sealed class ElfBuilder
{
    private readonly List<(uint Type, ulong Paddr, ulong Vaddr, byte[] Data, ulong? FileSize, ulong? MemorySize, uint Flags, ulong? Offset)> _segments = [];
    private readonly List<(uint Type, ulong Flags, ulong Address, byte[] Data, uint Link, uint Info, ulong EntrySize)> _sections = [];

    public ElfBuilder(ElfClass elfClass = ElfClass.Elf64)
    {
        Class = elfClass;
        Machine = elfClass == ElfClass.Elf64 ? ElfMachine.X8664 : ElfMachine.I386;
        ProgramHeaderStride = elfClass == ElfClass.Elf64 ? 56 : 32;
    }

    public ElfClass Class { get; set; }

    public ElfMachine Machine { get; set; }

    public ElfType Type { get; set; } = ElfType.Executable;

    public ulong Entry { get; set; } = 0xdead0000;

    /// <summary>e_phentsize and the true distance.</summary>
    public int ProgramHeaderStride { get; set; }

    /// <summary>Store the count of program headers in section header 0.</summary>
    public bool ExtendedProgramHeaderCount { get; set; }

    public int HeaderSize => Class == ElfClass.Elf64 ? 64 : 52;

    public static byte[] Note(string ownerWithNul, uint type, byte[] descriptor)
    {
        var name = Encoding.ASCII.GetBytes(ownerWithNul);
        var note = new byte[12 + RoundUp(name.Length, 4) + RoundUp(descriptor.Length, 4)];
        BinaryPrimitives.WriteInt32LittleEndian(note, name.Length);
        BinaryPrimitives.WriteInt32LittleEndian(note.AsSpan(4), descriptor.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(8), type);
        name.CopyTo(note, 12);
        descriptor.CopyTo(note, 12 + RoundUp(name.Length, 4));
        return note;
    }

    public static byte[] EntryNote(uint entry) => Note("Xen\0", 18, BitConverter.GetBytes(entry));

    public static byte[] EntryNote64(ulong entry) => Note("Xen\0", 18, BitConverter.GetBytes(entry));

    public ElfBuilder Load(
        ulong paddr, byte[] data, ulong? memorySize = null, ulong? vaddr = null, uint flags = 7, ulong? fileSize = null, ulong? offset = null)
    {
        _segments.Add((1, paddr, vaddr ?? paddr, data, fileSize, memorySize, flags, offset));
        return this;
    }

    public ElfBuilder Notes(params byte[][] records) => Segment(4, records.SelectMany(record => record).ToArray());

    public ElfBuilder Segment(uint type, byte[] data, ulong? fileSize = null, ulong? offset = null)
    {
        _segments.Add((type, 0, 0, data, fileSize, null, 4, offset));
        return this;
    }

    /// <summary>Adds a section; the first one added gets index 1.</summary>
    public ElfBuilder Section(uint type, byte[] data, ulong flags = 0, ulong address = 0, uint link = 0, uint info = 0, ulong entrySize = 0)
    {
        _sections.Add((type, flags, address, data, link, info, entrySize));
        return this;
    }

    public byte[] Build()
    {
        var is64 = Class == ElfClass.Elf64;
        var table = HeaderSize;
        var at = RoundUp(table + (_segments.Count * ProgramHeaderStride), 16);
        var contents = new List<byte[]>();
        var offsets = new List<int>();
        foreach (var data in _segments.Select(segment => segment.Data).Concat(_sections.Select(section => section.Data)))
        {
            offsets.Add(at);
            contents.Add(data);
            at += RoundUp(data.Length, 16);
        }

        var sectionHeaders = at;
        var sectionSize = is64 ? 64 : 40;
        var needsSections = _sections.Count != 0 || ExtendedProgramHeaderCount;
        var image = new byte[at + (needsSections ? (_sections.Count + 1) * sectionSize : 0)];
        WriteHeader(image, table, needsSections ? sectionHeaders : 0, sectionSize, needsSections ? _sections.Count + 1 : 0);
        for (var i = 0; i < _segments.Count; i++)
        {
            var segment = _segments[i];
            contents[i].CopyTo(image, offsets[i]);
            var size = segment.FileSize ?? (ulong)segment.Data.Length;
            WriteProgramHeader(
                image.AsSpan(table + (i * ProgramHeaderStride)), segment.Type, segment.Flags, segment.Offset ?? (ulong)offsets[i], segment.Vaddr,
                segment.Paddr, size, segment.MemorySize ?? size);
        }

        if (ExtendedProgramHeaderCount)
        {
            BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(sectionHeaders + (is64 ? 44 : 28)), _segments.Count);
        }

        for (var i = 0; i < _sections.Count; i++)
        {
            contents[_segments.Count + i].CopyTo(image, offsets[_segments.Count + i]);
            WriteSectionHeader(image.AsSpan(sectionHeaders + ((i + 1) * sectionSize)), i, offsets[_segments.Count + i]);
        }

        return image;
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    private static void Half(Span<byte> at, int offset, int value) => BinaryPrimitives.WriteUInt16LittleEndian(at[offset..], (ushort)value);

    private static void Word(Span<byte> at, int offset, ulong value) => BinaryPrimitives.WriteUInt32LittleEndian(at[offset..], (uint)value);

    private static void Xword(Span<byte> at, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(at[offset..], value);

    private void WriteHeader(Span<byte> at, int programHeaders, int sectionHeaders, int sectionSize, int sectionCount)
    {
        "\u007fELF"u8.CopyTo(at);
        at[4] = (byte)Class;
        at[5] = 1;
        at[6] = 1;
        Half(at, 16, (int)Type);
        Half(at, 18, (int)Machine);
        Word(at, 20, 1);
        var count = ExtendedProgramHeaderCount ? 0xffff : _segments.Count;
        var tail = Class == ElfClass.Elf64 ? 52 : 40;
        if (Class == ElfClass.Elf64)
        {
            Xword(at, 24, Entry);
            Xword(at, 32, (ulong)programHeaders);
            Xword(at, 40, (ulong)sectionHeaders);
        }
        else
        {
            Word(at, 24, Entry);
            Word(at, 28, (ulong)programHeaders);
            Word(at, 32, (ulong)sectionHeaders);
        }

        Half(at, tail, HeaderSize);
        Half(at, tail + 2, ProgramHeaderStride);
        Half(at, tail + 4, count);
        Half(at, tail + 6, sectionSize);
        Half(at, tail + 8, sectionCount);
    }

    private void WriteProgramHeader(Span<byte> at, uint type, uint flags, ulong offset, ulong vaddr, ulong paddr, ulong fileSize, ulong memorySize)
    {
        Word(at, 0, type);
        if (Class == ElfClass.Elf64)
        {
            Word(at, 4, flags);
            ulong[] values = [offset, vaddr, paddr, fileSize, memorySize, 0x1000];
            for (var i = 0; i < values.Length; i++)
            {
                Xword(at, 8 + (8 * i), values[i]);
            }
        }
        else
        {
            ulong[] values = [offset, vaddr, paddr, fileSize, memorySize, flags, 0x1000];
            for (var i = 0; i < values.Length; i++)
            {
                Word(at, 4 + (4 * i), values[i]);
            }
        }
    }

    private void WriteSectionHeader(Span<byte> at, int index, int offset)
    {
        var section = _sections[index];
        Word(at, 4, section.Type);
        if (Class == ElfClass.Elf64)
        {
            Xword(at, 8, section.Flags);
            Xword(at, 16, section.Address);
            Xword(at, 24, (ulong)offset);
            Xword(at, 32, (ulong)section.Data.Length);
            Word(at, 40, section.Link);
            Word(at, 44, section.Info);
            Xword(at, 56, section.EntrySize);
        }
        else
        {
            ulong[] values = [section.Flags, section.Address, (ulong)offset, (ulong)section.Data.Length, section.Link, section.Info, 0, section.EntrySize];
            for (var i = 0; i < values.Length; i++)
            {
                Word(at, 8 + (4 * i), values[i]);
            }
        }
    }
}
