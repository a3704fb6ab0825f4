namespace HvRunner.Testing.Results;

/// <summary>Results as TAP version 14: a test point for each case, its sub-cases as a subtest before it.</summary>
internal static class TapReport
{
    /// <summary>Writes the document.</summary>
    internal static void Write(TextWriter output, IReadOnlyList<CaseResult> results)
    {
        output.Write("TAP version 14\n");
        output.Write($"1..{results.Count}\n");
        for (var i = 0; i < results.Count; i++)
        {
            var result = results[i];
            if (result.SubCases.Count != 0)
            {
                output.Write($"# Subtest: {Escaped(result.Name)}\n    1..{result.SubCases.Count}\n");
                for (var k = 0; k < result.SubCases.Count; k++)
                {
                    WriteSubCase(output, result.SubCases[k], k + 1);
                }
            }

            WritePoint(output, string.Empty, result.Outcome, i + 1, result.Name, result.SkipReason);
            if (result.Failure is { } failure)
            {
                WriteBlock(output, "  ", [("message", [failure.Sentence]), ("step", failure.Step is null ? [] : [failure.Step]), ("details", CaseText.DetailsOf(result))]);
            }
        }
    }

    private static void WriteSubCase(TextWriter output, SubCase sub, int number)
    {
        WritePoint(output, "    ", sub.Outcome, number, ReportText.NameOf(sub), sub.Reason);
        if (sub.Outcome == TestOutcome.Failed && (sub.Diagnostics.Count != 0 || sub.Reason is not null))
        {
            WriteBlock(output, "      ", [("message", sub.Reason is null ? [] : [sub.Reason]), ("details", sub.Diagnostics)]);
        }
    }

    private static void WritePoint(TextWriter output, string indent, TestOutcome outcome, int number, string name, string? reason)
    {
        var directive = outcome == TestOutcome.Skipped ? $" # SKIP {Escaped(reason ?? string.Empty)}".TrimEnd() : string.Empty;
        output.Write($"{indent}{(outcome == TestOutcome.Failed ? "not ok" : "ok")} {number} - {Escaped(name)}{directive}\n");
    }

    /// <summary>A YAML block; every value is a quoted string or a list of them, so nothing in it needs to be looked at.</summary>
    private static void WriteBlock(TextWriter output, string indent, IReadOnlyList<(string Key, IReadOnlyList<string> Values)> entries)
    {
        output.Write($"{indent}---\n");
        foreach (var (key, values) in entries.Where(entry => entry.Values.Count != 0))
        {
            output.Write(values.Count == 1 ? $"{indent}{key}: {Quoted(values[0])}\n" : $"{indent}{key}:\n");
            foreach (var value in values.Count == 1 ? [] : values)
            {
                output.Write($"{indent}  - {Quoted(value)}\n");
            }
        }

        output.Write($"{indent}...\n");
    }

    private static string Quoted(string text) => $"'{ReportText.OneLine(text).Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Escaped(string text) =>
        ReportText.OneLine(text).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("#", "\\#", StringComparison.Ordinal);
}
