using HvRunner.Machine.Diagnostics;

namespace HvRunner.Testing.Results;

/// <summary>A failed case for people: where the script stood, what was found, the sub-cases that failed, the console's end, the post-mortem, and how to look further.</summary>
internal static class CaseText
{
    private const int MaxSubCases = 20;

    /// <summary>All of it, line by line.</summary>
    internal static IReadOnlyList<string> LinesOf(CaseResult result)
    {
        if (result.Failure is not { } failure)
        {
            return [];
        }

        var lines = new List<string>();
        if (failure.Step is not null)
        {
            lines.Add($"{result.Script}:{failure.Line}: {failure.Step}");
        }

        lines.Add(failure.Sentence);
        lines.AddRange(DetailsOf(result));
        if (result.Artifacts is not null)
        {
            lines.Add($"artifacts: {result.Artifacts}");
        }

        lines.Add($"the same guest: {result.RunLine}");
        return lines;
    }

    /// <summary>What stands behind the sentence.</summary>
    internal static IReadOnlyList<string> DetailsOf(CaseResult result)
    {
        if (result.Failure is not { } failure)
        {
            return [];
        }

        var lines = new List<string>(failure.Details.Select(detail => $"  {ReportText.OneLine(detail)}"));
        var failed = result.SubCases.Where(sub => sub.Outcome == TestOutcome.Failed).Take(MaxSubCases).ToList();
        foreach (var sub in failed)
        {
            lines.Add($"  not ok: {ReportText.NameOf(sub)}{(sub.Reason is null ? string.Empty : $": {ReportText.OneLine(sub.Reason)}")}");
            lines.AddRange(sub.Diagnostics.Select(diagnostic => $"    {ReportText.OneLine(diagnostic)}"));
        }

        if (result.SubCaseCounts.Failed > failed.Count)
        {
            lines.Add($"  and {result.SubCaseCounts.Failed - failed.Count} more");
        }

        if (failure.ConsoleTail.Count != 0)
        {
            lines.Add("last lines of the console:");
            lines.AddRange(failure.ConsoleTail.Select(line => $"  | {line}"));
        }

        if (failure.PostMortem is { } postMortem)
        {
            // The console's end has just been told.
            using var text = new StringWriter { NewLine = "\n" };
            PostMortemText.Write(text, postMortem with { ConsoleTail = [] }, "  ");
            lines.AddRange(text.ToString().TrimEnd('\n').Split('\n'));
        }

        return lines;
    }
}
