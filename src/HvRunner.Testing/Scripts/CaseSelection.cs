using System.Globalization;
using System.Text;

namespace HvRunner.Testing.Scripts;

/// <summary>Which of the loaded cases are wanted: those with a text in their names, and of these one shard of several.</summary>
/// <param name="Filter">Must appear in the case's full name or its script's path, in any case of letters; null: all.</param>
/// <param name="Shard">The part of them, or null: all.</param>
public sealed record CaseSelection(string? Filter, Shard? Shard)
{
    /// <summary>Whether a case is wanted.</summary>
    public bool Includes(ScriptCase one)
    {
        ArgumentNullException.ThrowIfNull(one);
        var isNamed = Filter is null
            || one.FullName.Contains(Filter, StringComparison.OrdinalIgnoreCase)
            || one.Script.Path.Contains(Filter, StringComparison.OrdinalIgnoreCase);
        return isNamed && Shard?.Includes(one) != false;
    }

    /// <summary>The wanted ones in their order.</summary>
    public IReadOnlyList<ScriptCase> Of(IEnumerable<ScriptCase> cases) => [.. cases.Where(Includes)];
}

/// <summary>
/// One of several parts that all cases fall into. A case's part depends on nothing but the script's path below the given folder and the case's
/// name: other cases, other scripts and where the tree stands do not move it.
/// </summary>
public sealed record Shard
{
    private const int MaxCount = 10_000;

    private Shard(int number, int count)
    {
        Number = number;
        Count = count;
    }

    /// <summary>From 1 to <see cref="Count"/>.</summary>
    public int Number { get; }

    /// <summary>How many parts there are.</summary>
    public int Count { get; }

    /// <summary>Reads <c>K/N</c>; null when it is none.</summary>
    public static Shard? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split('/') is [var first, var second]
            && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && int.TryParse(second, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && number >= 1 && number <= count && count <= MaxCount
            ? new Shard(number, count)
            : null;
    }

    /// <summary>Whether a case falls into this part.</summary>
    public bool Includes(ScriptCase one)
    {
        ArgumentNullException.ThrowIfNull(one);
        return Hash($"{one.Script.RelativePath}\n{one.FullName}") % (ulong)Count == (ulong)(Number - 1);
    }

    /// <summary>As it is given: <c>K/N</c>.</summary>
    public override string ToString() => $"{Number}/{Count}";

    /// <summary>FNV-1a of the text, then stirred: its low bits alone are little more than the text's parity.</summary>
    private static ulong Hash(string text)
    {
        var hash = 0xcbf29ce484222325;
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ value) * 0x100000001b3;
        }

        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
        return hash ^ (hash >> 33);
    }
}
