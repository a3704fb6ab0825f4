namespace HvRunner.Testing.Matching;

/// <summary>
/// What a test waits for on a console: a text, or a regular expression (.NET's, non-backtracking, so that no guest can make it slow). It is
/// found in the console's normalized text: lines end in "\n" alone, and no escape sequences are left. Immutable, for any thread.
/// <para>
/// A pattern is found at the first place where the text up to there has it, as if the console had been looked at after every character. So a
/// regular expression's match is the shortest: <c>/version [0-9]+/</c> ends behind the first digit; write what follows, <c>/version ([0-9]+)\n/</c>.
/// </para>
/// <para>
/// A match has at most <see cref="MaxMatchChars"/> characters. <c>^</c> and <c>$</c> stand for a line's start and end. As <c>$</c>, <c>\b</c> and
/// <c>\B</c> ask for the next character, what they stand before is only found once that has come, or cannot matter: <c>/^ok$/</c> with the
/// newline, and <c>/login:$/</c> never at a prompt that waits. Write a prompt without <c>$</c>.
/// </para>
/// </summary>
public abstract class ConsolePattern
{
    /// <summary>The most characters that a match has, and that a regular expression sees before the place where it ends.</summary>
    public const int MaxMatchChars = 4096;

    private protected ConsolePattern()
    {
    }

    /// <summary>A pattern as scripts write it: <c>/.../</c> is a regular expression, anything else is literal.</summary>
    /// <exception cref="FormatException">As <see cref="Literal"/> and <see cref="Regex"/>.</exception>
    public static ConsolePattern Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length > 1 && text[0] == '/' && text[^1] == '/' ? Regex(text[1..^1]) : Literal(text);
    }

    /// <summary>Exactly this text; "\r" counts as little as on the console.</summary>
    /// <exception cref="FormatException">It is empty, too long, or has a control character that no console's text has. The message is a sentence for its author.</exception>
    public static ConsolePattern Literal(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new LiteralPattern(text);
    }

    /// <summary>A regular expression, without slashes around it.</summary>
    /// <exception cref="FormatException">
    /// It is none, is too long, matches the empty text somewhere, or has what cannot be searched for on a console: lookarounds, backreferences, atomic groups,
    /// conditions, <c>\A</c>, <c>\Z</c>, <c>\z</c>, <c>\G</c>, the option x or no option m. The message is a sentence for its author.
    /// </exception>
    public static ConsolePattern Regex(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new RegexPattern(text);
    }

    /// <summary>The pattern as one would write it in a script.</summary>
    public abstract override string ToString();

    // Whether a complete line has it.
    internal abstract bool IsIn(ReadOnlySpan<char> line);

    // The first position in (seen, end] at which the text up to there decides that the pattern is found. Up to seen there is none.
    internal abstract bool TryDecide(in SearchScope scope, long seen, long end, out long decidedAt);

    // What was found, where TryDecide decided it.
    internal abstract ConsoleMatch Read(in SearchScope scope, long decidedAt, int patternIndex);

    private protected static void RefuseLong(string text)
    {
        if (text.Length > MaxMatchChars)
        {
            throw new FormatException($"a pattern has at most {MaxMatchChars} characters; this one has {text.Length}");
        }
    }
}
