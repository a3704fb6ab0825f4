using System.Buffers;
using System.Text;

namespace HvRunner.Testing.Matching;

/// <summary>
/// What the text of a regular expression says about how it can be searched for. No parser: it reads a text that .NET has accepted, and where
/// only a parser could be sure, as within a character class, it takes the answer that costs time and never exactness.
/// </summary>
/// <param name="Text">The expression with <c>\r\n</c> as <c>\n</c>, the only line end that a console's text has.</param>
/// <param name="LooksAhead">False: whether it matches up to a place never depends on what comes behind it.</param>
/// <param name="StaysInLine">True: no match has a newline in it.</param>
internal readonly record struct RegexSyntax(string Text, bool LooksAhead, bool StaysInLine)
{
    private static readonly SearchValues<char> OptionLetters = SearchValues.Create("imnsx-IMNSX");

    /// <summary>Reads an expression that .NET has accepted.</summary>
    /// <exception cref="FormatException">It has what means nothing on a console.</exception>
    internal static RegexSyntax Read(string text)
    {
        var normalized = new StringBuilder(text.Length);
        var (looksAhead, staysInLine) = (false, true);
        for (var i = 0; i < text.Length; i++)
        {
            var rest = text.AsSpan(i);
            if (rest.StartsWith(@"\r\n") || rest.StartsWith("\r\n"))
            {
                i += rest[0] == '\\' ? 1 : 0;
                continue;
            }

            _ = normalized.Append(text[i]);
            switch (text[i])
            {
                case '\\' when i + 1 < text.Length:
                    var escaped = text[++i];
                    _ = normalized.Append(escaped);
                    if (escaped == 'c' && i + 1 < text.Length)
                    {
                        _ = normalized.Append(text[++i]);
                    }

                    RefuseEnds(escaped);
                    looksAhead |= escaped is 'b' or 'B';
                    staysInLine &= escaped is 'd' or 'w' or 'S' or 'b' or 'B' || (escaped >= ' ' && !char.IsLetterOrDigit(escaped));
                    break;
                case '$':
                    looksAhead = true;
                    break;
                case '[' when rest.StartsWith("[^"):
                case < ' ':
                    staysInLine = false;
                    break;
                case '(' when rest.StartsWith("(?"):
                    staysInLine &= !AllowsNewlines(OptionsOf(rest[2..]));
                    break;
            }
        }

        return new RegexSyntax(normalized.ToString(), looksAhead, staysInLine);
    }

    private static void RefuseEnds(char escaped)
    {
        if (escaped is 'A' or 'Z' or 'z' or 'G')
        {
            throw new FormatException($"the pattern has \\{escaped}, but a console has no beginning and no end; write ^ and $ for a line's");
        }
    }

    // The letters of (?imnsx-imnsx) and (?imnsx-imnsx:...); none where the parenthesis opens something else.
    private static ReadOnlySpan<char> OptionsOf(ReadOnlySpan<char> group)
    {
        var length = group.IndexOfAnyExcept(OptionLetters);
        return length >= 0 && group[length] is ')' or ':' ? group[..length] : [];
    }

    private static bool AllowsNewlines(ReadOnlySpan<char> options)
    {
        var off = options.IndexOf('-');
        var on = off < 0 ? options : options[..off];
        if (on.ContainsAny('x', 'X'))
        {
            throw new FormatException("the pattern turns option x on, which a pattern of one line has no use for; leave spaces and comments out");
        }

        if (off >= 0 && options[off..].ContainsAny('m', 'M'))
        {
            throw new FormatException("the pattern turns option m off, but a console has no beginning and no end; ^ and $ always are a line's");
        }

        return on.ContainsAny('s', 'S');
    }
}
