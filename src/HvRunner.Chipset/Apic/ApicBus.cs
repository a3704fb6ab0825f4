// What joins the local APICs of a machine: IPIs and MSIs on their way to those they address, EOIs on theirs to the IO-APICs. SDM volume 3A,
// "Issuing Interprocessor Interrupts", "Message Signalled Interrupts" and "Determining IPI Destination".
//
// Each local APIC is asked in turn whether it is addressed and takes the message under its own lock; no two locks of APICs are ever held at once, and a
// sender has left its own. An IO-APIC sends with its lock held and is told of an EOI with none, so the order is IO-APIC, then local APIC.
//
// Lowest priority: the one with the lowest PPR among those addressed that are software-enabled; among equals the turn goes round, starting behind
// the last that was chosen. The same messages in the same order reach the same processors.
//
// Threats: a guest may switch off what was chosen before it takes the message; then nobody does, as if it had been switched off a moment later.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>
/// The bus of the local APICs. They attach themselves in their constructors and IO-APICs are connected, all before the first vCPU runs; from then on
/// every member may be called from any thread and allocates nothing.
/// </summary>
public sealed class ApicBus : IMsiTarget, IEndOfInterruptSink, IStateful
{
    private const string Name = "apic-bus";
    private const byte StateVersion = 1;

    // Wiring.
    private LocalApic[] _apics = [];
    private IEndOfInterruptSink[] _ioApics = [];

    // Volatile state.
    private volatile int _turn;

    /// <summary>An IO-APIC hears the EOIs of level-triggered interrupts from now on.</summary>
    public void Connect(IEndOfInterruptSink ioApic) => _ioApics = [.. _ioApics, ioApic];

    /// <inheritdoc/>
    public bool Send(MsiMessage message) => InterruptMessage.TryParse(message, out var parsed) && Send(parsed, sender: null);

    /// <inheritdoc/>
    public void EndOfInterrupt(byte vector)
    {
        foreach (var ioApic in _ioApics)
        {
            ioApic.EndOfInterrupt(vector);
        }
    }

    /// <inheritdoc/>
    public void Reset() => _turn = 0;

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Begin(Name, StateVersion);
        writer.Byte((byte)_turn);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Begin(Name, StateVersion);
        var turn = reader.Byte();
        if (turn != 0 && turn >= _apics.Length)
        {
            throw new StateFormatException($"saved state of the APIC bus gives the turn to number {turn} of {_apics.Length}");
        }

        _turn = turn;
    }

    internal void Attach(LocalApic apic) => _apics = [.. _apics, apic];

    /// <summary>True when at least one has taken it; with no APIC's lock held.</summary>
    internal bool Send(in InterruptMessage message, LocalApic? sender)
    {
        if (message.Arbitrated)
        {
            return SendToLowest(message, sender);
        }

        var taken = false;
        foreach (var apic in _apics)
        {
            taken |= apic.TryReceive(message, sender);
        }

        return taken;
    }

    private bool SendToLowest(in InterruptMessage message, LocalApic? sender)
    {
        var chosen = Arbitrate(message, sender);
        if (chosen < 0)
        {
            return false;
        }

        _turn = (chosen + 1) % _apics.Length;
        return _apics[chosen].TryReceive(message, sender);
    }

    /// <summary>The index of the one with the lowest priority, or -1 when nobody is addressed.</summary>
    private int Arbitrate(in InterruptMessage message, LocalApic? sender)
    {
        var (chosen, lowest) = (-1, int.MaxValue);
        var turn = _turn;
        for (var i = 0; i < _apics.Length; i++)
        {
            var index = (turn + i) % _apics.Length;
            var priority = _apics[index].ArbitrationPriority(message, sender);
            if (priority >= 0 && priority < lowest)
            {
                (chosen, lowest) = (index, priority);
            }
        }

        return chosen;
    }
}
