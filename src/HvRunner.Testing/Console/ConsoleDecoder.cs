using System.Text;

namespace HvRunner.Testing.Console;

/// <summary>
/// The bytes of a serial console, in pieces of any size, as normalized text: UTF-8 (what is none becomes U+FFFD as <see cref="Encoding.UTF8"/>
/// has it), no escape sequences, no carriage returns, and of the control characters only newline and tab. It is no terminal: a backspace or a
/// cursor movement changes nothing that was said before. How the bytes are cut into pieces never matters. One thread at a time.
/// </summary>
internal sealed class ConsoleDecoder
{
    // Small enough for the first level of cache, large enough that a call's own cost vanishes in a flood.
    private const int PieceBytes = 8 * 1024;

    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private readonly char[] _text = new char[Encoding.UTF8.GetMaxCharCount(PieceBytes)];
    private EscapeSequence _sequence;

    /// <summary>Whether a character never is in the text: C0 but newline and tab, DEL, and C1.</summary>
    internal static bool Drops(char value) => char.IsControl(value) && value is not ('\n' or '\t');

    /// <summary>Takes bytes from the start of <paramref name="bytes"/>, to be called until none are left.</summary>
    /// <returns>Their text, often none; good until the next call.</returns>
    internal ReadOnlySpan<char> Decode(ref ReadOnlySpan<byte> bytes)
    {
        var piece = bytes[..Math.Min(bytes.Length, PieceBytes)];
        bytes = bytes[piece.Length..];
        return Normalize(_text.AsSpan(0, _utf8.GetChars(piece, _text, flush: false)));
    }

    /// <summary>The console has ended; what comes next is another.</summary>
    /// <returns>What the last, unfinished character stands for; good until the next call.</returns>
    internal ReadOnlySpan<char> Finish()
    {
        var text = Normalize(_text.AsSpan(0, _utf8.GetChars([], _text, flush: true)));
        _sequence = default;
        return text;
    }

    private Span<char> Normalize(Span<char> text)
    {
        var kept = 0;
        var at = 0;
        while (at < text.Length)
        {
            if (_sequence.IsOpen && _sequence.Takes(text[at]))
            {
                at++;
                continue;
            }

            var end = at + CountKept(text[at..]);
            if (kept != at)
            {
                text[at..end].CopyTo(text[kept..]);
            }

            kept += end - at;
            at = end;
            if (at < text.Length)
            {
                _sequence.Begin(text[at++]);
            }
        }

        return text[..kept];
    }

    private static int CountKept(ReadOnlySpan<char> text)
    {
        // A range is what the processor tests many characters for at once; where it stops, most are newlines.
        var kept = 0;
        while (text[kept..].IndexOfAnyExceptInRange(' ', '~') is >= 0 and var printable)
        {
            kept += printable;
            if (Drops(text[kept]))
            {
                return kept;
            }

            kept++;
        }

        return text.Length;
    }
}
