using System.Buffers.Binary;

namespace HvRunner.Boot.Elf;

/// <summary>One note. Its descriptor stays in the file.</summary>
/// <param name="Owner">The owner's name without its NUL; unprintable bytes are shown as "?".</param>
/// <param name="Type">What the descriptor means, for this owner.</param>
/// <param name="DescriptorOffset">Where the descriptor starts in the file.</param>
/// <param name="DescriptorSize">Its length in bytes, padding not counted; it lies wholly in the file.</param>
/// <param name="InSegment">Found in a PT_NOTE segment; else in an SHT_NOTE section.</param>
public readonly record struct ElfNote(string Owner, uint Type, ulong DescriptorOffset, uint DescriptorSize, bool InSegment);

/// <summary>
/// The notes of an ELF file (gABI 4.1, "Note Section"): all PT_NOTE segments, and on demand all SHT_NOTE sections. Names and descriptors are
/// padded to 4 bytes whatever the segment's alignment says, as every boot loader does. A malformed record ends the scan of its segment
/// with a sentence.
/// </summary>
public sealed class ElfNotes
{
    /// <summary>More notes than any kernel has; what follows is left out, with a sentence.</summary>
    public const int MaxNotes = 1024;

    private const int RecordHeaderBytes = 12;
    private const int LongestOwnerBytes = 32;

    private readonly ElfImage _image;
    private readonly List<ElfNote> _inSegments = [];
    private List<ElfNote>? _inSections;
    private List<string>? _faults;

    private ElfNotes(ElfImage image) => _image = image;

    /// <summary>The notes of all PT_NOTE segments, in the file's order.</summary>
    public IReadOnlyList<ElfNote> InSegments => _inSegments;

    /// <summary>The notes of all SHT_NOTE sections, in the file's order; read when first asked for.</summary>
    public IReadOnlyList<ElfNote> InSections => _inSections ??= ReadSections();

    internal bool HasReadSections => _inSections is not null;

    /// <summary>What is wrong with the notes read so far, as sentences; empty when nothing is.</summary>
    public IReadOnlyList<string> Faults => _faults ?? (IReadOnlyList<string>)[];

    /// <summary>Reads the notes of all segments. Never throws for what the file contains.</summary>
    public static ElfNotes Read(ElfImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var notes = new ElfNotes(image);
        for (var i = 0; i < image.ProgramHeaders.Count; i++)
        {
            var header = image.ProgramHeaders[i];
            if (header.Type == ElfSegmentType.Note)
            {
                notes.Scan("segment", i, header.Offset, header.FileSize, notes._inSegments);
            }
        }

        return notes;
    }

    /// <summary>All notes of one owner and type: those in segments, or where no segment has one, those in sections. Notes are matched by
    /// both.</summary>
    public IReadOnlyList<ElfNote> Find(string owner, uint type)
    {
        var found = Matching(_inSegments, owner, type);
        return found.Count != 0 ? found : Matching(InSections, owner, type);
    }

    /// <summary>Reads a note's descriptor from its start; false when it is shorter than <paramref name="destination"/>.</summary>
    public bool TryReadDescriptor(in ElfNote note, Span<byte> destination) =>
        (uint)destination.Length <= note.DescriptorSize && _image.Window.TryRead(note.DescriptorOffset, destination);

    private static List<ElfNote> Matching(IReadOnlyList<ElfNote> notes, string owner, uint type)
    {
        var found = new List<ElfNote>();
        for (var i = 0; i < notes.Count; i++)
        {
            if (notes[i].Type == type && notes[i].Owner == owner)
            {
                found.Add(notes[i]);
            }
        }

        return found;
    }

    private List<ElfNote> ReadSections()
    {
        var found = new List<ElfNote>();
        var headers = _image.SectionHeaders;
        if (_image.Sections.Fault is { } fault)
        {
            Fault(fault);
        }

        for (var i = 0; i < headers.Count && found.Count < MaxNotes; i++)
        {
            if (headers[i].Type == ElfSectionType.Note)
            {
                Scan("section", i, headers[i].Offset, headers[i].SizeBytes, found);
            }
        }

        return found;
    }

    private void Scan(string what, int index, ulong offset, ulong size, List<ElfNote> found)
    {
        if (!_image.Window.Holds(offset, size))
        {
            Fault($"note {what} {index} lies outside the file: it takes 0x{size:x} bytes from offset 0x{offset:x} on, and the file is " +
                $"{_image.Window.Source.LengthBytes} bytes long.");
            return;
        }

        Span<byte> header = stackalloc byte[RecordHeaderBytes];
        while (size >= RecordHeaderBytes)
        {
            if (found.Count >= MaxNotes)
            {
                Fault($"note {what} {index} goes on behind note {MaxNotes}; a kernel has far fewer.");
                return;
            }

            if (!_image.Window.TryRead(offset, header))
            {
                Fault($"note {what} {index} cannot be read; the file has changed meanwhile.");
                return;
            }

            var nameSize = BinaryPrimitives.ReadUInt32LittleEndian(header);
            var descriptorSize = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            var type = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
            var padded = RoundUp4(nameSize) + RoundUp4(descriptorSize);

            // The last record may lack its padding.
            if (RoundUp4(nameSize) + descriptorSize > size - RecordHeaderBytes || (nameSize == 0 && descriptorSize == 0))
            {
                Fault($"note {what} {index} has a malformed record at file offset 0x{offset:x}: a name of {nameSize} and a descriptor " +
                    $"of {descriptorSize} bytes, with {size - RecordHeaderBytes} bytes left.");
                return;
            }

            var descriptorOffset = offset + RecordHeaderBytes + RoundUp4(nameSize);
            found.Add(new ElfNote(ReadOwner(offset + RecordHeaderBytes, nameSize), type, descriptorOffset, descriptorSize, what == "segment"));
            var stride = Math.Min(RecordHeaderBytes + padded, size);
            offset += stride;
            size -= stride;
        }
    }

    private string ReadOwner(ulong offset, uint nameSize)
    {
        Span<byte> name = stackalloc byte[LongestOwnerBytes];
        name = name[..(int)Math.Min(nameSize, LongestOwnerBytes)];
        if (!_image.Window.TryRead(offset, name))
        {
            return "";
        }

        // The owners that matter are matched with their NUL and cost no string.
        return name switch
        {
            _ when name.SequenceEqual("Xen\0"u8) => "Xen",
            _ when name.SequenceEqual("Linux\0"u8) => "Linux",
            _ when name.SequenceEqual("GNU\0"u8) => "GNU",
            _ when name.Length != 0 && name[^1] == 0 => PrintableText.Of(name),
            _ => PrintableText.Of(name) + " (no NUL)",
        };
    }

    private void Fault(string sentence) => (_faults ??= []).Add(sentence);

    private static ulong RoundUp4(uint value) => (value + 3UL) & ~3UL;
}
