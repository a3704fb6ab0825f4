using System.Text.RegularExpressions;

namespace HvRunner.Testing.Scripts;

/// <summary>A pattern as it stands in a script: <c>/.../</c> is a regular expression, whether quoted in YAML or not; everything else is taken literally.</summary>
/// <param name="Text">The literal, or the expression between its slashes; never empty.</param>
/// <param name="IsRegex">A regular expression (.NET, non-backtracking).</param>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Column">Where it stands in the line, from 1 on.</param>
public sealed record PatternText(string Text, bool IsRegex, int Line, int Column)
{
    /// <summary>A longer text could never match: a match is this long at most.</summary>
    internal const int MaxChars = 4096;

    private static readonly TimeSpan NoLimit = Regex.InfiniteMatchTimeout;

    /// <summary>As it would be written in a script.</summary>
    public override string ToString() => this switch
    {
        { IsRegex: true } => $"/{MessageText.Shorten(Text)}/",
        _ when LooksLikeRegex(Text) => $"{{ text: {MessageText.Written(Text)} }}",
        _ => MessageText.Written(Text),
    };

    internal static PatternText Parse(string text, int line, int column) =>
        LooksLikeRegex(text) ? new PatternText(text[1..^1], true, line, column) : Literal(text, line, column);

    internal static PatternText Literal(string text, int line, int column) => new(text, false, line, column);

    /// <summary>Why it cannot be searched for, or null. The one place that decides it.</summary>
    internal string? Refusal()
    {
        if (Text.Length is 0 or > MaxChars)
        {
            return $"expected a pattern of 1 to {MaxChars} characters, found {(Text.Length == 0 ? "none" : "more")}.";
        }

        if (!IsRegex)
        {
            return null;
        }

        try
        {
            _ = new Regex(Text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Multiline, NoLimit);
            return null;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            return $"{this} is no regular expression that can be searched for: {exception.Message.TrimEnd('.')}.";
        }
    }

    private static bool LooksLikeRegex(string text) => text.Length >= 2 && text[0] == '/' && text[^1] == '/';
}
