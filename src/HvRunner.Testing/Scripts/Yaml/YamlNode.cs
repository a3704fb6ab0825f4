namespace HvRunner.Testing.Scripts.Yaml;

/// <summary>
/// A node of a script's YAML: a scalar, a list or a map, and where it begins in the file. Scalars are text and nothing else: no numbers, no
/// booleans, so that <c>256M</c>, <c>0x10</c> and <c>on</c> are what was written. Immutable; what aliases repeat is one node in several places.
/// </summary>
/// <param name="line">From 1 on.</param>
/// <param name="column">From 1 on, in UTF-16 units.</param>
internal abstract class YamlNode(int line, int column)
{
    internal int Line { get; } = line;

    internal int Column { get; } = column;

    /// <summary>Nodes from here down, each as often as aliases repeat it.</summary>
    internal int Nodes { get; private protected init; } = 1;

    /// <summary>Levels from here down.</summary>
    internal int Levels { get; private protected init; } = 1;
}

/// <summary>A text. Without quotes around it, nothing, <c>~</c> and <c>null</c> are YAML's null.</summary>
internal sealed class YamlScalar(int line, int column, string text, bool isQuoted) : YamlNode(line, column)
{
    internal string Text { get; } = text;

    /// <summary>In quotes, or as a block behind | or &gt;.</summary>
    internal bool IsQuoted { get; } = isQuoted;

    internal bool IsNull => !IsQuoted && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>Nodes one after another.</summary>
internal sealed class YamlList : YamlNode
{
    internal YamlList(int line, int column, IReadOnlyList<YamlNode> items)
        : base(line, column)
    {
        Items = items;
        Nodes = 1 + items.Sum(item => item.Nodes);
        Levels = 1 + items.Select(item => item.Levels).DefaultIfEmpty().Max();
    }

    internal IReadOnlyList<YamlNode> Items { get; }
}

/// <summary>Values under keys, in the order of the file; no key stands twice.</summary>
internal sealed class YamlMap : YamlNode
{
    internal YamlMap(int line, int column, IReadOnlyList<YamlEntry> entries)
        : base(line, column)
    {
        Entries = entries;
        Nodes = 1 + entries.Sum(entry => 1 + entry.Value.Nodes);
        Levels = 1 + entries.Select(entry => entry.Value.Levels).DefaultIfEmpty().Max();
    }

    internal IReadOnlyList<YamlEntry> Entries { get; }

    /// <summary>The value under a key, or null.</summary>
    internal YamlNode? this[string key] => Entries.FirstOrDefault(entry => entry.Key.Text == key)?.Value;
}

/// <summary>A key of a map and what stands under it.</summary>
internal sealed record YamlEntry(YamlScalar Key, YamlNode Value);
