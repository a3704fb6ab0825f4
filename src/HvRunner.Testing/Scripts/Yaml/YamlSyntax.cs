namespace HvRunner.Testing.Scripts.Yaml;

/// <summary>What the parser said about a text that is no YAML, with what people usually meant when it says so.</summary>
internal static class YamlSyntax
{
    private static readonly (string Said, string Hint)[] Hints =
    [
        ("invalid mapping", "a text with ': ' in it or ':' at its end needs quotes, and the keys of one map stand in one column"),
        ("cannot start any token", "a text that begins with @, % or ` needs quotes"),
        ("tab", "indent with spaces"),
        ("expected ',' or", "within [ ] and { } a text with , [ ] { or } in it needs quotes"),
        ("unknown escape", "within double quotes a backslash is written \\\\; within single quotes it is taken as it is"),
        ("quoted scalar, found unexpected end", "the closing quote is missing"),
        ("expected key", "look at the indentation, and at what stands behind a closing quote or bracket"),
        ("expected '-'", "look at the indentation"),
    ];

    /// <summary>The fault for what the parser said at a place of <paramref name="text"/>.</summary>
    internal static UnreadableException Explain(string said, int line, int column, string text)
    {
        if (said.Contains("tab as indentation", StringComparison.Ordinal) && FirstTab(text, line) is { } tab)
        {
            // The parser names the place of the map around it.
            (line, column) = tab;
        }

        var hint = Hints.FirstOrDefault(hint => said.Contains(hint.Said, StringComparison.Ordinal)).Hint;
        var message = said.TrimEnd('.', ' ');
        message = message.Length == 0 ? message : char.ToLowerInvariant(message[0]) + message[1..];
        return new UnreadableException(Math.Max(line, 1), Math.Max(column, 1), $"this is not YAML: {message}{(hint is null ? "" : $"; {hint}")}.");
    }

    private static (int Line, int Column)? FirstTab(string text, int fromLine)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            var indentation = line[..^line.TrimStart(" \t").Length];
            if (number >= fromLine && indentation.Length < line.Length && indentation.IndexOf('\t') is >= 0 and var at)
            {
                return (number, at + 1);
            }
        }

        return null;
    }
}

/// <summary>The text cannot become a tree; caught where the tree is read.</summary>
internal sealed class UnreadableException(int line, int column, string sentence) : Exception(sentence)
{
    internal int Line { get; } = line;

    internal int Column { get; } = column;
}
