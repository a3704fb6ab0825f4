namespace HvRunner.VmTests.Points;

/// <summary>How a machine departs from the processor that it stands for.</summary>
internal enum DeviationKind
{
    /// <summary>A point ends otherwise.</summary>
    Deviates,

    /// <summary>A point ends otherwise in some runs and right in others, as it happens.</summary>
    Varies,

    /// <summary>A point ends or hangs the machine, so it is left out.</summary>
    LeftOut,

    /// <summary>The machine ends or hangs behind this point, whatever is left out, so the rest of the section is not judged.</summary>
    LostBehind,
}

/// <summary>One row of a table: the point, what the machine does instead, and the section of the manual that says otherwise.</summary>
internal sealed record KnownDeviation(DeviationKind Kind, string Point, string Does, string Rule);

/// <summary>
/// What a kind of machine is known to do otherwise, from a text file: a row is <c>kind | point | what it does | rule</c>, lines that begin with # are
/// comments. A row without its reasons is refused, so that no table is made by a machine alone.
/// </summary>
internal static class KnownDeviations
{
    private static readonly (string Word, DeviationKind Kind)[] Kinds =
        [("deviates", DeviationKind.Deviates), ("varies", DeviationKind.Varies), ("left out", DeviationKind.LeftOut), ("lost behind", DeviationKind.LostBehind)];

    /// <summary>Reads a table; throws <see cref="FormatException"/> that lists every line that is no row.</summary>
    internal static IReadOnlyList<KnownDeviation> Parse(IEnumerable<string> lines)
    {
        var rows = new List<KnownDeviation>();
        var faults = new List<string>();
        foreach (var line in lines.Where(line => line.Length > 0 && line[0] != '#'))
        {
            var fields = line.Split('|', StringSplitOptions.TrimEntries);
            var kind = Array.FindIndex(Kinds, kind => kind.Word == fields[0]);
            if (kind < 0 || fields.Length != 4 || fields.Any(field => field is "" or "?"))
            {
                faults.Add(line);
            }
            else
            {
                rows.Add(new KnownDeviation(Kinds[kind].Kind, fields[1], fields[2], fields[3]));
            }
        }

        var twice = rows.GroupBy(row => (row.Kind, row.Point)).Where(group => group.Count() > 1).Select(group => group.Key.Point);
        faults.AddRange(twice.Select(point => $"{point}: twice"));
        return faults.Count == 0 ? rows : throw new FormatException(string.Join('\n', ["not 'kind | point | what it does | rule':", .. faults]));
    }

    /// <summary>A row for a table, for whoever writes down why.</summary>
    internal static string Row(DeviationKind kind, string point, string does) => $"{Kinds.Single(pair => pair.Kind == kind).Word} | {point} | {does} | ?";
}
