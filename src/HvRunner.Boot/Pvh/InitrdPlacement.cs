using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// Finds a place for the initrd: page-aligned, as high as possible in RAM below a limit, clear of everything else, with its last page to
/// itself because Linux gives back whole pages. High, because a kernel takes its first memory from just behind its own image.
/// </summary>
internal static class InitrdPlacement
{
    private const ulong PageBytes = 4096;
    private const ulong MegaByte = 1 << 20;

    /// <summary>The initrd's address; null when no stretch is long enough.</summary>
    public static GuestAddress? Find(ulong sizeBytes, UsableRam ram, ulong limit, IReadOnlyList<PlacedRange> taken)
    {
        var whole = RoundUp(sizeBytes, PageBytes);
        for (var i = ram.Regions.Count - 1; i >= 0; i--)
        {
            var region = ram.Regions[i];
            var top = Math.Min(region.End.Value, limit);
            while (top >= whole)
            {
                var start = (top - whole) / PageBytes * PageBytes;
                if (start < region.Start.Value)
                {
                    break;
                }

                if (FirstOverlap(new GuestRange(new GuestAddress(start), whole), taken) is not { } obstacle)
                {
                    return new GuestAddress(start);
                }

                // Strictly lower each time, so this ends.
                top = obstacle.Start.Value;
            }
        }

        return null;
    }

    /// <summary>Memory in MiB that a guest needs for the initrd to fit above the kernel; null when it cannot fit below the limit at all.</summary>
    public static ulong? NeededMebibytes(ulong sizeBytes, ulong limit, IReadOnlyList<PvhSegment> segments)
    {
        var kernelEnd = MegaByte;
        for (var i = 0; i < segments.Count; i++)
        {
            var end = segments[i].Memory.End.Value;
            kernelEnd = end <= limit ? Math.Max(kernelEnd, end) : kernelEnd;
        }

        var needed = RoundUp(RoundUp(kernelEnd, PageBytes) + RoundUp(sizeBytes, PageBytes), MegaByte);
        return needed <= limit ? needed / MegaByte : null;
    }

    private static GuestRange? FirstOverlap(GuestRange range, IReadOnlyList<PlacedRange> taken)
    {
        for (var i = 0; i < taken.Count; i++)
        {
            if (taken[i].Range.Overlaps(range))
            {
                return taken[i].Range;
            }
        }

        return null;
    }

    // A file's length is at most 2^63 - 1, so this cannot wrap.
    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}
