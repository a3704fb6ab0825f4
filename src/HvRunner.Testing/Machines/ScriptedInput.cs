using HvRunner.Chipset.Serial;

namespace HvRunner.Testing.Machines;

/// <summary>
/// What a test types on a guest's console. On real time it comes as soon as the guest takes it. With a virtual clock it comes one byte at a time, when
/// the guest waits for input and the test has seen all that the guest said until then; so which instruction sees a byte depends on the guest and
/// on the test's words alone.
/// </summary>
/// <param name="feed">The guest's output, whose reader decides what is typed.</param>
/// <param name="isPulled">For a virtual clock.</param>
internal sealed class ScriptedInput(ConsoleFeed feed, bool isPulled) : ISerialInput
{
    private readonly Lock _gate = new();
    private readonly Queue<byte> _queue = new();
    private bool _isDue;
    private volatile bool _isHeld;
    private volatile Machine.Machine? _machine;

    /// <summary>Input may be taken from now on.</summary>
    internal void Connect(Machine.Machine machine)
    {
        _machine = machine;
        if (!isPulled)
        {
            machine.InputReady();
        }
    }

    /// <summary>Types. Any thread.</summary>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            foreach (var value in bytes)
            {
                _queue.Enqueue(value);
            }
        }

        if (!isPulled)
        {
            _machine?.InputReady();
        }
    }

    /// <summary>
    /// While it is set, the test lets time pass before it goes on, and may type then: a guest of a virtual clock that wants input waits for it as for a slow
    /// typist, and is not found halted. Any thread.
    /// </summary>
    internal bool IsHeld
    {
        set => _isHeld = value;
    }

    /// <summary>The guest of a virtual clock sleeps with nothing to do: gives it the next byte, if it takes one. False when there is none.</summary>
    internal bool Idle()
    {
        if (_machine is not { WantsInput: true } machine || !Fetch(machine))
        {
            return false;
        }

        machine.InputReady();
        return true;
    }

    /// <inheritdoc/>
    public void Polled()
    {
        if (isPulled && _machine is { } machine)
        {
            Fetch(machine);
        }
    }

    /// <inheritdoc/>
    public int Read(Span<byte> destination)
    {
        lock (_gate)
        {
            var count = Math.Min(isPulled ? (_isDue ? 1 : 0) : destination.Length, Math.Min(destination.Length, _queue.Count));
            for (var i = 0; i < count; i++)
            {
                destination[i] = _queue.Dequeue();
            }

            _isDue &= count == 0;
            return count;
        }
    }

    private bool HasBytes
    {
        get
        {
            lock (_gate)
            {
                return _queue.Count != 0;
            }
        }
    }

    /// <summary>Makes the next byte due, once the test has had its say.</summary>
    private bool Fetch(Machine.Machine machine)
    {
        if (!_isDue && feed.WaitForReader(machine.MayWait, () => !_isHeld || HasBytes))
        {
            lock (_gate)
            {
                _isDue = _queue.Count != 0;
            }
        }

        return _isDue;
    }
}
