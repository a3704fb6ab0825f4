namespace HvRunner.Cli;

/// <summary>
/// The keys that hvrun itself takes from a terminal: Ctrl-A x ends the machine, Ctrl-A h shows the keys, Ctrl-A Ctrl-A sends one Ctrl-A.
/// Everything else goes to the guest, Ctrl-C included. Used by the input thread alone.
/// </summary>
/// <param name="interrupt">Ends the machine, told why.</param>
internal sealed class EscapeKeys(Action<string> interrupt)
{
    private const byte ControlA = 1;

    private readonly byte[] _passed = new byte[8192];
    private bool _escaped;

    /// <summary>What of the input the guest gets; valid until the next call.</summary>
    internal ReadOnlySpan<byte> Filter(ReadOnlySpan<byte> input)
    {
        var count = 0;
        foreach (var key in input)
        {
            if (!_escaped)
            {
                _escaped = key == ControlA;
                if (!_escaped)
                {
                    _passed[count++] = key;
                }

                continue;
            }

            _escaped = false;
            switch (key)
            {
                case (byte)'x' or (byte)'X':
                    interrupt("ended from the keyboard with Ctrl-A x");
                    break;
                case (byte)'h' or (byte)'H' or (byte)'?':
                    StandardError.Words.Write("\nhvrun: Ctrl-A x ends the machine, Ctrl-A h shows this, Ctrl-A Ctrl-A sends Ctrl-A; all other keys go to the guest\n");
                    break;
                case ControlA:
                    _passed[count++] = key;
                    break;
                default:
                    _passed[count++] = ControlA;
                    _passed[count++] = key;
                    break;
            }
        }

        return _passed.AsSpan(0, count);
    }
}
