// What the local APIC sends, to whom, and what it logs as an error: SDM volume 3A, "Issuing Interprocessor Interrupts" and "Error Handling".
//
// A message is sent at once. This APIC looks whether it is addressed itself; there is nobody else yet. Called with the lock held.

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    private void Send(Icr icr)
    {
        if (icr.Mode == DeliveryMode.LowestPriority)
        {
            LogError(ApicErrors.RedirectableIpi);
            return;
        }

        // The message goes out all the same; who receives it logs an error of its own.
        if (icr.Mode == DeliveryMode.Fixed && icr.Vector < LocalApicLimits.FirstVector)
        {
            LogError(ApicErrors.SendIllegalVector);
        }

        // A level-triggered message that is not asserted says nothing; an asserted one is sent as an edge.
        if (!IsAddressed(icr) || (icr.LevelTriggered && !icr.Assert))
        {
            return;
        }

        if (icr.Mode == DeliveryMode.Fixed)
        {
            AcceptFixed(icr.Vector, levelTriggered: false);
        }
        else if (icr.Mode == DeliveryMode.Nmi)
        {
            RaiseNonMaskable();
        }
    }

    private bool IsAddressed(Icr icr) => icr.Shorthand switch
    {
        DestinationShorthand.Self or DestinationShorthand.AllIncludingSelf => true,
        DestinationShorthand.AllExcludingSelf => false,
        _ when icr.Destination == LocalApicLimits.BroadcastId => true,
        _ => icr.LogicalDestination ? MatchesLogical(icr.Destination) : _id >> LocalApicLimits.IdShift == icr.Destination,
    };

    private bool MatchesLogical(byte destination)
    {
        var logical = _logicalDestination >> LocalApicLimits.IdShift;
        return (_destinationFormat >> 28) switch
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
