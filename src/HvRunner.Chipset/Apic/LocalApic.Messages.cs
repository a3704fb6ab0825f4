// What the local APIC sends, what it takes of what others send, and what it logs as an error: SDM volume 3A, "Issuing Interprocessor Interrupts",
// "Determining IPI Destination" and "Error Handling".
//
// An IPI leaves when the lock has been left, through the bus or, where there is none, to this APIC alone. An IPI of lowest priority is arbitrated as
// any other message of that mode; a remote read is sent to nobody.

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    private uint PhysicalId => Mode == ApicMode.X2Apic ? _initialId : _id >> LocalApicLimits.IdShift;

    /// <summary>In x2APIC mode the logical id follows from the id: a cluster of sixteen, and a bit in it.</summary>
    private uint LogicalDestination => Mode == ApicMode.X2Apic ? ((uint)_initialId >> 4 << 16) | (1u << (_initialId & 0xf)) : _logicalDestination;

    /// <summary>Takes the message if it is for this APIC and its mode lets it. Any thread, with no lock of an APIC held.</summary>
    internal bool TryReceive(in InterruptMessage message, LocalApic? sender)
    {
        bool taken;
        Effects effects;
        lock (_lock)
        {
            taken = IsAddressed(message, sender) && Receive(message);
            effects = TakeEffects();
        }

        Emit(effects);
        return taken;
    }

    /// <summary>The PPR, or -1 when this APIC is not addressed or cannot take the message. Any thread, with no lock of an APIC held.</summary>
    internal int ArbitrationPriority(in InterruptMessage message, LocalApic? sender)
    {
        lock (_lock)
        {
            return CanAccept && IsAddressed(message, sender) ? ProcessorPriority : -1;
        }
    }

    private void Send(Icr icr)
    {
        // The message goes out all the same; who receives it logs an error of its own.
        if (icr.Mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority && icr.Vector < LocalApicLimits.FirstVector)
        {
            LogError(ApicErrors.SendIllegalVector);
        }

        // A level-triggered message that is not asserted says nothing; an asserted one is sent as an edge.
        if ((!icr.LevelTriggered || icr.Assert) && icr.Mode != DeliveryMode.RemoteRead)
        {
            _outgoing = InterruptMessage.Of(icr, Mode == ApicMode.X2Apic);
        }
    }

    private bool Receive(in InterruptMessage message)
    {
        if (!Enabled || (_initPending && message.Mode is not (DeliveryMode.Init or DeliveryMode.StartUp)))
        {
            return false;
        }

        switch (message.Mode)
        {
            case DeliveryMode.Fixed or DeliveryMode.LowestPriority:
                return AcceptFixed(message.Vector, message.LevelTriggered);
            case DeliveryMode.Nmi:
                RaiseNonMaskable();
                return true;
            case DeliveryMode.Smi:
                _systemManagementInterrupts++;
                return true;
            case DeliveryMode.Init:
                return AcceptInit();
            case DeliveryMode.StartUp:
                return AcceptStartUp(message.Vector);
            case DeliveryMode.ExtInt when _acknowledge is not null && _spuriousVector.SoftwareEnabled:
                _externalMessage = true;
                _wake = true;
                return true;
            default:
                return false;
        }
    }

    private bool IsAddressed(in InterruptMessage message, LocalApic? sender) => message.Shorthand switch
    {
        DestinationShorthand.Self => sender == this,
        DestinationShorthand.AllIncludingSelf => true,
        DestinationShorthand.AllExcludingSelf => sender != this,
        _ when message.Broadcast => true,
        _ => message.Logical ? MatchesLogical(message.Destination) : PhysicalId == message.Destination,
    };

    private bool MatchesLogical(uint destination)
    {
        if (Mode == ApicMode.X2Apic)
        {
            return LogicalDestination >> 16 == destination >> 16 && (LogicalDestination & destination & 0xffff) != 0;
        }

        var logical = _logicalDestination >> LocalApicLimits.IdShift;
        return destination <= LocalApicLimits.BroadcastId && (_destinationFormat >> 28) switch
        {
            0xf => (logical & destination) != 0,
            0x0 => logical >> 4 == destination >> 4 && (logical & destination & 0xf) != 0,
            _ => false,
        };
    }

    private void LogError(ApicErrors error)
    {
        if ((_loggedErrors & error) != 0)
        {
            return;
        }

        _loggedErrors |= error;
        var entry = _lvt[(int)LvtIndex.Error];
        if (entry.Masked)
        {
            return;
        }

        if (entry.Vector < LocalApicLimits.FirstVector)
        {
            _loggedErrors |= ApicErrors.ReceiveIllegalVector;
        }
        else
        {
            AcceptFixed(entry.Vector, levelTriggered: false);
        }
    }
}
