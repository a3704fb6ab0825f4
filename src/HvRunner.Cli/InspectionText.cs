using HvRunner.Boot;

namespace HvRunner.Cli;

/// <summary>An inspection for people.</summary>
internal static class InspectionText
{
    internal static void Write(TextWriter output, KernelInspection inspection)
    {
        output.WriteLine($"{inspection.Name}: {inspection.Format}, {inspection.LengthBytes:N0} bytes{(inspection.IsLinux ? ", Linux" : string.Empty)}");
        if (inspection.Version is { } version)
        {
            output.WriteLine($"  version      {version}");
        }

        if (inspection.ElfEntry is { } entry)
        {
            output.WriteLine($"  ELF entry    0x{entry:x} (not used by PVH)");
        }

        foreach (var segment in inspection.Segments)
        {
            output.WriteLine(
                $"  segment {segment.Index,-4} {Flags(segment.Flags)}  at {segment.PhysicalAddress,-12} {segment.MemorySize,12:N0} bytes, {segment.FileSize:N0} of them from the file");
        }

        foreach (var note in inspection.Notes.GroupBy(note => note.Owner))
        {
            output.WriteLine($"  notes        {note.Key}: types {string.Join(", ", note.Select(one => one.Type).Distinct().Order())}");
        }

        output.WriteLine("boot protocols:");
        foreach (var offer in inspection.Offers)
        {
            output.WriteLine($"  {offer.Protocol,-12} {(offer.Offered ? "yes" : "no")}: {offer.Sentence}");
        }

        output.WriteLine(inspection.Chosen is null ? $"would boot by: nothing; {inspection.Reason}" : $"would boot by: {inspection.Chosen}; {inspection.Reason}");
    }

    private static string Flags(uint flags) =>
        $"{((flags & 4) != 0 ? 'r' : '-')}{((flags & 2) != 0 ? 'w' : '-')}{((flags & 1) != 0 ? 'x' : '-')}";
}
