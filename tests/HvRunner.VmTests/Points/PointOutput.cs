using System.Text.RegularExpressions;

namespace HvRunner.VmTests.Points;

/// <summary>One test point that a guest printed.</summary>
/// <param name="Name">What it is about; the second of a name in one output is called <c>name (2)</c>.</param>
/// <param name="Passed">The guest said "ok".</param>
/// <param name="IsLeftOut">Its command line had it leave this point out.</param>
/// <param name="Note">How it ended instead, in the guest's words; empty when it passed.</param>
internal sealed record Point(string Name, bool Passed, bool IsLeftOut, string Note);

/// <summary>
/// The test points of guests/processor on one machine, which may have been lost midway. No TAP reader in general: what that guest prints, and lines
/// that are anything else are notes.
/// </summary>
/// <param name="Points">In the order in which they came.</param>
/// <param name="Sections">The sections that were begun.</param>
/// <param name="IsWhole">The plan came, and names as many points as there are.</param>
internal sealed partial record PointOutput(IReadOnlyList<Point> Points, IReadOnlyList<string> Sections, bool IsWhole)
{
    private const int NotesKept = 6;

    internal static PointOutput Parse(string text)
    {
        var points = new List<Point>();
        var sections = new List<string>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var notes = new List<string>();
        var isWhole = false;

        // What stands behind the last line feed is a line that the machine did not live to end.
        foreach (var line in text.Split('\n')[..^1])
        {
            if (PointLine().Match(line) is { Success: true } match)
            {
                Annotate(points, notes);
                var name = match.Groups["name"].Value;
                var occurrence = seen[name] = seen.GetValueOrDefault(name) + 1;
                points.Add(new Point(
                    occurrence == 1 ? name : $"{name} ({occurrence})", !match.Groups["not"].Success, match.Groups["skip"].Value == "left out", string.Empty));
            }
            else if (line.StartsWith("# section ", StringComparison.Ordinal))
            {
                sections.Add(line["# section ".Length..]);
            }
            else if (line.StartsWith("# ", StringComparison.Ordinal) && notes.Count < NotesKept)
            {
                notes.Add(line[2..].Trim());
            }
            else
            {
                isWhole |= line == $"1..{points.Count}";
            }
        }

        Annotate(points, notes);
        return new PointOutput(points, sections, isWhole);
    }

    /// <summary>Notes belong to the failed point before them; others are of no interest here.</summary>
    private static void Annotate(List<Point> points, List<string> notes)
    {
        if (notes.Count > 0 && points.Count > 0 && !points[^1].Passed)
        {
            points[^1] = points[^1] with { Note = string.Join(", ", notes) };
        }

        notes.Clear();
    }

    [GeneratedRegex(@"^(?<not>not )?ok \d+ - (?<name>.*?)(?: # SKIP (?<skip>.*))?$")]
    private static partial Regex PointLine();
}
