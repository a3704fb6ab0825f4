// The local APIC's pins LINT0 and LINT1: SDM volume 3A, "Local Vector Table".
//
// ExtINT follows the level; NMI, SMI and INIT take the rising edge; fixed takes the edge, or on LINT0 the level: then remote IRR keeps it
// from being raised again before the EOI of the vector that was accepted. An edge that comes while the entry is masked is lost.
//
// A pin raises something when its wire moves, when its own entry is written and when an EOI clears its remote IRR, and at no other time: a
// held level with an illegal vector, which is never accepted, would else log the same error again with whatever else the guest does.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    private static bool IsLevelTriggered(LvtIndex index, Lvt entry) =>
        index == LvtIndex.Lint0 && entry is { Mode: DeliveryMode.Fixed, LevelTriggered: true };

    private bool PinHoldsExternal(int index) => _pins[index] is { Active: true, Entry: { Masked: false, Mode: DeliveryMode.ExtInt } };

    private bool PinCouldDeliver(int index)
    {
        var pin = _pins[index];
        var entry = pin.Entry;
        return pin.IsConnected && !entry.Masked && entry.Mode switch
        {
            DeliveryMode.ExtInt => _acknowledge is not null,
            DeliveryMode.Fixed => entry.Vector >= LocalApicLimits.FirstVector && IsAbovePriority(entry.Vector),
            _ => false,
        };
    }

    private bool PinCouldDeliverUnmaskable(int index) =>
        _pins[index] is { IsConnected: true, Entry: { Masked: false } entry } && (entry.Mode == DeliveryMode.Nmi || (entry.Mode == DeliveryMode.Init && _start is not null));

    private void EvaluatePins()
    {
        foreach (var pin in _pins)
        {
            Evaluate(pin);
        }
    }

    private void Evaluate(Pin pin)
    {
        var entry = pin.Entry;
        var active = pin.Level != entry.ActiveLow;
        var rose = active && !pin.Active;
        pin.Active = active;
        if (!active || entry.Masked)
        {
            return;
        }

        switch (entry.Mode)
        {
            case DeliveryMode.ExtInt:
                _wake = true;
                break;
            case DeliveryMode.Nmi when rose:
                RaiseNonMaskable();
                break;
            case DeliveryMode.Smi when rose:
                _systemManagementInterrupts++;
                break;
            case DeliveryMode.Init when rose:
                AcceptInit();
                break;
            case DeliveryMode.Fixed when IsLevelTriggered(pin.Index, entry):
                AcceptLevel(pin, entry);
                break;
            case DeliveryMode.Fixed when rose:
                AcceptFixed(entry.Vector, levelTriggered: false);
                break;
            default:
                break;
        }
    }

    private void AcceptLevel(Pin pin, Lvt entry)
    {
        if (entry.RemoteIrr)
        {
            return;
        }

        if (AcceptFixed(entry.Vector, levelTriggered: true))
        {
            pin.AcceptedVector = entry.Vector;
            _lvt[(int)pin.Index] = entry.WithRemoteIrr(true);
        }
    }

    private sealed class Pin(LocalApic apic, LvtIndex index) : IInterruptLine
    {
        public LvtIndex Index => index;

        /// <summary>Somebody holds the wire, so it may move.</summary>
        public bool IsConnected { get; private set; }

        /// <summary>The wire.</summary>
        public bool Level { get; set; }

        /// <summary>The wire, seen through the entry's polarity, when it was last looked at.</summary>
        public bool Active { get; set; }

        /// <summary>Whose EOI clears remote IRR.</summary>
        public byte AcceptedVector { get; set; }

        /// <summary>The pin's LVT entry; switched off, the pins are the processor's INTR and NMI.</summary>
        public Lvt Entry => apic.Enabled ? apic._lvt[(int)index] : index == LvtIndex.Lint0 ? Lvt.ExternalInterrupt : Lvt.NonMaskable;

        public Pin Connect()
        {
            IsConnected = true;
            return this;
        }

        public void Set(bool asserted)
        {
            Effects effects;
            lock (apic._lock)
            {
                if (asserted == Level)
                {
                    return;
                }

                Level = asserted;
                apic.Evaluate(this);
                effects = apic.TakeEffects();
            }

            apic.Emit(effects);
        }
    }
}
