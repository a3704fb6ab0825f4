namespace HvRunner.Boot.Elf;

/// <summary>One entry of a symbol table (gABI 4.1, figure 4-15). Sorts by address; of several at one address, the best name comes last.</summary>
internal readonly record struct ElfSymbol(ulong Address, ulong Size, uint NameOffset, byte Info, ushort Section) : IComparable<ElfSymbol>
{
    private const int NoType = 0;
    private const int Function = 2;

    /// <summary>A function, or a label out of assembly source.</summary>
    public bool IsCode => (Info & 0xf) is NoType or Function && NameOffset != 0;

    public static int SizeBytes(ElfClass elfClass) => elfClass == ElfClass.Elf64 ? 24 : 16;

    public static ElfSymbol Read(ReadOnlySpan<byte> entry, ElfClass elfClass)
    {
        var at = new ElfFields(entry, elfClass);
        var is64 = elfClass == ElfClass.Elf64;
        return new ElfSymbol(at.Address(4, 8), at.Address(8, 16), at.Word(0, 0), entry[is64 ? 4 : 12], at.Half(14, 6));
    }

    public int CompareTo(ElfSymbol other)
    {
        var order = Address.CompareTo(other.Address);
        return order != 0 ? order : Rank.CompareTo(other.Rank);
    }

    // A function that has a size says most; a global name is the one that people know.
    private int Rank => ((Info & 0xf) == Function ? 4 : 0) + (Size != 0 ? 2 : 0) + (Info >> 4 != 0 ? 1 : 0);
}
