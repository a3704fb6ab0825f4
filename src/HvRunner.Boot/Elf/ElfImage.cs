using HvRunner.Abstractions;

namespace HvRunner.Boot.Elf;

/// <summary>
/// The headers of an ELF file (gABI 4.1, chapters 4 and 5), both classes, little-endian. It judges only whether the tables can be read; what a
/// boot protocol wants of them is the protocol's to check. Not done: relocation, dynamic linking, byte-swapping. Used by one thread at a time.
/// </summary>
public sealed class ElfImage
{
    /// <summary>More program headers than any kernel has; a larger count is refused instead of believed.</summary>
    public const int MaxProgramHeaders = 256;

    private const int LargestHeaderBytes = 64;

    // PN_XNUM: the true count stands in section header 0.
    private const ushort ExtendedProgramHeaderCount = 0xffff;

    private readonly ImageWindow _window;
    private readonly List<ElfProgramHeader> _programHeaders = [];
    private ElfSectionTable? _sections;

    private ElfImage(ImageWindow window, in ElfFields header, ElfClass elfClass)
    {
        _window = window;
        Class = elfClass;
        Type = (ElfType)header.Half(16, 16);
        Machine = (ElfMachine)header.Half(18, 18);
        Entry = header.Address(24, 24);
        ProgramHeaderOffset = header.Address(28, 32);
        SectionHeaderOffset = header.Address(32, 40);
        ProgramHeaderSize = header.Half(42, 54);
        ProgramHeaderCount = header.Half(44, 56);
        SectionHeaderSize = header.Half(46, 58);
        SectionHeaderCount = header.Half(48, 60);
    }

    /// <summary>Width of its addresses.</summary>
    public ElfClass Class { get; }

    /// <summary>What kind of file.</summary>
    public ElfType Type { get; }

    /// <summary>Whose instructions.</summary>
    public ElfMachine Machine { get; }

    /// <summary>e_entry. PVH does not use it.</summary>
    public ulong Entry { get; }

    /// <summary>The program headers in the file's order, at most <see cref="MaxProgramHeaders"/>.</summary>
    public IReadOnlyList<ElfProgramHeader> ProgramHeaders => _programHeaders;

    /// <summary>The section headers, read when first asked for; empty when there are none or their table is malformed.</summary>
    public IReadOnlyList<ElfSectionHeader> SectionHeaders => Sections.Headers;

    /// <summary>As in "ELF64 x86-64".</summary>
    public string Format => $"{(Class == ElfClass.Elf64 ? "ELF64" : "ELF32")} {ElfMachineName.Of(Machine)}";

    internal ElfSectionTable Sections => _sections ??= ElfSectionTable.Read(_window, this);

    internal ulong SectionHeaderOffset { get; }

    internal int SectionHeaderSize { get; }

    internal int SectionHeaderCount { get; }

    /// <summary>True when the program header table was read as far as it goes.</summary>
    internal bool HasProgramHeaderTable { get; private set; }

    internal ImageWindow Window => _window;

    private ulong ProgramHeaderOffset { get; }

    private int ProgramHeaderSize { get; }

    private int ProgramHeaderCount { get; }

    /// <summary>
    /// Reads the headers. The image keeps the source and reads more of it later; the caller disposes the source. Throws
    /// <see cref="InvalidInputException"/> listing everything that keeps the headers from being read.
    /// </summary>
    public static ElfImage Parse(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var faults = new InputFaults(source.Name);
        var image = Read(new ImageWindow(source), faults);
        faults.ThrowIfAny();
        return image!;
    }

    /// <summary>As <see cref="Parse"/>, noting faults; null when not even the ELF header is readable.</summary>
    internal static ElfImage? Read(ImageWindow window, InputFaults faults)
    {
        Span<byte> header = stackalloc byte[LargestHeaderBytes];
        if (!window.TryRead(0, header[..16]) || !header.StartsWith("\u007fELF"u8))
        {
            faults.Add("an ELF file was expected (first bytes 7f 45 4c 46), but this is none.");
            return null;
        }

        if (header[4] is not (1 or 2))
        {
            faults.Add($"the ELF header's class is {header[4]}, but only 1 (32 bits) and 2 (64 bits) exist; the file is damaged.");
            return null;
        }

        if (header[5] != 1)
        {
            faults.Add(header[5] == 2
                ? "the ELF file is big-endian, so it is not for an x86 processor; build the kernel for x86."
                : $"the ELF header's data encoding is {header[5]}, but 1 (little-endian) was expected; the file is damaged.");
            return null;
        }

        var elfClass = (ElfClass)header[4];
        var size = elfClass == ElfClass.Elf64 ? LargestHeaderBytes : 52;
        if (!window.TryRead(0, header[..size]))
        {
            faults.Add($"the file is truncated: it is {window.Source.LengthBytes} bytes long, and its ELF header alone takes {size}.");
            return null;
        }

        var image = new ElfImage(window, new ElfFields(header, elfClass), elfClass);
        image.ReadProgramHeaders(faults);
        return image;
    }

    private void ReadProgramHeaders(InputFaults faults)
    {
        uint count = (uint)ProgramHeaderCount;
        var size = Class == ElfClass.Elf64 ? 56 : 32;
        if (count == ExtendedProgramHeaderCount)
        {
            if (!ElfSectionTable.TryReadFirst(_window, this, out var first))
            {
                faults.Add("the number of program headers should stand in section header 0 (e_phnum is 0xffff), but there is none; the " +
                    "file is damaged.");
                return;
            }

            count = first.Info;
        }

        if (count > MaxProgramHeaders)
        {
            faults.Add($"the ELF file has {count} program headers, too many for a kernel (at most {MaxProgramHeaders}); the file is " +
                "damaged or is no kernel.");
            return;
        }

        if (count != 0 && ProgramHeaderSize < size)
        {
            faults.Add($"the ELF header says that a program header takes {ProgramHeaderSize} bytes (e_phentsize), but it takes at " +
                $"least {size}; the file is damaged.");
            return;
        }

        // At most 256 times 64 KiB: the product cannot overflow.
        var length = count * (ulong)ProgramHeaderSize;
        if (!_window.Holds(ProgramHeaderOffset, length))
        {
            faults.Add($"the file is truncated or damaged: {count} program headers should start at offset 0x{ProgramHeaderOffset:x}, " +
                $"but the file is {_window.Source.LengthBytes} bytes long.");
            return;
        }

        Span<byte> header = stackalloc byte[size];
        _programHeaders.EnsureCapacity((int)count);
        for (uint i = 0; i < count; i++)
        {
            if (!_window.TryRead(ProgramHeaderOffset + (i * (ulong)ProgramHeaderSize), header))
            {
                faults.Add("the program headers cannot be read; the file has changed meanwhile.");
                return;
            }

            _programHeaders.Add(ElfProgramHeader.Read(new ElfFields(header, Class)));
        }

        HasProgramHeaderTable = true;
    }
}
