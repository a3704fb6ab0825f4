using System.Text;
using HvRunner.Host;
using Microsoft.Win32.SafeHandles;

namespace HvRunner.Cli;

/// <summary>
/// Standard error for hvrun's own words, without the BCL's console, which would wait for ever for a reader that stalls, throw when nobody reads,
/// and write control sequences to a terminal on standard output. A reader that stalls is waited for until the run has to end
/// (<see cref="Hurry"/>), and a moment more; what cannot be written is dropped, since there is nobody left to tell. Lines go out whole.
/// </summary>
internal sealed class StandardError : TextWriter
{
    private const long GraceMs = 300;

    private static readonly List<SafeFileHandle> Occupied = [];
    private static long s_deadlineMs = long.MaxValue;

    private readonly Lock _gate = new();
    private readonly StringBuilder _line = new();

    private StandardError()
    {
        NewLine = "\n";
    }

    /// <summary>The only one.</summary>
    internal static StandardError Words { get; } = new();

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>
    /// To be called before any file is opened: standard streams that the caller closed become /dev/null. Otherwise the next file that hvrun opens, the
    /// kernel say, would get the number of one and be read as the console's input.
    /// </summary>
    internal static void OccupyClosedStreams()
    {
        while (StandardStreams.AnyClosed())
        {
            try
            {
                Occupied.Add(File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite));
            }
            catch (IOException)
            {
                // A host without /dev/null: nothing can stand in.
                return;
            }
        }
    }

    /// <summary>The run has to end: from now on a reader that stalls is waited for 300 ms in all. Any thread.</summary>
    internal static void Hurry() => Interlocked.CompareExchange(ref s_deadlineMs, Environment.TickCount64 + GraceMs, long.MaxValue);

    /// <summary>Writes a last line without waiting for anything, for a process that ends at once.</summary>
    internal static void WriteNow(string line) => StandardStreams.TryWrite(StandardStreams.Error, Encoding.UTF8.GetBytes(line + "\n"), () => false);

    public override void Write(char value)
    {
        lock (_gate)
        {
            _line.Append(value);
            if (value == '\n')
            {
                Send();
            }
        }
    }

    public override void Write(string? value)
    {
        lock (_gate)
        {
            _line.Append(value);
            if (_line.Length > 0 && _line[^1] == '\n')
            {
                Send();
            }
        }
    }

    public override void WriteLine(string? value) => Write(value + "\n");

    public override void Flush()
    {
        lock (_gate)
        {
            Send();
        }
    }

    private void Send()
    {
        if (_line.Length != 0 && StandardStreams.IsGiven(StandardStreams.Error))
        {
            StandardStreams.TryWrite(StandardStreams.Error, Encoding.UTF8.GetBytes(_line.ToString()), MayWait);
        }

        _line.Clear();
    }

    private static bool MayWait() => Environment.TickCount64 < Volatile.Read(ref s_deadlineMs);
}
