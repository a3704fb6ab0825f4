using HvRunner.Abstractions;
using HvRunner.Boot.Elf;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// Everything that a PVH kernel's file has to keep, checked in one pass so that all faults are known together (Xen docs/misc/pvh.pandoc,
/// elfnote.h, and the ELF gABI). What depends on the guest's memory is <see cref="PvhPlacement"/>'s.
/// Not accepted: position-independent images, because nothing here relocates.
/// </summary>
internal sealed class PvhAnalysis
{
    private readonly List<PvhSegment> _segments = [];
    private bool _hasLoad;

    private PvhAnalysis(IImageSource source)
    {
        Faults = new InputFaults(source.Name);
        var window = new ImageWindow(source);
        Format = ImageFormat.Recognize(window);
        if (!Format.IsElf)
        {
            Faults.Add(Format.Sentence);
            return;
        }

        Image = ElfImage.Read(window, Faults);
        if (Image is null)
        {
            return;
        }

        CheckHeader(Image);
        if (Image.HasProgramHeaderTable)
        {
            CollectSegments(Image, window);
            CheckOverlaps();
        }

        Notes = ElfNotes.Read(Image);
        IsLinux = PvhEntryNote.IsLinux(Notes);
        Entry = PvhEntryNote.Find(Notes, Faults);
        CheckEntry();
    }

    public ImageFormat Format { get; }

    public InputFaults Faults { get; }

    /// <summary>The headers; null when the file is no readable ELF file.</summary>
    public ElfImage? Image { get; }

    /// <summary>The notes; null when the file is no readable ELF file.</summary>
    public ElfNotes? Notes { get; }

    public PvhEntryNote? Entry { get; }

    public bool IsLinux { get; }

    /// <summary>The segments that take memory and are in order.</summary>
    public IReadOnlyList<PvhSegment> Segments => _segments;

    /// <summary>Never throws for what the file contains.</summary>
    public static PvhAnalysis Of(IImageSource source) => new(source);

    private void CheckHeader(ElfImage image)
    {
        var expected = image.Class == ElfClass.Elf64 ? ElfMachine.X8664 : ElfMachine.I386;
        if (image.Machine is not (ElfMachine.X8664 or ElfMachine.I386))
        {
            Faults.Add($"the kernel is for {ElfMachineName.Of(image.Machine)} (e_machine {(int)image.Machine}), but x86-64 or i386 was " +
                "expected; build it for x86.");
        }
        else if (image.Machine != expected)
        {
            Faults.Add($"the ELF file is {image.Format}, but a kernel is either ELF64 x86-64 or ELF32 i386; link it accordingly.");
        }

        if (image.Type != ElfType.Executable)
        {
            Faults.Add(image.Type switch
            {
                ElfType.Relocatable => "this is an object file (ET_REL) that is not linked yet; link it to fixed addresses (ET_EXEC).",
                ElfType.Dynamic => "this is a position-independent executable or a shared library (ET_DYN), but hvrun does not " +
                    "relocate; link it to fixed addresses (ET_EXEC, -no-pie).",
                ElfType.Core => "this is a core dump (ET_CORE), not a kernel.",
                var other => $"the ELF type is {(int)other}, but 2 (ET_EXEC, an executable with fixed addresses) was expected.",
            });
        }
    }

    private void CollectSegments(ElfImage image, ImageWindow window)
    {
        for (var i = 0; i < image.ProgramHeaders.Count; i++)
        {
            var header = image.ProgramHeaders[i];
            if (!header.IsLoad)
            {
                continue;
            }

            _hasLoad = true;
            var count = Faults.Count;
            if (header.FileSize > header.MemorySize)
            {
                Faults.Add($"segment {i} has 0x{header.FileSize:x} bytes in the file (p_filesz), more than the 0x{header.MemorySize:x} " +
                    "that it takes in memory (p_memsz); the file is damaged.");
            }

            if (header.FileSize != 0 && !window.Holds(header.Offset, header.FileSize))
            {
                Faults.Add($"the file is truncated: segment {i} takes 0x{header.FileSize:x} bytes from offset 0x{header.Offset:x} on, " +
                    $"but the file is {window.Source.LengthBytes} (0x{window.Source.LengthBytes:x}) bytes long; copy it again.");
            }

            // The last byte at the top of the address space would be no wrap, but no memory is there either.
            if (header.MemorySize > ulong.MaxValue - header.PhysicalAddress)
            {
                Faults.Add($"segment {i} at physical address 0x{header.PhysicalAddress:x} with 0x{header.MemorySize:x} bytes goes " +
                    "beyond the last address; the file is damaged.");
            }

            if (Faults.Count == count && header.MemorySize != 0)
            {
                var memory = new GuestRange(new GuestAddress(header.PhysicalAddress), header.MemorySize);
                _segments.Add(new PvhSegment(i, memory, header.FileSize == 0 ? 0 : (long)header.Offset, (long)header.FileSize, header.Flags));
            }
        }

        if (!_hasLoad)
        {
            Faults.Add($"the ELF file has no segment to load (PT_LOAD) among its {image.ProgramHeaders.Count} program headers, so " +
                "there is nothing to boot; object files and separate debug information look like that.");
        }
    }

    private void CheckOverlaps()
    {
        var ordered = _segments.ToArray();
        Array.Sort(ordered, static (left, right) => left.Memory.Start.CompareTo(right.Memory.Start));
        for (int i = 1, last = 0; i < ordered.Length; i++)
        {
            var (lower, upper) = (ordered[last], ordered[i]);
            if (lower.Memory.Overlaps(upper.Memory))
            {
                Faults.Add($"segments {lower.Index} ({lower.Memory}) and {upper.Index} ({upper.Memory}) overlap in physical memory; " +
                    "link them apart (p_paddr).");
            }

            last = upper.Memory.End > lower.Memory.End ? i : last;
        }
    }

    private void CheckEntry()
    {
        if (Entry is not { } entry || Image is not { } image || !_hasLoad)
        {
            return;
        }

        // Judged on the headers, so that a segment with another fault does not earn this one as well.
        for (var i = 0; i < image.ProgramHeaders.Count; i++)
        {
            var header = image.ProgramHeaders[i];
            if (header.IsLoad && entry.Address >= header.PhysicalAddress && entry.Address - header.PhysicalAddress < header.MemorySize)
            {
                return;
            }
        }

        Faults.Add($"the PVH entry point 0x{entry.Address:x} lies in no segment, so there would be nothing to execute; it has to be a " +
            "physical address (p_paddr) of the kernel's code.");
    }
}
