namespace HvRunner.VmTests.Points;

/// <summary>
/// Compares the points of a machine with those of hvrun's own processor, section by section: each is the same or stands in the table of what that
/// machine is known to do otherwise, and each row of the table is still true, but for those that say it varies. Points that only one has are about what CPUID offers to one alone;
/// the machine has to pass its own.
/// </summary>
internal sealed class PointComparison(IReadOnlyList<KnownDeviation> known)
{
    private readonly HashSet<KnownDeviation> _met = [];
    private readonly HashSet<string> _judged = new(StringComparer.Ordinal);
    private readonly List<string> _faults = [];
    private readonly List<string> _rows = [];

    /// <summary>How many points both machines have and judged.</summary>
    internal int Compared { get; private set; }

    /// <summary>A row of a table for everything that is not the same, listed or not.</summary>
    internal IReadOnlyList<string> Rows => _rows;

    internal void Add(string section, SectionRun run, PointOutput reference)
    {
        var expected = reference.Points.ToDictionary(point => point.Name, StringComparer.Ordinal);
        var points = run.Output.Points;
        foreach (var point in points)
        {
            var other = expected.GetValueOrDefault(point.Name);
            _judged.Add(point.Name);
            if (point.IsLeftOut)
            {
                Met(DeviationKind.LeftOut, point.Name, "ends or hangs the machine");
            }
            else if (point.Passed != (other?.Passed ?? true))
            {
                Met(DeviationKind.Deviates, point.Name, point.Passed ? "passes, where hvrun's own processor fails" : point.Note.Length > 0 ? point.Note : "fails");
            }

            Compared += !point.IsLeftOut && other is not null ? 1 : 0;
        }

        if (!run.Output.IsWhole)
        {
            Met(DeviationKind.LostBehind, points.Count > 0 ? points[^1].Name : section, "ends or hangs the machine, whatever is left out");
        }

        var common = points.Select(point => point.Name).Where(expected.ContainsKey);
        var names = points.Select(point => point.Name).ToHashSet(StringComparer.Ordinal);
        if (!common.SequenceEqual(reference.Points.Select(point => point.Name).Where(names.Contains)))
        {
            _faults.Add($"{section}: the points come in another order than on hvrun's own processor");
        }
    }

    /// <summary>What is wrong after all sections: deviations that no row names, and rows that are not true any more.</summary>
    internal IReadOnlyList<string> Faults() =>
    [
        .. _faults,
        .. known.Where(row => row.Kind != DeviationKind.Varies && _judged.Contains(row.Point) && !_met.Contains(row)).Select(row => $"in the table, and the machine does it right: {row.Point}"),
    ];

    private void Met(DeviationKind kind, string point, string does)
    {
        var row = KnownDeviations.Row(kind, point, does);
        _rows.Add(row);
        if (known.FirstOrDefault(row => row.Point == point && (row.Kind == kind || (row.Kind, kind) == (DeviationKind.Varies, DeviationKind.Deviates))) is { } listed)
        {
            _met.Add(listed);
        }
        else
        {
            _faults.Add($"not in the table: {row}");
        }
    }
}
