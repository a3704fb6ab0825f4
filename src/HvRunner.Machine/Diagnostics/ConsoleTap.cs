using HvRunner.Chipset.Serial;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Diagnostics;

/// <summary>Reads along what the guest's console says, for the panic text, and passes everything on.</summary>
internal sealed class ConsoleTap : ISerialOutput
{
    private readonly ISerialOutput _next;
    private readonly PanicText? _panicText;
    private readonly Lock _gate = new();
    private int _panicked;

    /// <summary>With a <paramref name="control"/> the console is that of a kernel whose last words are known.</summary>
    internal ConsoleTap(ISerialOutput next, RunControl? control)
    {
        _next = next;
        _panicText = control is null ? null : new PanicText(control, () => Volatile.Write(ref _panicked, 1));
    }

    /// <summary>True when the console said that the kernel panicked; the end may still be to come.</summary>
    internal bool Panicked => Volatile.Read(ref _panicked) != 0;

    public void Write(ReadOnlySpan<byte> data)
    {
        // The words go out before they are judged: a verdict that they cause finds them written.
        _next.Write(data);
        if (_panicText is not null)
        {
            lock (_gate)
            {
                _panicText.Feed(data);
            }
        }
    }
}
