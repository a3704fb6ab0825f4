using System.Text.Json;

namespace HvRunner.Testing.Results;

/// <summary>Results as one JSON object: the counts, and everything that is known of each case.</summary>
internal static class JsonReport
{
    /// <summary>Writes the document, with a line feed at its end.</summary>
    internal static void Write(Stream output, IReadOnlyList<CaseResult> results, string version)
    {
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("hvrun", version);
            json.WriteNumber("passed", results.Count(result => result.Outcome == TestOutcome.Passed));
            json.WriteNumber("failed", results.Count(result => result.Outcome == TestOutcome.Failed));
            json.WriteNumber("skipped", results.Count(result => result.Outcome == TestOutcome.Skipped));
            json.WriteStartArray("cases");
            foreach (var result in results)
            {
                WriteCase(json, result);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void WriteCase(Utf8JsonWriter json, CaseResult result)
    {
        json.WriteStartObject();
        json.WriteString("name", result.Name);
        json.WriteString("script", result.Script);
        json.WriteString("outcome", NameOf(result.Outcome));
        json.WriteString("skipReason", result.SkipReason);
        json.WriteNumber("microseconds", (long)result.Duration.TotalMicroseconds);
        json.WriteString("verdict", result.Report?.Verdict.Name);
        WriteFailure(json, result.Failure);
        json.WriteStartArray("marks");
        foreach (var mark in result.Report?.Marks ?? [])
        {
            json.WriteStartObject();
            json.WriteString("name", mark.Name);
            json.WriteNumber("microseconds", mark.Microseconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteSubCases(json, result);
        json.WriteString("artifacts", result.Artifacts);
        json.WriteString("run", result.RunLine);
        json.WriteEndObject();
    }

    private static void WriteFailure(Utf8JsonWriter json, CaseFailure? failure)
    {
        if (failure is null)
        {
            json.WriteNull("failure");
            return;
        }

        json.WriteStartObject("failure");
        json.WriteString("sentence", failure.Sentence);
        json.WriteString("step", failure.Step);
        if (failure.Line is { } line)
        {
            json.WriteNumber("line", line);
        }
        else
        {
            json.WriteNull("line");
        }

        WriteLines(json, "details", failure.Details);
        WriteLines(json, "consoleTail", failure.ConsoleTail);
        json.WriteEndObject();
    }

    private static void WriteSubCases(Utf8JsonWriter json, CaseResult result)
    {
        json.WriteStartObject("subCaseCounts");
        json.WriteNumber("passed", result.SubCaseCounts.Passed);
        json.WriteNumber("failed", result.SubCaseCounts.Failed);
        json.WriteNumber("skipped", result.SubCaseCounts.Skipped);
        json.WriteEndObject();
        json.WriteStartArray("subCases");
        foreach (var sub in result.SubCases)
        {
            json.WriteStartObject();
            WriteLines(json, "path", sub.Path);
            json.WriteString("outcome", NameOf(sub.Outcome));
            json.WriteString("reason", sub.Reason);
            WriteLines(json, "diagnostics", sub.Diagnostics);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteLines(Utf8JsonWriter json, string name, IReadOnlyList<string> lines)
    {
        json.WriteStartArray(name);
        foreach (var line in lines)
        {
            json.WriteStringValue(line);
        }

        json.WriteEndArray();
    }

    private static string NameOf(TestOutcome outcome) => outcome.ToString().ToLowerInvariant();
}
