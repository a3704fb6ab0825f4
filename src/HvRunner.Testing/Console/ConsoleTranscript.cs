namespace HvRunner.Testing.Console;

/// <summary>
/// What a console has said, as far back as someone still needs it and never further than a limit: text is appended at <see cref="End"/>, what is
/// released or too old goes at <see cref="Start"/>. Positions count the characters since the console began, so they stay good whatever is
/// dropped. Any range of it is one span; moving the text to the front of its buffer costs a constant per character. One thread at a time.
/// </summary>
/// <param name="limitChars">The most that is kept; the buffer is at most a quarter larger.</param>
internal sealed class ConsoleTranscript(int limitChars = ConsoleTranscript.DefaultLimitChars)
{
    /// <summary>Kept unless told otherwise: 16 Mi characters.</summary>
    internal const int DefaultLimitChars = 16 * 1024 * 1024;

    private const int FirstCapacityChars = 1024;

    // The quarter is the room that a full transcript wins by moving all of its text, so that it need not do so at every call.
    private readonly int _maxCapacity = limitChars + (limitChars / 4) + 1;
    private char[] _buffer = new char[Math.Min(FirstCapacityChars, limitChars)];
    private int _first;

    /// <summary>The oldest position that is still here.</summary>
    internal long Start { get; private set; }

    /// <summary>The position that the next character will have.</summary>
    internal long End { get; private set; }

    /// <summary>How many characters went for the limit's sake although nobody had released them.</summary>
    internal long Forgotten { get; private set; }

    private int Length => (int)(End - Start);

    /// <summary>Adds text; the oldest is forgotten where all would be more than the limit.</summary>
    internal void Append(ReadOnlySpan<char> text)
    {
        if (Length + (long)text.Length - limitChars is > 0 and var surplus)
        {
            Forgotten += surplus;
            var ofText = (int)Math.Max(0, surplus - Length);
            Release(Start + surplus - ofText);
            text = text[ofText..];
            Start += ofText;
            End += ofText;
        }

        if (_first + Length + text.Length > _buffer.Length)
        {
            MakeRoom(Length + text.Length);
        }

        text.CopyTo(_buffer.AsSpan(_first + Length));
        End += text.Length;
    }

    /// <summary>Nobody needs what is before <paramref name="position"/> any more.</summary>
    internal void Release(long position)
    {
        var released = (int)(Math.Clamp(position, Start, End) - Start);
        Start += released;
        _first = Start == End ? 0 : _first + released;
    }

    /// <summary>The text of [<paramref name="from"/>, <paramref name="to"/>), which must be here; good until the next call of <see cref="Append"/>.</summary>
    internal ReadOnlySpan<char> Span(long from, long to) => _buffer.AsSpan(_first, Length)[checked((int)(from - Start))..checked((int)(to - Start))];

    private void MakeRoom(int needed)
    {
        var text = _buffer.AsSpan(_first, Length);
        if (needed > _buffer.Length / 2 && _buffer.Length < _maxCapacity)
        {
            _buffer = GC.AllocateUninitializedArray<char>((int)Math.Min(_maxCapacity, Math.Max(2L * needed, FirstCapacityChars)));
        }

        text.CopyTo(_buffer);
        _first = 0;
    }
}
