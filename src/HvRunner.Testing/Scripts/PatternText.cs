using HvRunner.Testing.Matching;

namespace HvRunner.Testing.Scripts;

/// <summary>A pattern as it stands in a script: <c>/.../</c> is a regular expression, whether quoted in YAML or not; everything else is taken literally.</summary>
/// <param name="Text">The literal, or the expression between its slashes; never empty.</param>
/// <param name="IsRegex">A regular expression (.NET, non-backtracking).</param>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Column">Where it stands in the line, from 1 on.</param>
public sealed record PatternText(string Text, bool IsRegex, int Line, int Column)
{
    private ConsolePattern? _pattern;

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
        try
        {
            ToPattern();
            return null;
        }
        catch (FormatException exception)
        {
            return $"{exception.Message.TrimEnd('.')}.";
        }
    }

    /// <summary>What is searched for on a console. Throws <see cref="FormatException"/> where <see cref="Refusal"/> has a sentence.</summary>
    internal ConsolePattern ToPattern() => _pattern ??= IsRegex ? ConsolePattern.Regex(Text) : ConsolePattern.Literal(Text);

    /// <summary>Two are the same when they say the same at the same place; whether one was used before does not count.</summary>
    public bool Equals(PatternText? other) =>
        other is not null && (Text, IsRegex, Line, Column) == (other.Text, other.IsRegex, other.Line, other.Column);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Text, IsRegex, Line, Column);

    private static bool LooksLikeRegex(string text) => text.Length >= 2 && text[0] == '/' && text[^1] == '/';
}
