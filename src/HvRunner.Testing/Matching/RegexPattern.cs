using System.Text.RegularExpressions;

namespace HvRunner.Testing.Matching;

/// <summary>
/// A regular expression, searched for with the exactness that <see cref="PatternSearch"/> promises at about the cost of one pass of .NET's
/// engine. The engine tells whether some text of a span matches. For a fixed start of that span the answer, once yes, stays yes as its end
/// moves on; so one question settles a whole piece, and if it is yes, bisection finds the first end.
/// <para>
/// An expression that looks at the next character is searched for together with one more character, whatever it is. So all that it asks for has
/// come, and a yes is final as above. At the very end of the text the next character is not known: there it must match whichever comes.
/// </para>
/// </summary>
internal sealed class RegexPattern : ConsolePattern
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Multiline;

    // One of each kind that $, \b and \B tell apart.
    private const string NextOfEachKind = "\na ";

    private readonly string _text;
    private readonly RegexSyntax _syntax;
    private readonly Regex _regex;

    internal RegexPattern(string text)
    {
        RefuseLong(text);
        _text = text;
        bool isEmptySomewhere;
        try
        {
            _ = new Regex(text, Options);
            _syntax = RegexSyntax.Read(text);
            _regex = new Regex(_syntax.LooksAhead ? $"(?:{_syntax.Text})(?s:.)" : _syntax.Text, Options);
            isEmptySomewhere = MatchesEmptyText(_syntax.Text);
        }
        catch (RegexParseException e)
        {
            throw new FormatException($"/{text}/ is no regular expression: {e.Message}", e);
        }
        catch (NotSupportedException e)
        {
            throw new FormatException(
                $"/{text}/ has what cannot be searched for as a console grows, such as lookarounds, backreferences, atomic groups, conditions, or too many characters and repetitions: {e.Message}", e);
        }

        if (isEmptySomewhere)
        {
            throw new FormatException($"/{text}/ also matches the empty text, which is everywhere; write what must be there");
        }
    }

    // How far behind a match's end it may be decided.
    private int LookAhead => _syntax.LooksAhead ? 1 : 0;

    /// <inheritdoc/>
    public override string ToString() => $"/{_text}/";

    internal override bool IsIn(ReadOnlySpan<char> line) => _syntax.LooksAhead ? _regex.IsMatch($"{line}\n") : _regex.IsMatch(line);

    internal override bool TryDecide(in SearchScope scope, long seen, long end, out long decidedAt)
    {
        decidedAt = 0;
        var isLong = end - seen > scope.WindowChars;
        if (seen >= end || (isLong && !IsFound(scope, WindowStart(scope, seen + 1), end)))
        {
            return seen < end && IsFoundAtEnd(scope, decidedAt = end);
        }

        // No more than a window at a time, so that what is bisected stays short.
        while (seen < end)
        {
            var start = WindowStart(scope, seen + 1);
            var to = Math.Min(end, seen + scope.WindowChars);
            if (!IsFound(scope, start, to))
            {
                if (to == end)
                {
                    return IsFoundAtEnd(scope, decidedAt = end);
                }

                seen = to - LookAhead;
                continue;
            }

            var first = FirstEnd(scope, start, seen, to);
            if ((first - 1 > seen && IsFoundAtEnd(scope, decidedAt = first - 1)) || IsDecided(scope, decidedAt = first))
            {
                return true;
            }

            // All that matches up to there is too long; it will have left the window at the next end.
            seen = first;
        }

        return false;
    }

    internal override ConsoleMatch Read(in SearchScope scope, long decidedAt, int patternIndex)
    {
        var start = scope.WindowStart(decidedAt);
        var text = scope.Text(start, decidedAt, out var startAt).ToString();
        var match = _regex.Match(text, startAt);
        if (!match.Success)
        {
            // Decided without the next character, so any will do.
            match = _regex.Match(text + NextOfEachKind[0], startAt);
        }

        var value = match.Value[..^LookAhead];
        var position = start - startAt + match.Index;
        return new ConsoleMatch(patternIndex, position, position + value.Length, value, [value, .. match.Groups.Values.Skip(1).Select(group => group.Value)])
        {
            DecidedAt = decidedAt,
        };
    }

    private bool IsFound(in SearchScope scope, long start, long end) => _regex.IsMatch(scope.Text(start, end, out var startAt), startAt);

    private bool IsDecided(in SearchScope scope, long end) => IsFound(scope, WindowStart(scope, end), end) || IsFoundAtEnd(scope, end);

    private bool IsFoundAtEnd(in SearchScope scope, long end)
    {
        if (!_syntax.LooksAhead)
        {
            return false;
        }

        var text = scope.Text(WindowStart(scope, end), end, out var startAt);
        Span<char> followed = stackalloc char[text.Length + 1];
        text.CopyTo(followed);
        foreach (var next in NextOfEachKind)
        {
            followed[^1] = next;
            if (!_regex.IsMatch(followed, startAt))
            {
                return false;
            }
        }

        return true;
    }

    private long FirstEnd(in SearchScope scope, long start, long notYet, long found)
    {
        while (found - notYet > 1)
        {
            var middle = notYet + ((found - notYet) / 2);
            (notYet, found) = IsFound(scope, start, middle) ? (notYet, middle) : (middle, found);
        }

        return found;
    }

    // Where a match begins at the earliest that is decided at this place or later, and therefore reaches to the character before it.
    private long WindowStart(in SearchScope scope, long decidedAt)
    {
        var start = scope.WindowStart(decidedAt);
        return _syntax.StaysInLine && decidedAt - 1 > start ? start + scope.Transcript.Span(start, decidedAt - 1).LastIndexOf('\n') + 1 : start;
    }

    // An empty match depends on nothing but the characters beside it.
    private static bool MatchesEmptyText(string text)
    {
        var between = new Regex($@"\A(?s:.)(?:{text})(?s:.)\z", Options);
        return NextOfEachKind.Any(before => NextOfEachKind.Any(after => between.IsMatch([before, after])));
    }
}
