namespace HvRunner.Testing.Console;

/// <summary>
/// An ANSI/VT escape sequence (ECMA-48, the VT500 family, Linux's palette commands) while it is being read. It tells what belongs to a sequence
/// and interprets nothing: no cursor, no colours, no screen. What is cut off or never ends is given up at a newline, at CAN or SUB, at a
/// character that no sequence has, or at a length: a guest cannot make its console fall silent.
/// </summary>
internal struct EscapeSequence
{
    /// <summary>What a control sequence may have behind its introducer.</summary>
    internal const int MaxControlChars = 256;

    /// <summary>What an operating system command, a device control string and their like may have.</summary>
    internal const int MaxStringChars = 4096;

    private const char Bell = '\a';
    private const char Cancel = '\u0018';
    private const char Substitute = '\u001a';
    private const char Escape = '\u001b';
    private const char Delete = '\u007f';
    private const int PaletteDigits = 7;

    private State _state;
    private int _length;

    private enum State
    {
        None,
        Escape,
        Intermediate,
        Control,
        CommandStart,
        Command,
        String,
        Palette,
    }

    /// <summary>Whether a sequence has begun and not ended.</summary>
    internal readonly bool IsOpen => _state != State.None;

    /// <summary>Begins a sequence where <paramref name="introducer"/> is ESC or a C1 control that has one; any other character begins nothing.</summary>
    internal void Begin(char introducer) => Enter(introducer switch
    {
        Escape => State.Escape,
        '\u009b' => State.Control,
        '\u009d' => State.CommandStart,
        '\u0090' or '\u0098' or '\u009e' or '\u009f' => State.String,
        _ => State.None,
    });

    /// <summary>The next character of an open sequence; false: it is none of the sequence, which has ended, but text or a control of its own.</summary>
    internal bool Takes(char next)
    {
        if (next == '\n')
        {
            _state = State.None;
            return false;
        }

        if (next is Cancel or Substitute or Escape or (> Delete and < '\u00a0'))
        {
            Begin(next);
            return true;
        }

        if (_length++ == Limit)
        {
            _state = State.None;
            return false;
        }

        return _state switch
        {
            State.Command => Continues(ends: next == Bell),
            State.String => true,
            State.Palette => char.IsAsciiHexDigit(next) ? Continues(ends: _length == PaletteDigits) : GivesUp(),
            State.CommandStart => TakesStartOfCommand(next),
            _ when next is < ' ' or Delete => true,
            _ when next > Delete => GivesUp(),
            State.Escape => TakesAfterEscape(next),
            State.Control => Continues(ends: next >= '@'),
            _ => Continues(ends: next >= '0'),
        };
    }

    private readonly int Limit => _state is State.CommandStart or State.Command or State.String ? MaxStringChars : MaxControlChars;

    private void Enter(State state)
    {
        _state = state;
        _length = 0;
    }

    private bool Continues(bool ends)
    {
        if (ends)
        {
            _state = State.None;
        }

        return true;
    }

    private bool GivesUp()
    {
        _state = State.None;
        return false;
    }

    private bool TakesAfterEscape(char next)
    {
        Enter(next switch
        {
            '[' => State.Control,
            ']' => State.CommandStart,
            'P' or 'X' or '^' or '_' => State.String,
            < '0' => State.Intermediate,
            _ => State.None,
        });
        return true;
    }

    // Linux ends neither ESC ] R nor ESC ] P and its seven digits with a terminator; no other command begins with these letters.
    private bool TakesStartOfCommand(char next)
    {
        switch (next)
        {
            case 'R' or Bell:
                _state = State.None;
                break;
            case 'P':
                Enter(State.Palette);
                break;
            default:
                _state = State.Command;
                break;
        }

        return true;
    }
}
