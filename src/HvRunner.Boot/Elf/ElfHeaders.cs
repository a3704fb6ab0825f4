using System.Buffers.Binary;

namespace HvRunner.Boot.Elf;

/// <summary>One program header (gABI, figure 5-1), widened to 64 bits. The values are the file's and may be anything.</summary>
/// <param name="Type">p_type; 1 is PT_LOAD, 4 is PT_NOTE.</param>
/// <param name="Flags">p_flags: 1 executable, 2 writable, 4 readable.</param>
/// <param name="Offset">p_offset, where its bytes start in the file.</param>
/// <param name="VirtualAddress">p_vaddr.</param>
/// <param name="PhysicalAddress">p_paddr, where a boot loader puts it.</param>
/// <param name="FileSize">p_filesz, bytes in the file.</param>
/// <param name="MemorySize">p_memsz, bytes in memory; those behind the file's are zero.</param>
/// <param name="Alignment">p_align.</param>
public readonly record struct ElfProgramHeader(
    uint Type, uint Flags, ulong Offset, ulong VirtualAddress, ulong PhysicalAddress, ulong FileSize, ulong MemorySize, ulong Alignment)
{
    /// <summary>PT_LOAD: belongs into memory.</summary>
    public bool IsLoad => Type == ElfSegmentType.Load;

    internal static ElfProgramHeader Read(in ElfFields at) => new(
        at.Word(0, 0), at.Word(24, 4), at.Address(4, 8), at.Address(8, 16), at.Address(12, 24),
        at.Address(16, 32), at.Address(20, 40), at.Address(28, 48));
}

/// <summary>One section header (gABI, figure 4-8), widened to 64 bits, without the fields that nobody here needs.</summary>
/// <param name="Type">sh_type.</param>
/// <param name="Flags">sh_flags; 4 is SHF_EXECINSTR.</param>
/// <param name="Address">sh_addr, 0 when it is not in memory.</param>
/// <param name="Offset">sh_offset, where its bytes start in the file.</param>
/// <param name="SizeBytes">sh_size.</param>
/// <param name="Link">sh_link, for a symbol table the index of its strings.</param>
/// <param name="Info">sh_info.</param>
/// <param name="EntrySize">sh_entsize, for a table of records.</param>
public readonly record struct ElfSectionHeader(
    uint Type, ulong Flags, ulong Address, ulong Offset, ulong SizeBytes, uint Link, uint Info, ulong EntrySize)
{
    internal static ElfSectionHeader Read(in ElfFields at) => new(
        at.Word(4, 4), at.Address(8, 8), at.Address(12, 16), at.Address(16, 24), at.Address(20, 32),
        at.Word(24, 40), at.Word(28, 44), at.Address(36, 56));
}

/// <summary>A little-endian ELF record in place; each field is named by its offset in the 32-bit and in the 64-bit form.</summary>
internal readonly ref struct ElfFields(ReadOnlySpan<byte> bytes, ElfClass elfClass)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly bool _is64 = elfClass == ElfClass.Elf64;

    public ushort Half(int offset32, int offset64) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(_is64 ? offset64 : offset32)..]);

    public uint Word(int offset32, int offset64) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(_is64 ? offset64 : offset32)..]);

    public ulong Address(int offset32, int offset64) =>
        _is64 ? BinaryPrimitives.ReadUInt64LittleEndian(_bytes[offset64..]) : BinaryPrimitives.ReadUInt32LittleEndian(_bytes[offset32..]);
}
