// Registers of the IO-APIC: Intel 82093AA data sheet, with its names and bit positions, and the EOI register of its successors.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>Offsets in memory, and indices behind the window.</summary>
internal static class IoApicRegister
{
    public const int Select = 0x00;
    public const int Window = 0x10;
    public const int EndOfInterrupt = 0x40;

    public const int Id = 0x00;
    public const int Version = 0x01;
    public const int ArbitrationId = 0x02;
    public const int FirstEntry = 0x10;

    /// <summary>Bits 27:24 of the id.</summary>
    public const uint IdMask = 0x0f00_0000;

    /// <summary>Version 0x20: there is an EOI register. Bits 23:16 are the last entry's number.</summary>
    public const uint VersionValue = 0x20 | ((IoApic.PinCount - 1) << 16);
}

/// <summary>What one pin sends, and when.</summary>
internal readonly record struct RedirectionEntry(ulong Value)
{
    private const ulong RemoteIrrBit = 0x4000;

    /// <summary>Vector, delivery mode, destination mode, polarity, trigger mode, mask; destination. Delivery status (12) is always idle, remote IRR (14) read-only.</summary>
    private const ulong Writable = 0xff00_0000_0001_afff;

    /// <summary>Masked.</summary>
    public static readonly RedirectionEntry PowerOn = new(0x1_0000);

    public byte Vector => (byte)Value;

    public DeliveryMode Mode => (DeliveryMode)((Value >> 8) & 7);

    public bool LogicalDestination => (Value & 0x800) != 0;

    public bool ActiveLow => (Value & 0x2000) != 0;

    public bool RemoteIrr => (Value & RemoteIrrBit) != 0;

    /// <summary>The trigger mode, for the two delivery modes that have it: the others are edges.</summary>
    public bool LevelTriggered => (Value & 0x8000) != 0 && Mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority;

    public bool Masked => (Value & 0x1_0000) != 0;

    public byte Destination => (byte)(Value >> 56);

    public RedirectionEntry WithRemoteIrr(bool set) => new(set ? Value | RemoteIrrBit : Value & ~RemoteIrrBit);

    /// <summary>After a write of one half. Remote IRR falls when the entry is no longer level-triggered: no EOI would ever clear it.</summary>
    public RedirectionEntry WithHalf(bool upper, uint value)
    {
        var written = upper ? (Value & uint.MaxValue) | ((ulong)value << 32) : (Value & ~(ulong)uint.MaxValue) | value;
        return Of((written & ~RemoteIrrBit) | (Value & RemoteIrrBit));
    }

    /// <summary>The entry without the bits that no entry can have.</summary>
    public static RedirectionEntry Of(ulong value)
    {
        var entry = new RedirectionEntry(value & (Writable | RemoteIrrBit));
        return entry.LevelTriggered ? entry : entry.WithRemoteIrr(false);
    }

    /// <summary>What the pin sends.</summary>
    public MsiMessage ToMessage() => new(
        0xfee0_0000 | ((ulong)Destination << 12) | (LogicalDestination ? 4ul : 0),
        Vector | ((uint)Mode << 8) | 0x4000 | (LevelTriggered ? 0x8000u : 0));
}
