using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace HvRunner.Testing.Tests.Matching;

/// <summary>
/// What a search must find, by its definition: after every character all patterns are tried on the text so far, with .NET's backtracking engine
/// and its lookaheads, whatever that costs. It shares no trick with the search.
/// </summary>
internal sealed class NaiveSearch(IReadOnlyList<string> patterns, int windowChars)
{
    private static readonly string[] Nexts = ["\n", "a", "0", "_", " ", "#"];

    private static readonly ConcurrentDictionary<string, Regex> Regexes = [];

    // A match, and behind it at least one more character: so none of the text's last character is part of it.
    private readonly IReadOnlyList<Regex?> _regexes = [.. patterns.Select(pattern => IsRegex(pattern)
        ? Regexes.GetOrAdd(pattern, text => new Regex($@"(?:{text[1..^1]})(?=[\s\S])", RegexOptions.CultureInvariant | RegexOptions.Multiline))
        : null)];

    internal Finding? Find(string text, int start)
    {
        for (var end = start + 1; end <= text.Length; end++)
        {
            for (var index = 0; index < patterns.Count; index++)
            {
                if (FindAt(text[..end], start, index) is { } finding)
                {
                    return finding;
                }
            }
        }

        return null;
    }

    private Finding? FindAt(string text, int start, int index)
    {
        if (_regexes[index] is not { } regex)
        {
            var from = text.Length - patterns[index].Length;
            return from >= start && text.EndsWith(patterns[index], StringComparison.Ordinal) ? new Finding(index, text.Length, from, text.Length, [patterns[index]]) : null;
        }

        var window = Math.Max(start, text.Length - windowChars);
        if (!Nexts.All(next => regex.IsMatch(text + next, window)))
        {
            return null;
        }

        var match = regex.Match(text, window);
        match = match.Success ? match : regex.Match(text + "\n", window);
        return new Finding(index, text.Length, match.Index, match.Index + match.Length, [.. match.Groups.Values.Select(group => group.Value)]);
    }

    private static bool IsRegex(string text) => text.Length > 1 && text[0] == '/' && text[^1] == '/';

    internal sealed record Finding(int Pattern, long DecidedAt, long Start, long End, string[] Groups)
    {
        public override string ToString() => $"pattern {Pattern} [{Start}, {End}) at {DecidedAt}: {string.Join('|', Groups)}";
    }
}
