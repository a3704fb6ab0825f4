using HvRunner.Chipset.Serial;

namespace HvRunner.Cli;

/// <summary>
/// Puts "guest: " before each line of the debug console, so that it can stand beside hvrun's own words on standard error. A line is passed on
/// when it ends, or when it grows beyond what is kept. Called on vCPU threads.
/// </summary>
internal sealed class GuestLines(ISerialOutput next) : ISerialOutput
{
    private const int MaxLineBytes = 4096;

    private readonly Lock _gate = new();
    private readonly byte[] _line = [.. Prefix, .. new byte[MaxLineBytes + 1]];
    private int _length = Prefix.Length;

    private static ReadOnlySpan<byte> Prefix => "guest: "u8;

    public void Write(ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            lock (_gate)
            {
                if (value != (byte)'\n')
                {
                    _line[_length++] = value;
                }

                if (value == (byte)'\n' || _length == Prefix.Length + MaxLineBytes)
                {
                    End();
                }
            }
        }
    }

    /// <summary>Passes on a last line that was not ended.</summary>
    internal void Flush()
    {
        lock (_gate)
        {
            if (_length > Prefix.Length)
            {
                End();
            }
        }
    }

    private void End()
    {
        _line[_length++] = (byte)'\n';
        next.Write(_line.AsSpan(0, _length));
        _length = Prefix.Length;
    }
}
