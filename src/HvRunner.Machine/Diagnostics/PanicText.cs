using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Diagnostics;

/// <summary>
/// Reads a Linux kernel's console for its last words. The line <c>Kernel panic - not syncing:</c>, behind bracketed prefixes at most (time stamp,
/// caller), decides the verdict; the line <c>---[ end Kernel panic</c> ends the run. Whatever else ends it earlier, the verdict stays.
/// Called with the console's bytes in order, by one thread at a time.
/// </summary>
internal sealed class PanicText(RunControl control, Action panicked)
{
    private const int MaxLineBytes = 512;

    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _length;

    private static ReadOnlySpan<byte> Panic => "Kernel panic - not syncing:"u8;

    private static ReadOnlySpan<byte> End => "---[ end Kernel panic"u8;

    internal void Feed(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (value is (byte)'\n' or (byte)'\r')
            {
                if (_length != 0)
                {
                    Judge(_line.AsSpan(0, _length));
                    _length = 0;
                }
            }
            else if (_length < MaxLineBytes)
            {
                _line[_length++] = value;
            }
        }
    }

    private void Judge(ReadOnlySpan<byte> line)
    {
        var text = WithoutPrefixes(line);
        if (text.StartsWith(Panic))
        {
            control.Decide(new Verdict(VerdictKind.Panic, PostMortemText.Printable(System.Text.Encoding.UTF8.GetString(text))));
            panicked();
        }
        else if (text.StartsWith(End))
        {
            control.End(new Verdict(VerdictKind.Panic, "the kernel's console says that it panicked"));
        }
    }

    private static ReadOnlySpan<byte> WithoutPrefixes(ReadOnlySpan<byte> line)
    {
        while (line.Length > 0 && line[0] == (byte)'[')
        {
            var end = line.IndexOf((byte)']');
            if (end < 0)
            {
                break;
            }

            line = line[(end + 1)..].TrimStart((byte)' ');
        }

        return line;
    }
}
