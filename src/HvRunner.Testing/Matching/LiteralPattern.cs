using System.Text;
using HvRunner.Testing.Console;

namespace HvRunner.Testing.Matching;

/// <summary>A text that is looked for character by character; no case folding, no wildcards.</summary>
internal sealed class LiteralPattern : ConsolePattern
{
    private readonly string _text;

    internal LiteralPattern(string text)
    {
        _text = text.Replace("\r", "", StringComparison.Ordinal);
        if (_text.Length == 0)
        {
            throw new FormatException("an empty pattern is found before the console has said anything; write the text to wait for");
        }

        RefuseLong(_text);
        if (_text.Any(ConsoleDecoder.Drops))
        {
            throw new FormatException(
                $"the pattern has the control character U+{(int)_text.First(ConsoleDecoder.Drops):X4}, which is never found: of these only newline and tab are left in a console's text");
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var quoted = new StringBuilder("\"");
        foreach (var value in _text)
        {
            _ = value switch
            {
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                '"' or '\\' => quoted.Append('\\').Append(value),
                _ => quoted.Append(value),
            };
        }

        var isRegexElsewhere = _text.Length > 1 && _text[0] == '/' && _text[^1] == '/';
        return isRegexElsewhere ? $"{{ text: {quoted}\" }}" : quoted.Append('"').ToString();
    }

    internal override bool IsIn(ReadOnlySpan<char> line) => line.Contains(_text, StringComparison.Ordinal);

    internal override bool TryDecide(in SearchScope scope, long seen, long end, out long decidedAt)
    {
        var from = Math.Max(scope.Start, seen + 1 - _text.Length);
        var index = from < end ? scope.Transcript.Span(from, end).IndexOf(_text) : -1;
        decidedAt = from + index + _text.Length;
        return index >= 0;
    }

    internal override ConsoleMatch Read(in SearchScope scope, long decidedAt, int patternIndex) =>
        new(patternIndex, decidedAt - _text.Length, decidedAt, _text, [_text]) { DecidedAt = decidedAt };
}
