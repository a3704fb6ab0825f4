using HvRunner.Chipset.Serial;
using HvRunner.Host;

namespace HvRunner.Cli;

/// <summary>
/// Standard input for a guest with a virtual clock. No thread pushes bytes in: the guest gets the next one at the moment when it waits for it, because it sleeps or
/// polls with nothing in the port, and its time stands still until the host has it. So which instruction sees a byte depends on the guest alone,
/// however the bytes come in. The end of the input is final. One thread: the vCPU's.
/// </summary>
/// <param name="descriptor">Where bytes come from: a file or a pipe.</param>
internal sealed class PulledInput(int descriptor) : ISerialInput
{
    // How long an interruption may go unseen.
    private const int WaitMs = 20;

    private readonly byte[] _bytes = new byte[4096];
    private int _first;
    private int _count;
    private bool _ended;
    private bool _isDue;
    private Machine.Machine? _machine;

    /// <summary>Input may be waited for from now on; before, the guest gets none.</summary>
    internal void Connect(Machine.Machine machine) => _machine = machine;

    /// <summary>The guest sleeps with nothing to do: gives it the next byte, if it takes one. False when there is none.</summary>
    internal bool Idle()
    {
        if (_machine is not { WantsInput: true } machine || !Fetch())
        {
            return false;
        }

        machine.InputReady();
        return true;
    }

    /// <inheritdoc/>
    public void Polled() => Fetch();

    /// <inheritdoc/>
    public int Read(Span<byte> destination)
    {
        if (!_isDue || destination.IsEmpty)
        {
            return 0;
        }

        _isDue = false;
        destination[0] = _bytes[_first++];
        return 1;
    }

    /// <summary>Waits for the next byte, and makes it due. False at the end of the input or of the run.</summary>
    private bool Fetch()
    {
        while (!_isDue && !_ended && _machine?.MayWait() == true)
        {
            if (_first == _count)
            {
                var count = StandardStreams.TryRead(descriptor, _bytes, WaitMs);
                _first = 0;
                _count = Math.Max(0, count);
                _ended = count < 0;
            }

            _isDue = _first < _count;
        }

        return _isDue;
    }
}
