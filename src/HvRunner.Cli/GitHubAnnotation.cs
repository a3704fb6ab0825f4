using System.Globalization;
using HvRunner.Testing.Results;

namespace HvRunner.Cli;

/// <summary>A failure as the workflow command that GitHub Actions shows beside the script's line (docs.github.com, "Workflow commands").</summary>
internal static class GitHubAnnotation
{
    internal static string Of(CaseResult result, CaseFailure failure)
    {
        var line = failure.Line is { } number ? string.Create(CultureInfo.InvariantCulture, $",line={number}") : string.Empty;
        var step = failure.Step is null ? string.Empty : $"{failure.Step}: ";
        return $"::error file={Property(result.Script)}{line},title={Property(result.Name)}::{Message(step + failure.Sentence)}";
    }

    private static string Message(string text) =>
        text.Replace("%", "%25", StringComparison.Ordinal).Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    private static string Property(string text) => Message(text).Replace(":", "%3A", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal);
}
