using System.Diagnostics.CodeAnalysis;
using HvRunner.Testing.Console;

namespace HvRunner.Testing.Matching;

/// <summary>
/// Looks for the first of several patterns in a console's text from a place on, as the text grows. What it finds is what one would find who
/// looked after every single character: the pattern that is decided first, the one listed first where several are decided at once. So
/// the pieces in which the text came never show. A call looks at what has come since the last one and at no more than a match's length before,
/// and the first match ends the search. One thread at a time.
/// </summary>
internal sealed class PatternSearch
{
    // All patterns see a slice before any sees the next, lest one that never matches reads a long backlog again in search after search.
    private const int SliceWindows = 16;

    private readonly ConsoleTranscript _transcript;
    private readonly IReadOnlyList<ConsolePattern> _patterns;
    private readonly int _windowChars;
    private long _start;
    private long _seen;
    private ConsoleMatch? _match;

    /// <summary>Searches <paramref name="transcript"/> from <paramref name="start"/> on, which is a place in it or its end.</summary>
    internal PatternSearch(ConsoleTranscript transcript, IReadOnlyList<ConsolePattern> patterns, long start, int windowChars = ConsolePattern.MaxMatchChars)
    {
        _transcript = transcript;
        _patterns = patterns;
        _windowChars = windowChars;
        _start = _seen = start;
    }

    /// <summary>The oldest position that it looks at again: what is before may be released.</summary>
    internal long Needs => Math.Max(0, Math.Max(_start, _seen + 1 - _windowChars) - 1);

    /// <summary>Looks at what has come since the last call.</summary>
    internal bool TryFind([NotNullWhen(true)] out ConsoleMatch? match)
    {
        SkipForgotten();
        while (_match is null && _seen < _transcript.End)
        {
            var end = Math.Min(_transcript.End, _seen + ((long)SliceWindows * _windowChars));
            _match = FindUpTo(end);
            _seen = end;
        }

        match = _match;
        return match is not null;
    }

    private ConsoleMatch? FindUpTo(long end)
    {
        var scope = new SearchScope(_transcript, _start, _windowChars);
        ConsolePattern? winner = null;
        var (index, decidedAt) = (0, end + 1);
        for (var i = 0; i < _patterns.Count; i++)
        {
            if (_patterns[i].TryDecide(scope, _seen, decidedAt - 1, out var position))
            {
                (winner, index, decidedAt) = (_patterns[i], i, position);
            }
        }

        return winner?.Read(scope, decidedAt, index);
    }

    // Whether a line begins at the oldest character that is left is only known behind it.
    private void SkipForgotten()
    {
        if (_transcript.Start > Needs)
        {
            _start = Math.Max(_start, Math.Min(_transcript.Start + 1, _transcript.End));
            _seen = Math.Max(_seen, _start);
        }
    }
}
