using HvRunner.Abstractions;

namespace HvRunner.Boot.Pvh;

/// <summary>
/// The RAM that may be loaded into: what both the guest's memory and its memory map call RAM. Map entries that touch are one region, and
/// a region never crosses from one range of the memory into the next, so whatever lies in a region can be written in one go.
/// </summary>
internal sealed class UsableRam
{
    private readonly List<GuestRange> _regions = [];

    public UsableRam(IGuestMemory memory, IReadOnlyList<MemoryMapEntry> map)
    {
        for (var i = 0; i < memory.Ranges.Count; i++)
        {
            var first = _regions.Count;
            for (var k = 0; k < map.Count; k++)
            {
                if (map[k].Type == MemoryMapType.Ram)
                {
                    AddIntersection(memory.Ranges[i], map[k], first);
                }
            }
        }
    }

    /// <summary>Ascending, not empty.</summary>
    public IReadOnlyList<GuestRange> Regions => _regions;

    /// <summary>True when the range lies wholly in one region.</summary>
    public bool Holds(GuestRange range)
    {
        for (var i = 0; i < _regions.Count; i++)
        {
            if (_regions[i].Contains(range.Start, range.SizeBytes))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The regions as people read them.</summary>
    public override string ToString() => _regions.Count == 0 ? "nowhere" : string.Join(", ", _regions);

    private void AddIntersection(GuestRange range, in MemoryMapEntry entry, int first)
    {
        var entryEnd = entry.Address.Value + Math.Min(entry.SizeBytes, ulong.MaxValue - entry.Address.Value);
        var start = Math.Max(range.Start.Value, entry.Address.Value);
        var end = Math.Min(range.End.Value, entryEnd);
        if (start >= end)
        {
            return;
        }

        if (_regions.Count > first && _regions[^1].End.Value == start)
        {
            var below = _regions[^1];
            _regions[^1] = below with { SizeBytes = end - below.Start.Value };
            return;
        }

        _regions.Add(new GuestRange(new GuestAddress(start), end - start));
    }
}
