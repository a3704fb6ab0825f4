using System.Text;

namespace HvRunner.Testing.Ktap;

/// <summary>What stands behind a result's <c>#</c>: TAP 13, "Directives", and Linux' Documentation/dev-tools/ktap.rst, "Test case result lines".</summary>
internal enum KtapDirective
{
    /// <summary>None that is known: the result counts as it is.</summary>
    None,

    /// <summary>Not tried.</summary>
    Skip,

    /// <summary>Not expected to pass yet.</summary>
    Todo,

    /// <summary>Expected to fail, and did.</summary>
    XFail,

    /// <summary>Did not end in time.</summary>
    Timeout,

    /// <summary>Could not be carried out.</summary>
    Error,
}

/// <summary>A result's words taken apart: what it describes, the directive, and the text behind that.</summary>
internal static class KtapDirectives
{
    private static readonly (string Word, KtapDirective Directive)[] Words =
    [
        ("SKIP", KtapDirective.Skip),
        ("TODO", KtapDirective.Todo),
        ("XFAIL", KtapDirective.XFail),
        ("TIMEOUT", KtapDirective.Timeout),
        ("ERROR", KtapDirective.Error),
    ];

    /// <summary>
    /// Splits at the first unescaped <c>#</c> that begins a known directive; else at the first with a space behind it, whose text KTAP calls
    /// diagnostic data. Both spans that come out lie within <paramref name="words"/>.
    /// </summary>
    internal static KtapDirective Split(ReadOnlySpan<char> words, out ReadOnlySpan<char> description, out ReadOnlySpan<char> reason)
    {
        var data = -1;
        for (var at = words.IndexOf('#'); at >= 0 && at < words.Length; at++)
        {
            // White space in front also tells that no backslash is.
            if (words[at] != '#' || (at > 0 && !char.IsWhiteSpace(words[at - 1])))
            {
                continue;
            }

            var directive = Read(words[(at + 1)..].TrimStart(), out reason);
            if (directive != KtapDirective.None)
            {
                description = words[..at].TrimEnd();
                return directive;
            }

            if (data < 0 && (at + 1 == words.Length || char.IsWhiteSpace(words[at + 1])))
            {
                data = at;
            }
        }

        description = data < 0 ? words : words[..data].TrimEnd();
        reason = data < 0 ? default : words[(data + 1)..].Trim();
        return KtapDirective.None;
    }

    /// <summary>The text with <c>\#</c> and <c>\\</c> as what they stand for.</summary>
    internal static string Unescape(ReadOnlySpan<char> text)
    {
        if (!text.Contains('\\'))
        {
            return text.ToString();
        }

        var plain = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length && text[at + 1] is '#' or '\\')
            {
                at++;
            }

            plain.Append(text[at]);
        }

        return plain.ToString();
    }

    private static KtapDirective Read(ReadOnlySpan<char> text, out ReadOnlySpan<char> reason)
    {
        foreach (var (word, directive) in Words)
        {
            if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase))
            {
                // TAP 13 has "SKIP\S*": "skipped" and "SKIP:" as well.
                var rest = text[word.Length..];
                var tail = directive == KtapDirective.Skip ? rest[..Math.Max(0, IndexOfSpace(rest))] : default;
                rest = rest[tail.Length..];
                if (rest.IsEmpty || !char.IsLetterOrDigit(rest[0]))
                {
                    reason = rest.TrimStart(':').Trim();
                    return directive;
                }
            }
        }

        reason = default;
        return KtapDirective.None;
    }

    private static int IndexOfSpace(ReadOnlySpan<char> text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                return at;
            }
        }

        return text.Length;
    }
}
