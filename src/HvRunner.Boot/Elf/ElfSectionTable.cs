namespace HvRunner.Boot.Elf;

/// <summary>
/// The section headers (gABI 4.1, chapter 4), which a loader needs only for notes that no segment carries and for symbols. A file without
/// them is in order, and one whose table is malformed has no sections here and a sentence that says why.
/// </summary>
internal sealed class ElfSectionTable
{
    // A vmlinux has 30 to 80; a kernel built with a section for each function, some thousands.
    private const int MaxSections = 16384;

    private readonly List<ElfSectionHeader> _headers = [];

    private ElfSectionTable()
    {
    }

    public IReadOnlyList<ElfSectionHeader> Headers => _headers;

    /// <summary>What is wrong with the table, or null.</summary>
    public string? Fault { get; private set; }

    public static ElfSectionTable Read(ImageWindow window, ElfImage image)
    {
        var table = new ElfSectionTable();
        if (image.SectionHeaderOffset == 0)
        {
            return table;
        }

        if (!TryReadFirst(window, image, out var first))
        {
            table.Fault = $"the section headers at offset 0x{image.SectionHeaderOffset:x} cannot be read (entries of " +
                $"{image.SectionHeaderSize} bytes, file of {window.Source.LengthBytes} bytes).";
            return table;
        }

        // From 0xff00 sections on, the count stands in section 0's size.
        var count = image.SectionHeaderCount == 0 ? first.SizeBytes : (ulong)image.SectionHeaderCount;
        if (count > MaxSections || !window.Holds(image.SectionHeaderOffset, count * (ulong)image.SectionHeaderSize))
        {
            table.Fault = $"{count} section headers at offset 0x{image.SectionHeaderOffset:x} were expected, but the file is " +
                $"{window.Source.LengthBytes} bytes long and at most {MaxSections} sections are looked at.";
            return table;
        }

        Span<byte> header = stackalloc byte[HeaderSize(image.Class)];
        table._headers.EnsureCapacity((int)count);
        for (ulong i = 0; i < count; i++)
        {
            if (!window.TryRead(image.SectionHeaderOffset + (i * (ulong)image.SectionHeaderSize), header))
            {
                table.Fault = "the section headers cannot be read; the file has changed meanwhile.";
                break;
            }

            table._headers.Add(ElfSectionHeader.Read(new ElfFields(header, image.Class)));
        }

        return table;
    }

    /// <summary>Section header 0, which is no section but carries counts that are too large for the ELF header.</summary>
    public static bool TryReadFirst(ImageWindow window, ElfImage image, out ElfSectionHeader first)
    {
        Span<byte> header = stackalloc byte[HeaderSize(image.Class)];
        var found = image.SectionHeaderOffset != 0 && image.SectionHeaderSize >= header.Length && window.TryRead(image.SectionHeaderOffset, header);
        first = found ? ElfSectionHeader.Read(new ElfFields(header, image.Class)) : default;
        return found;
    }

    private static int HeaderSize(ElfClass elfClass) => elfClass == ElfClass.Elf64 ? 64 : 40;
}
