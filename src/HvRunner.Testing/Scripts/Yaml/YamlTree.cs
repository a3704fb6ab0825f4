using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace HvRunner.Testing.Scripts.Yaml;

/// <summary>
/// Builds the tree of a YAML text from its parser's events. Text that is no YAML, or more than the limits allow, is one fault and no tree; a
/// key that stands twice, a tag or a second document is a fault beside the tree. The file may be hostile: depth and nodes are bounded while it
/// is read, an alias counts as what it repeats, and one within its own anchor is refused.
/// </summary>
internal sealed class YamlTree
{
    internal const int MaxNodes = 10_000;
    internal const int MaxLevels = 32;

    private readonly Parser _parser;
    private readonly FaultList _faults;
    private readonly Dictionary<string, YamlNode> _anchors = new(StringComparer.Ordinal);
    private readonly string _text;
    private int _nodes;

    private YamlTree(string text, FaultList faults)
    {
        _text = text;
        _faults = faults;
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <summary>The document's root, or null beside a fault that says why there is none.</summary>
    internal static YamlNode? Read(string text, FaultList faults)
    {
        try
        {
            return new YamlTree(text, faults).Document();
        }
        catch (UnreadableException unreadable)
        {
            faults.Add(unreadable.Line, unreadable.Column, unreadable.Message);
            return null;
        }
    }

    private YamlNode? Document()
    {
        _ = Next();
        if (Next() is not DocumentStart)
        {
            _faults.Add(1, 1, "expected keys such as 'kernel:', found nothing.");
            return null;
        }

        var root = Node(Next(), 1, 1, 1);
        _ = Next();
        if (Next() is DocumentStart second)
        {
            _faults.Add((int)second.Start.Line, (int)second.Start.Column, "expected one document, found a second one; a script is a file of its own.");
        }

        return root;
    }

    /// <summary>The node that an event begins; <paramref name="line"/> and <paramref name="column"/> are its parent's.</summary>
    private YamlNode Node(ParsingEvent begin, int level, int line, int column)
    {
        var (ownLine, ownColumn) = ((int)begin.Start.Line, (int)begin.Start.Column);
        if (begin is AnchorAlias alias)
        {
            return Repeated(alias, level);
        }

        CheckLimits(begin, 1, level);
        YamlNode node = begin switch
        {
            Scalar scalar => new YamlScalar(ownLine, ownColumn, scalar.Value, scalar.Style != ScalarStyle.Plain),
            SequenceStart => List(ownLine, ownColumn, level),
            MappingStart => Map(ownLine, ownColumn, level, line, column),
            _ => throw new UnreadableException(ownLine, ownColumn, "this is not YAML that a script may hold."),
        };
        if (begin is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag } && !IsOwnKind(tag.Value, node))
        {
            _faults.Add(ownLine, ownColumn, $"{MessageText.Quote(tag.Value)} is a tag, which means nothing in a script; a text that begins with ! needs quotes.");
        }

        if (begin is NodeEvent { Anchor: { IsEmpty: false } anchor })
        {
            // Only now: an alias within its own anchor finds none.
            _anchors[anchor.Value] = node;
        }

        return node;
    }

    private YamlNode Repeated(AnchorAlias alias, int level)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var node))
        {
            throw new UnreadableException(
                (int)alias.Start.Line,
                (int)alias.Start.Column,
                $"no '&{MessageText.Shorten(alias.Value.Value)}' ends before this; a text that begins with * needs quotes.");
        }

        CheckLimits(alias, node.Nodes, level + node.Levels - 1);
        return node;
    }

    private void CheckLimits(ParsingEvent at, int nodes, int level)
    {
        _nodes += nodes;
        if (level > MaxLevels)
        {
            throw new UnreadableException((int)at.Start.Line, (int)at.Start.Column, $"expected at most {MaxLevels} levels of lists and maps, found more.");
        }

        if (_nodes > MaxNodes)
        {
            throw new UnreadableException((int)at.Start.Line, (int)at.Start.Column, $"expected at most {MaxNodes} nodes, with what aliases repeat, found more.");
        }
    }

    private YamlList List(int line, int column, int level)
    {
        var items = new List<YamlNode>();
        for (var next = Next(); next is not SequenceEnd; next = Next())
        {
            items.Add(Node(next, level + 1, line, column));
        }

        return new YamlList(line, column, items);
    }

    private YamlMap Map(int line, int column, int level, int parentLine, int parentColumn)
    {
        var entries = new List<YamlEntry>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var next = Next(); next is not MappingEnd; next = Next())
        {
            var key = Node(next, level + 1, line, column);
            var value = Node(Next(), level + 1, key.Line, key.Column);
            if (key is not YamlScalar scalar)
            {
                _faults.Add(key, "expected a key that is a text, found a list or a map.");
            }
            else if (!lines.TryAdd(scalar.Text, key.Line))
            {
                _faults.Add(key, $"{MessageText.Quote(scalar.Text)} stands here twice; it was first given in line {lines[scalar.Text]}.");
            }
            else
            {
                entries.Add(new YamlEntry(scalar, value));
            }
        }

        // The parser says 1:1 of a map that stands as `key: value` within [ ]; such a map begins where its key does.
        var isPlaced = line > parentLine || (line == parentLine && column >= parentColumn);
        return entries.Count == 0 || isPlaced ? new YamlMap(line, column, entries) : new YamlMap(entries[0].Key.Line, entries[0].Key.Column, entries);
    }

    private ParsingEvent Next()
    {
        try
        {
            return _parser.MoveNext() ? _parser.Current! : throw new UnreadableException(1, 1, "this is not YAML: it ends too early.");
        }
        catch (YamlException exception)
        {
            var (line, column) = ((int)exception.Start.Line, (int)exception.Start.Column);
            throw YamlSyntax.Explain(exception.Message, line, column, _text);
        }
        catch (Exception exception) when (exception is not UnreadableException)
        {
            // The parser stumbles over some wrong texts instead of refusing them.
            var at = _parser.Current?.End ?? Mark.Empty;
            throw YamlSyntax.Explain("what follows cannot be read; is a closing bracket or a quote missing", (int)at.Line, (int)at.Column, _text);
        }
    }

    private static bool IsOwnKind(string tag, YamlNode node) => tag == node switch
    {
        YamlScalar => "tag:yaml.org,2002:str",
        YamlList => "tag:yaml.org,2002:seq",
        _ => "tag:yaml.org,2002:map",
    };
}
