using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>
/// Puts a terminal into raw mode for the life of the object (termios(3)): every key goes to the guest as it is typed, Ctrl-C included.
/// Output processing stays on, so that a bare line feed of hvrun's own words still starts a line.
/// </summary>
public sealed unsafe class RawTerminal : IDisposable
{
    private readonly int _descriptor;
    private termios _saved;
    private int _restored;

    private RawTerminal(int descriptor, termios saved)
    {
        _descriptor = descriptor;
        _saved = saved;
    }

    /// <summary>True when <paramref name="descriptor"/> is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => Libc.isatty(descriptor) == 1;

    /// <summary>How many columns a terminal has; null when the descriptor is none or does not say.</summary>
    public static int? Columns(int descriptor)
    {
        winsize size;
        return Libc.ioctl(descriptor, TIOCGWINSZ, (nint)(&size)) == 0 && size.ws_col != 0 ? size.ws_col : null;
    }

    /// <summary>
    /// True when this process may read the terminal and change it: it is in the terminal's foreground, or the terminal is not the one that controls
    /// it. In the background either would stop the whole process (SIGTTIN, SIGTTOU).
    /// </summary>
    public static bool IsForeground(int descriptor)
    {
        var foreground = Libc.tcgetpgrp(descriptor);
        return foreground < 0 || foreground == Libc.getpgrp();
    }

    /// <summary>Switches the terminal to raw input; null when the descriptor is no terminal, or one that this process may not change.</summary>
    public static RawTerminal? TryEnter(int descriptor)
    {
        termios current;
        if (Libc.tcgetattr(descriptor, &current) != 0 || !IsForeground(descriptor))
        {
            return null;
        }

        var raw = current;
        raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        return Libc.tcsetattr(descriptor, TCSANOW, &raw) == 0 ? new RawTerminal(descriptor, current) : null;
    }

    /// <summary>
    /// Gives the terminal back as it was, at once: waiting until it has shown everything (TCSADRAIN) could wait for ever. Safe to call twice and from
    /// any thread.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _restored, 1) == 0)
        {
            fixed (termios* saved = &_saved)
            {
                _ = Libc.tcsetattr(_descriptor, TCSANOW, saved);
            }
        }
    }
}
