namespace HvRunner.Testing.Ktap;

/// <summary>
/// Which numbers of a suite have been seen, as ranges: tests that come in order are one range, however many. Where a hostile guest leaves
/// more gaps than <see cref="MaxRanges"/>, it is only said that they are too many; neither memory nor time grows with the numbers' size.
/// </summary>
internal sealed class NumberRanges
{
    internal const int MaxRanges = 1_000;

    private const int MaxListed = 10;

    // Ascending, disjoint and never adjacent; both ends belong to a range.
    private readonly List<(long First, long Last)> _ranges = [];

    /// <summary>Whether there were too many gaps to keep account of: no number is missing then, and none a duplicate.</summary>
    internal bool IsScattered { get; private set; }

    /// <summary>The highest number seen, 0 before the first.</summary>
    internal long Highest => _ranges.Count == 0 ? 0 : _ranges[^1].Last;

    /// <summary>Notes a number; false if it has been there before.</summary>
    internal bool Add(long number)
    {
        if (IsScattered)
        {
            return true;
        }

        // The last range that begins at or below the number, nearly always the last of all.
        var at = _ranges.Count - 1;
        if (at >= 0 && _ranges[at].First > number)
        {
            at = _ranges.BinarySearch((number, long.MaxValue));
            at = (at < 0 ? ~at : at) - 1;
        }

        if (at >= 0 && number <= _ranges[at].Last)
        {
            return false;
        }

        var joinsLower = at >= 0 && _ranges[at].Last == number - 1;
        var joinsUpper = at + 1 < _ranges.Count && _ranges[at + 1].First == number + 1;
        if (joinsLower)
        {
            _ranges[at] = (_ranges[at].First, joinsUpper ? _ranges[at + 1].Last : number);
            if (joinsUpper)
            {
                _ranges.RemoveAt(at + 1);
            }
        }
        else if (joinsUpper)
        {
            _ranges[at + 1] = (number, _ranges[at + 1].Last);
        }
        else if (_ranges.Count < MaxRanges)
        {
            _ranges.Insert(at + 1, (number, number));
        }
        else
        {
            IsScattered = true;
        }

        return true;
    }

    /// <summary>Which of 1 to <paramref name="count"/> are missing, as words ("7 is", "2, 4 to 6 and 9 are"); null if none is.</summary>
    internal string? MissingOf(long count)
    {
        if (IsScattered)
        {
            return null;
        }

        var gaps = new List<(long First, long Last)>();
        var next = 1L;
        foreach (var (first, last) in _ranges)
        {
            if (first > next && next <= count)
            {
                gaps.Add((next, Math.Min(first - 1, count)));
            }

            next = Math.Max(next, last + 1);
        }

        if (next <= count)
        {
            gaps.Add((next, count));
        }

        return gaps.Count == 0 ? null : ToWords(gaps);
    }

    private static string ToWords(List<(long First, long Last)> gaps)
    {
        var items = new List<string>();
        foreach (var (first, last) in gaps.Take(MaxListed))
        {
            items.Add(last > first + 1 ? $"{first} to {last}" : $"{first}");
            if (last == first + 1)
            {
                items.Add($"{last}");
            }
        }

        var end = gaps.Count > MaxListed ? "others" : items[^1];
        var listed = gaps.Count > MaxListed ? items : items[..^1];
        var verb = listed.Count == 0 && gaps[0].First == gaps[0].Last ? "is" : "are";
        return listed.Count == 0 ? $"{end} {verb}" : $"{string.Join(", ", listed)} and {end} {verb}";
    }
}
