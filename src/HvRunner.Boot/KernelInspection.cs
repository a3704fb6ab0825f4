using HvRunner.Abstractions;
using HvRunner.Boot.Elf;
using HvRunner.Boot.Pvh;

namespace HvRunner.Boot;

/// <summary>
/// What <c>hvrun inspect</c> says about a file: its kind, the boot protocols that it offers, which one would be used, and why. It judges by
/// the same rules as booting does, short of those that need a machine's memory.
/// </summary>
public sealed record KernelInspection
{
    /// <summary>The file, as the user named it.</summary>
    public required string Name { get; init; }

    /// <summary>Its length in bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>As in "ELF64 x86-64", "ELF32 i386", "bzImage", "gzip", "unknown".</summary>
    public required string Format { get; init; }

    /// <summary>How the kernel inside is compressed; always null so far, because no image is unpacked.</summary>
    public string? Compression { get; init; }

    /// <summary>The version text that a bzImage carries, printable; else null.</summary>
    public string? Version { get; init; }

    /// <summary>Every protocol that hvrun knows, offered or not.</summary>
    public required IReadOnlyList<BootOffer> Offers { get; init; }

    /// <summary>The protocol that <c>--boot auto</c> takes; null when none is on offer.</summary>
    public required string? Chosen { get; init; }

    /// <summary>Why that one, or why none.</summary>
    public required string Reason { get; init; }

    /// <summary>It is Linux, as far as can be told.</summary>
    public bool IsLinux { get; init; }

    /// <summary>e_entry of an ELF file, which PVH does not use; else null.</summary>
    public ulong? ElfEntry { get; init; }

    /// <summary>The PVH entry point; null when there is none.</summary>
    public GuestAddress? PvhEntry { get; init; }

    /// <summary>The PT_LOAD segments, in the file's order.</summary>
    public IReadOnlyList<SegmentFact> Segments { get; init; } = [];

    /// <summary>The notes: those in segments, then those that only sections have, where sections had to be read.</summary>
    public IReadOnlyList<NoteFact> Notes { get; init; } = [];

    /// <summary>Looks at a file. Throws <see cref="InvalidInputException"/> only when the host cannot read it, never for what it contains.</summary>
    public static KernelInspection Inspect(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var analysis = PvhAnalysis.Of(source);
        var offered = analysis.Faults.Count == 0;
        var pvh = new BootOffer("pvh", offered, offered ? Describe(analysis.Entry!.Value) : analysis.Faults.ToText());
        return new KernelInspection
        {
            Name = source.Name,
            LengthBytes = source.LengthBytes,
            Format = analysis.Image?.Format ?? analysis.Format.Name,
            Version = analysis.Format.Version,
            Offers = [pvh],
            Chosen = offered ? pvh.Protocol : null,
            Reason = offered
                ? "PVH is the only boot protocol of this hvrun, and the image offers it."
                : "The file offers no boot protocol of this hvrun.",
            IsLinux = analysis.IsLinux || analysis.Format.Version is not null,
            ElfEntry = analysis.Image?.Entry,
            PvhEntry = analysis.Entry is { } entry ? new GuestAddress(entry.Address) : null,
            Segments = SegmentsOf(analysis.Image),
            Notes = NotesOf(analysis.Notes),
        };
    }

    private static string Describe(PvhEntryNote entry) =>
        $"Entry point 0x{entry.Address:x}, from a note in a {(entry.InSegment ? "segment" : "section")} with a descriptor of " +
            $"{entry.DescriptorSize} bytes.";

    private static List<SegmentFact> SegmentsOf(ElfImage? image)
    {
        var facts = new List<SegmentFact>();
        for (var i = 0; i < (image?.ProgramHeaders.Count ?? 0); i++)
        {
            var header = image!.ProgramHeaders[i];
            if (header.IsLoad)
            {
                facts.Add(new SegmentFact(
                    i, new GuestAddress(header.PhysicalAddress), header.VirtualAddress, header.FileSize, header.MemorySize, header.Flags));
            }
        }

        return facts;
    }

    private static List<NoteFact> NotesOf(ElfNotes? notes)
    {
        var facts = new List<NoteFact>();
        if (notes is null)
        {
            return facts;
        }

        // Most sections hold the notes of the segments once more: the same bytes of the file.
        var seen = new HashSet<ulong>();
        foreach (var note in notes.InSegments)
        {
            seen.Add(note.DescriptorOffset);
            facts.Add(Fact(note));
        }

        foreach (var note in notes.HasReadSections ? notes.InSections : [])
        {
            if (seen.Add(note.DescriptorOffset))
            {
                facts.Add(Fact(note));
            }
        }

        return facts;
    }

    private static NoteFact Fact(in ElfNote note) => new(note.Owner, note.Type, note.DescriptorSize, note.InSegment);
}
