namespace HvRunner.Chipset.Tests.Apic;

/// <summary>An interrupt on its way: destination of eight bits or, wide, of thirty-two.</summary>
internal sealed record ReferenceMessage(int Mode, int Vector, bool Level, uint Destination, bool Wide, bool Logical, int Shorthand, bool Lowest);

/// <summary>One pin of the reference's IO-APIC: the 82093AA's words, field by field.</summary>
internal sealed class ReferencePin
{
    public uint Low { get; set; } = 0x10000;

    public uint High { get; set; }

    public bool RemoteIrr { get; set; }

    public bool Wire { get; set; }

    public bool WasActive { get; set; }

    public bool WasExternal { get; set; }

    public int Mode => (int)(Low >> 8) & 7;

    public bool IsMasked => (Low & 0x10000) != 0;

    public bool IsLevel => (Low & 0x8000) != 0 && Mode <= 1;

    public bool IsActive => Wire == ((Low & 0x2000) == 0);

    public bool IsExternal => IsActive && Mode == 7 && !IsMasked;
}

/// <summary>Local APICs and an IO-APIC, from the rules: who is addressed, who of them has the lowest priority, what an EOI does to a pin.</summary>
internal sealed class ReferenceInterrupts
{
    private int _turn;

    public ReferenceInterrupts(int processors)
    {
        Apics = [.. Enumerable.Range(0, processors).Select(id => new ReferenceLocalApic(id))];
        Pins = [.. Enumerable.Range(0, 24).Select(_ => new ReferencePin())];
    }

    public ReferenceLocalApic[] Apics { get; }

    public ReferencePin[] Pins { get; }

    public int Broadcasts { get; private set; }

    public int Raises { get; private set; }

    public void SendIpi(int sender)
    {
        var apic = Apics[sender];
        Send(sender, apic.CommandLow, apic.Mode == 2 ? apic.CommandHigh : apic.CommandHigh >> 24, apic.Mode == 2);
    }

    public void SendToSelf(int sender, int vector) => Send(sender, 0x4_0000u | (uint)vector, 0, wide: true);

    public void SendMsi(ulong address, uint data)
    {
        var mode = (int)(data >> 8) & 7;
        var level = (data & 0x8000) != 0;
        if (address >> 20 != 0xfee || mode is 3 or 6 || (level && (data & 0x4000) == 0))
        {
            return;
        }

        var lowest = mode == 1 || (mode == 0 && (address & 8) != 0);
        Deliver(new ReferenceMessage(mode, (int)(data & 0xff), level, (uint)(address >> 12) & 0xff, false, (address & 4) != 0, 0, lowest), sender: -1);
    }

    public void EndOfInterrupt(int processor)
    {
        var vector = Apics[processor].EndOfInterrupt();
        if (vector >= 0)
        {
            Broadcasts++;
            EndAtPins(vector);
        }
    }

    public void EndAtPins(int vector)
    {
        foreach (var pin in Pins)
        {
            if (pin.RemoteIrr && (pin.Low & 0xff) == vector)
            {
                pin.RemoteIrr = false;
                LookAt(pin);
            }
        }
    }

    public void WritePin(int number, bool high, uint value)
    {
        var pin = Pins[number];
        if (high)
        {
            pin.High = value & 0xff00_0000;
        }
        else
        {
            pin.Low = value & 0x1_afff;
            pin.RemoteIrr &= pin.IsLevel;
        }

        LookAt(pin);
    }

    public void DrivePin(int number, bool up)
    {
        if (Pins[number].Wire != up)
        {
            Pins[number].Wire = up;
            LookAt(Pins[number]);
        }
    }

    private void Send(int sender, uint low, uint destination, bool wide)
    {
        var mode = (int)(low >> 8) & 7;
        if (mode <= 1 && (low & 0xff) < 16)
        {
            Apics[sender].DetectError(0x20);
        }

        // De-asserted levels and remote reads reach nobody.
        if ((low & 0xc000) != 0x8000 && mode != 3)
        {
            Deliver(new ReferenceMessage(mode, (int)(low & 0xff), false, destination, wide, (low & 0x800) != 0, (int)(low >> 18) & 3, mode == 1), sender);
        }
    }

    private bool Deliver(ReferenceMessage message, int sender)
    {
        var addressed = new List<int>();
        for (var i = 0; i < Apics.Length; i++)
        {
            if (Apics[i].IsAddressed(message, i == sender))
            {
                addressed.Add(i);
            }
        }

        if (message.Lowest)
        {
            addressed.RemoveAll(i => !Apics[i].CanAccept);
            if (addressed.Count == 0)
            {
                return false;
            }

            // Of those with the lowest priority, the first at or behind the turn.
            var lowest = addressed.Min(i => Apics[i].ProcessorPriority);
            addressed.RemoveAll(i => Apics[i].ProcessorPriority != lowest);
            var chosen = addressed.Exists(i => i >= _turn) ? addressed.Find(i => i >= _turn) : addressed[0];
            _turn = (chosen + 1) % Apics.Length;
            addressed = [chosen];
        }

        var taken = false;
        foreach (var i in addressed)
        {
            taken |= Apics[i].Receive(message);
        }

        return taken;
    }

    private void LookAt(ReferencePin pin)
    {
        var rose = pin.Mode == 7 ? pin.IsExternal && !pin.WasExternal : pin.IsActive && !pin.WasActive;
        pin.WasActive = pin.IsActive;
        pin.WasExternal = pin.IsExternal;
        if (pin.IsMasked || (pin.IsLevel ? !pin.IsActive || pin.RemoteIrr : !rose))
        {
            return;
        }

        Raises++;
        var taken = pin.Mode is not (3 or 6) && Deliver(
            new ReferenceMessage(pin.Mode, (int)(pin.Low & 0xff), pin.IsLevel, pin.High >> 24, false, (pin.Low & 0x800) != 0, 0, pin.Mode == 1), sender: -1);
        pin.RemoteIrr = taken && pin.IsLevel;
    }
}
