using System.Globalization;
using HvRunner.Testing.Scripts.Yaml;

namespace HvRunner.Testing.Scripts;

/// <summary>
/// Takes values out of a script's nodes. What is not as expected becomes a fault at the node, and the value null; nothing here throws. What
/// the words mean is the business of those who ask.
/// </summary>
internal sealed class NodeReader(FaultList faults, IOptionChecker checker)
{
    private const int MaxLineChars = 4096;

    internal void Fault(YamlNode at, string sentence) => faults.Add(at, sentence);

    internal void Unexpected(YamlNode at, string expected) => faults.Add(at, $"expected {expected}, found {Found(at)}.");

    /// <summary>Where a text was expected, what is there may be one that YAML took for something else.</summary>
    internal void UnexpectedText(YamlNode at, string expected) => faults.Add(at, $"expected {expected}, found {Found(at)}{Hint(at)}.");

    internal YamlMap? Map(YamlNode node, string expected)
    {
        if (node is YamlMap map)
        {
            return map;
        }

        Unexpected(node, expected);
        return null;
    }

    /// <summary>Any text; null in YAML is none.</summary>
    internal string? Text(YamlNode node, string expected)
    {
        if (node is YamlScalar { IsNull: false } scalar)
        {
            return scalar.Text;
        }

        UnexpectedText(node, expected);
        return null;
    }

    /// <summary>A text that is one line: not empty, bounded, without control characters.</summary>
    internal string? Line(YamlNode node, string expected)
    {
        if (Text(node, expected) is not { } text)
        {
            return null;
        }

        if (text.Any(char.IsControl))
        {
            Fault(node, $"expected {expected} on one line, found {MessageText.Quote(text)} with a line's end or another control character in it; a block's last line end goes with |- or >-.");
            return null;
        }

        if (text.Length is 0 or > MaxLineChars)
        {
            Fault(node, $"expected {expected} of 1 to {MaxLineChars} characters, found {(text.Length == 0 ? "none" : "more")}.");
            return null;
        }

        return text;
    }

    /// <summary>A number, decimal or hexadecimal behind 0x. Not with zeros in front: YAML has read such as octal ones.</summary>
    internal int? Number(YamlNode node, int min, int max, string what)
    {
        var text = (node as YamlScalar)?.Text ?? "";
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        var style = isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        var isPlain = isHex || text == "0" || !text.StartsWith('0');
        if (isPlain && int.TryParse(isHex ? text.AsSpan(2) : text, style, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        Unexpected(node, $"{what} from {min} to {max}");
        return null;
    }

    internal TimeSpan? Duration(YamlNode? node)
    {
        if (node is null)
        {
            return null;
        }

        if (node is YamlScalar scalar && checker.TryDuration(scalar.Text, out var duration))
        {
            return duration;
        }

        Unexpected(node, "a duration such as 500ms, 30s or 2m");
        return null;
    }

    /// <summary>A list's items; none where there is nothing.</summary>
    internal IReadOnlyList<YamlNode> Items(YamlNode? node, string expected)
    {
        switch (node)
        {
            case null or YamlScalar { IsNull: true }:
                return [];
            case YamlList list:
                return list.Items;
            default:
                Unexpected(node, expected);
                return [];
        }
    }

    /// <summary>Known names, as a list or a single one.</summary>
    internal IReadOnlyList<string> Names(YamlNode? node, string what, IReadOnlyList<string> known)
    {
        var names = new List<string>();
        foreach (var item in node is YamlScalar { IsNull: false } ? [node] : Items(node, $"{what} or a list"))
        {
            if (Text(item, what) is not { } name)
            {
                continue;
            }

            if (!known.Contains(name))
            {
                var meant = ScriptVocabulary.Nearest(name, known) is { } nearest ? $"; did you mean '{nearest}'?" : ".";
                Fault(item, $"expected {what} ({string.Join(", ", known)}), found {MessageText.Quote(name)}{meant}");
            }
            else if (names.Contains(name))
            {
                Fault(item, $"{MessageText.Quote(name)} stands here twice.");
            }
            else
            {
                names.Add(name);
            }
        }

        return names;
    }

    /// <summary>Finds fault with keys that nobody reads.</summary>
    internal void CheckKeys(YamlMap map, string where, IReadOnlyList<string> known)
    {
        foreach (var (key, _) in map.Entries)
        {
            if (!known.Contains(key.Text))
            {
                Fault(key, UnknownKey(key.Text, where, known));
            }
        }
    }

    /// <summary>What is there instead of what was expected.</summary>
    private static string Found(YamlNode node) => node switch
    {
        YamlScalar { IsNull: true, Text: "" } => "nothing",
        YamlScalar { IsNull: true } scalar => $"{scalar.Text}, which is nothing in YAML",
        YamlScalar scalar => MessageText.Quote(scalar.Text),
        YamlMap { Entries: [] } => "an empty map",
        YamlMap map => $"a map with the key {MessageText.Quote(map.Entries[0].Key.Text)}",
        _ => "a list",
    };

    private static string Hint(YamlNode node) => node switch
    {
        YamlScalar { IsNull: true, Text: "" } => "; a # behind a space begins a comment, and a text with one needs quotes",
        YamlScalar { IsNull: true } => "; the word itself needs quotes",
        YamlMap => "; a text that begins with { or has ': ' in it needs quotes",
        YamlList => "; a text that begins with [ needs quotes",
        _ => "",
    };

    private static string UnknownKey(string key, string where, IReadOnlyList<string> known)
    {
        if (ScriptVocabulary.RunOnly.Contains(key) && known.Contains("steps"))
        {
            return $"{MessageText.Quote(key)} is an option of 'hvrun run' alone: the test itself reads the console and writes the reports.";
        }

        var there = ScriptVocabulary.Nearest(key, known) is { } nearest ? $"did you mean '{nearest}'?" : $"there are {string.Join(", ", known)}.";
        return $"there is no key {MessageText.Quote(key)} {where}; {there}";
    }
}
