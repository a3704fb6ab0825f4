namespace HvRunner.Testing.Console;

/// <summary>
/// A console's text, in pieces of any size, as complete lines. A line is never longer than <see cref="MaxLineChars"/>: of a longer one only the
/// start is delivered, once its end has come. It keeps one line at most and knows nothing of what lines mean. One thread at a time.
/// </summary>
internal sealed class LineSplitter(LineSplitter.LineHandler handler)
{
    /// <summary>The longest line that is delivered whole.</summary>
    internal const int MaxLineChars = 4096;

    private readonly char[] _line = new char[MaxLineChars];
    private int _length;
    private bool _isPartial;

    /// <summary>Takes one line, without its newline; the characters are good during the call only.</summary>
    internal delegate void LineHandler(ReadOnlySpan<char> line);

    /// <summary>Takes more text and hands over the lines that it completes.</summary>
    internal void Append(ReadOnlySpan<char> text)
    {
        while (text.IndexOf('\n') is >= 0 and var end)
        {
            if (_isPartial)
            {
                Keep(text[..end]);
                Finish();
            }
            else
            {
                handler(Cut(text[..end]));
            }

            text = text[(end + 1)..];
        }

        if (!text.IsEmpty)
        {
            Keep(text);
        }
    }

    /// <summary>Hands over the last line although no newline has come; nothing where the last character was one.</summary>
    internal void Finish()
    {
        if (_isPartial)
        {
            var line = Cut(_line.AsSpan(0, _length));
            _length = 0;
            _isPartial = false;
            handler(line);
        }
    }

    private void Keep(ReadOnlySpan<char> text)
    {
        var kept = text[..Math.Min(text.Length, MaxLineChars - _length)];
        kept.CopyTo(_line.AsSpan(_length));
        _length += kept.Length;
        _isPartial = true;
    }

    // Half a surrogate pair is no character: reports could not be written with it.
    private static ReadOnlySpan<char> Cut(ReadOnlySpan<char> line) =>
        line.Length < MaxLineChars ? line : line[..(char.IsHighSurrogate(line[MaxLineChars - 1]) ? MaxLineChars - 1 : MaxLineChars)];
}
