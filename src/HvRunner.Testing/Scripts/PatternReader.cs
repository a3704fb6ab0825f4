using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>Takes patterns out of a script's nodes: a text, <c>{ text: "..." }</c>, and lists of both. What cannot be searched for is a fault.</summary>
internal sealed class PatternReader(NodeReader read)
{
    private const string One = "a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }";

    /// <summary>Building an expression takes its time, up to a third of a second for the longest; a hostile file may hold many.</summary>
    private const int MaxRegexChars = 1 << 16;

    private readonly Dictionary<(string, bool), string?> _refusals = [];
    private int _regexChars;

    /// <summary>One pattern.</summary>
    internal PatternText? Pattern(YamlNode node)
    {
        var text = node is YamlMap { Entries: [{ Key.Text: "text" } entry] } ? entry.Value : null;
        return Checked(node, text is null ? Plain(node, One) : Literal(text));
    }

    /// <summary>What stands under <c>expect:</c> or <c>reject:</c>, or null beside a fault.</summary>
    /// <param name="node">The value.</param>
    /// <param name="lists">Keys that may hold several patterns: any, all.</param>
    internal (IReadOnlyList<PatternText> Patterns, string How)? Patterns(YamlNode node, params string[] lists)
    {
        if (node is not YamlMap map)
        {
            return Checked(node, Plain(node, $"{One}, or {{ {lists[0]}: [...] }}")) is { } plain ? ([plain], lists[0]) : null;
        }

        string[] keys = ["text", .. lists];
        read.CheckKeys(map, "in a pattern", keys);
        if (map.Entries is not [{ } entry])
        {
            read.Fault(map, $"expected one key of {string.Join(", ", keys)}, found {map.Entries.Count}.");
            return null;
        }

        if (!lists.Contains(entry.Key.Text))
        {
            return entry.Key.Text == "text" && Checked(node, Literal(entry.Value)) is { } literal ? ([literal], lists[0]) : null;
        }

        var items = read.Items(entry.Value, "a list of patterns");
        if (items.Count == 0 && entry.Value is YamlList or YamlScalar { IsNull: true })
        {
            read.Fault(entry.Value, "expected at least one pattern, found none.");
        }

        var patterns = items.Select(Pattern).OfType<PatternText>().ToList();
        return patterns.Count == 0 ? null : (patterns, entry.Key.Text);
    }

    private PatternText? Plain(YamlNode node, string expected) => read.Text(node, expected) is { } text ? PatternText.Parse(text, node.Line, node.Column) : null;

    private PatternText? Literal(YamlNode node) => read.Text(node, "a text") is { } text ? PatternText.Literal(text, node.Line, node.Column) : null;

    private PatternText? Checked(YamlNode node, PatternText? pattern)
    {
        if (pattern is null)
        {
            return null;
        }

        var key = (pattern.Text, pattern.IsRegex);
        if (!_refusals.TryGetValue(key, out var refusal))
        {
            _regexChars += pattern.IsRegex ? pattern.Text.Length : 0;
            refusal = _regexChars > MaxRegexChars
                ? $"expected at most {MaxRegexChars} characters of regular expressions in a script, found more."
                : pattern.Refusal();
            _refusals.Add(key, refusal);
        }

        if (refusal is not null)
        {
            read.Fault(node, refusal);
        }

        return pattern;
    }
}
