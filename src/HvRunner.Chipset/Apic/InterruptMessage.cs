// What travels between interrupt controllers: SDM volume 3A, "Interrupt Command Register" and "Message Signalled Interrupts".
//
// The sender says how wide its destination is: 0xff reaches everybody when it comes from eight bits, and 0xffffffff from thirty-two. Nobody has
// an APIC id above 254, so an MSI's extended destinations (bits 11:5 of its address, a paravirtual feature, and the upper half) are not there:
// the former are reserved and ignored, the latter names another address and nobody.
//
// Deviations: an MSI's logical bit counts without its redirection hint too, as operating systems rely on; the hint asks for arbitration.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>One interrupt on its way to the local APICs. It is asserted; one that is not is never sent.</summary>
internal readonly record struct InterruptMessage
{
    private const uint MsiWindow = 0xfee;

    public DeliveryMode Mode { get; private init; }

    public byte Vector { get; private init; }

    public bool LevelTriggered { get; private init; }

    public uint Destination { get; private init; }

    public bool Logical { get; private init; }

    public bool Broadcast { get; private init; }

    public DestinationShorthand Shorthand { get; private init; }

    /// <summary>One of those addressed gets it, instead of all.</summary>
    public bool Arbitrated { get; private init; }

    /// <summary>An IPI. It is an edge: the trigger bit means something to the de-asserting INIT alone, which nobody heeds any more.</summary>
    public static InterruptMessage Of(Icr icr, bool x2Apic) => new()
    {
        Mode = icr.Mode,
        Vector = icr.Vector,
        Destination = x2Apic ? icr.High : icr.High >> LocalApicLimits.IdShift,
        Logical = icr.LogicalDestination,
        Broadcast = x2Apic ? icr.High == uint.MaxValue : icr.High >> LocalApicLimits.IdShift == LocalApicLimits.BroadcastId,
        Shorthand = icr.Shorthand,
        Arbitrated = icr.Mode == DeliveryMode.LowestPriority,
    };

    /// <summary>An MSI; false when it goes nowhere: another address, a level that is not asserted, a mode that no device can ask for.</summary>
    public static bool TryParse(MsiMessage msi, out InterruptMessage message)
    {
        var mode = (DeliveryMode)((msi.Data >> 8) & 7);
        var level = (msi.Data & 0x8000) != 0;
        var destination = (uint)(msi.Address >> 12) & 0xff;
        message = new InterruptMessage
        {
            Mode = mode,
            Vector = (byte)msi.Data,
            LevelTriggered = level,
            Destination = destination,
            Logical = (msi.Address & 4) != 0,
            Broadcast = destination == LocalApicLimits.BroadcastId,
            Arbitrated = mode == DeliveryMode.LowestPriority || (mode == DeliveryMode.Fixed && (msi.Address & 8) != 0),
        };
        return msi.Address >> 20 == MsiWindow && (!level || (msi.Data & 0x4000) != 0) && mode is not (DeliveryMode.RemoteRead or DeliveryMode.StartUp);
    }
}
