using System.Diagnostics;
using HvRunner.Machine.Reports;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Cases;

/// <summary>
/// The times that a script's marks were reached, and the limits between them. A limit is watched from the mark that it is measured from, so a guest that is
/// late fails when it is late, not when it gets there.
/// </summary>
/// <param name="steps">All steps of the script.</param>
/// <param name="start">When the case began, as a Stopwatch time stamp.</param>
internal sealed class CaseMarks(IReadOnlyList<Step> steps, long start)
{
    private readonly Dictionary<string, long> _reached = new(StringComparer.Ordinal);
    private readonly List<(string Name, long Timestamp)> _inOrder = [];

    /// <summary>The limit that the step at this index has to keep for the marks behind it, or never.</summary>
    internal Deadline Limit(int index)
    {
        var earliest = new Deadline(long.MaxValue, string.Empty);
        var previous = _inOrder.Count == 0 ? (null, start) : (_inOrder[^1].Name, _inOrder[^1].Timestamp);
        var isPrevious = true;
        for (var i = index; i < steps.Count; i++)
        {
            if (steps[i] is not MarkStep mark)
            {
                continue;
            }

            if (mark.Within is { } within)
            {
                (string? Name, long Timestamp)? from = mark.Since is { } since
                    ? _reached.TryGetValue(since, out var reached) ? (since, reached) : null
                    : isPrevious ? previous : null;
                if (from is { } known)
                {
                    earliest = earliest.Or(Deadline.After(known.Timestamp, within, Sentence(mark, within, known.Name)));
                }
            }

            // The next one is measured from this one, which is yet to come.
            isPrevious = false;
        }

        return earliest;
    }

    /// <summary>The mark is reached now.</summary>
    internal void Reach(MarkStep mark)
    {
        var now = Stopwatch.GetTimestamp();
        _reached[mark.Name] = now;
        _inOrder.Add((mark.Name, now));
    }

    /// <summary>For the report: times since the first guest entry, or since the case began where there was none.</summary>
    internal IReadOnlyList<ReportMark> Since(long? firstEntry) =>
        [.. _inOrder.Select(mark => new ReportMark(mark.Name, (long)Stopwatch.GetElapsedTime(firstEntry ?? start, mark.Timestamp).TotalMicroseconds))];

    private static string Sentence(MarkStep mark, TimeSpan within, string? from) =>
        $"the limit of {within.TotalSeconds:0.###} s from {(from is null ? "the start" : $"the mark '{from}'")} to the mark '{mark.Name}'";
}
