using System.Buffers;

namespace HvRunner.Testing.KernelReports;

/// <summary>
/// What a Linux console puts in front of a kernel's message: a level (<c>&lt;6&gt;</c>, or the columns of <c>dmesg -x</c>), a time stamp
/// (<c>[    1.234567]</c>), the caller (<c>[    T1]</c>), in any number, each bracket with at most one space behind it: what follows that is
/// the message's own indentation. Words in brackets are no prefix.
/// </summary>
internal static class KernelLogPrefix
{
    private const int MaxBracketChars = 32;

    // Linux pads the seconds to five columns; "[1.5]" is something else.
    private const int SecondsColumns = 5;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789");

    private static readonly SearchValues<char> LettersAndDigits = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");

    private static readonly SearchValues<char> InBrackets = SearchValues.Create(" 0123456789.TC@");

    /// <summary>How many characters of the line are prefix; 0 for a line without one.</summary>
    internal static int Length(ReadOnlySpan<char> line)
    {
        if (line.IsEmpty || line[0] is not ('[' or '<' or (>= 'a' and <= 'z')))
        {
            return 0;
        }

        var length = line[0] == '[' ? 0 : LevelLength(line);
        while (length < line.Length && line[length] == '[')
        {
            var bracket = BracketLength(line[length..]);
            if (bracket == 0)
            {
                break;
            }

            length += bracket;
            if (length < line.Length && line[length] == ' ')
            {
                length++;
            }
        }

        return length;
    }

    /// <summary>Where, behind its first character, a time stamp shows that another message begins within the line; -1 if none does.</summary>
    internal static int IndexOfTimeStamp(ReadOnlySpan<char> text)
    {
        for (var start = 1; start < text.Length; start++)
        {
            var next = text[start..].IndexOf('[');
            if (next < 0)
            {
                break;
            }

            start += next;
            if (IsTimeStamp(text[start..]))
            {
                return start;
            }
        }

        return -1;
    }

    private static bool IsTimeStamp(ReadOnlySpan<char> text)
    {
        var length = BracketLength(text);
        if (length == 0)
        {
            return false;
        }

        var seconds = text[1..(length - 1)];
        var point = seconds.IndexOf('.');
        return point >= SecondsColumns && point < seconds.Length - 1 &&
            !seconds[..point].TrimStart(' ').ContainsAnyExcept(Digits) && char.IsAsciiDigit(seconds[point - 1]) &&
            !seconds[(point + 1)..].ContainsAnyExcept(Digits);
    }

    private static int BracketLength(ReadOnlySpan<char> text)
    {
        var end = text[..Math.Min(text.Length, MaxBracketChars)].IndexOf(']');
        return end > 1 && !text[1..end].ContainsAnyExcept(InBrackets) && text[1..end].ContainsAny(Digits) ? end + 1 : 0;
    }

    /// <summary>"&lt;6&gt;", or the two padded columns of "kern  :info  : ".</summary>
    private static int LevelLength(ReadOnlySpan<char> line)
    {
        if (line[0] == '<')
        {
            var end = line[..Math.Min(line.Length, 5)].IndexOf('>');
            return end > 1 && !line[1..end].ContainsAnyExcept(Digits) ? end + 1 : 0;
        }

        const int Columns = 15;
        return line.Length >= Columns && line[6] == ':' && line[13] == ':' && line[14] == ' ' && IsWord(line[..6]) && IsWord(line[7..13]) ? Columns : 0;
    }

    private static bool IsWord(ReadOnlySpan<char> column)
    {
        var word = column.TrimEnd(' ');
        return !word.IsEmpty && !word.ContainsAnyExcept(LettersAndDigits);
    }
}
