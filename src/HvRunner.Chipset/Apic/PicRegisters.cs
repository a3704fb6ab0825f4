// Command words of the Intel 8259A programmable interrupt controller (data sheet 231468), with its names and bit positions.

namespace HvRunner.Chipset.Apic;

/// <summary>ICW1: port 0 with bit 4 set.</summary>
internal readonly record struct Icw1(byte Value)
{
    /// <summary>No other chip: ICW3 is left out.</summary>
    public bool Single => (Value & 0x02) != 0;

    /// <summary>ICW4 follows; without it all its functions are off.</summary>
    public bool NeedsIcw4 => (Value & 0x01) != 0;

    public static bool Is(byte value) => (value & 0x10) != 0;
}

/// <summary>ICW4.</summary>
internal readonly record struct Icw4(byte Value)
{
    public const byte Defined = 0x1f;

    public bool SpecialFullyNested => (Value & 0x10) != 0;

    public bool AutomaticEoi => (Value & 0x02) != 0;
}

/// <summary>What OCW2 asks for: its bits R, SL and EOI.</summary>
internal enum PicCommand
{
    ClearRotateInAutomaticEoi = 0,
    NonSpecificEoi = 1,
    None = 2,
    SpecificEoi = 3,
    SetRotateInAutomaticEoi = 4,
    RotateOnNonSpecificEoi = 5,
    SetPriority = 6,
    RotateOnSpecificEoi = 7,
}

/// <summary>OCW2: port 0 with bits 4:3 clear.</summary>
internal readonly record struct Ocw2(byte Value)
{
    public PicCommand Command => (PicCommand)(Value >> 5);

    public int Level => Value & 7;
}

/// <summary>OCW3: port 0 with bits 4:3 = 01.</summary>
internal readonly record struct Ocw3(byte Value)
{
    /// <summary>ESMM: <see cref="SpecialMask"/> counts.</summary>
    public bool ChangesSpecialMask => (Value & 0x40) != 0;

    public bool SpecialMask => (Value & 0x20) != 0;

    public bool Poll => (Value & 0x04) != 0;

    /// <summary>RR: <see cref="SelectsIsr"/> counts.</summary>
    public bool SelectsRegister => (Value & 0x02) != 0;

    public bool SelectsIsr => (Value & 0x01) != 0;

    public static bool Is(byte value) => (value & 0x18) == 0x08;
}

/// <summary>Constants of the pair on a PC.</summary>
internal static class PicWiring
{
    public const int Lines = 16;
    public const int LinesPerChip = 8;

    /// <summary>The master's input that the slave's INT drives.</summary>
    public const int Cascade = 2;

    /// <summary>What a default (spurious) acknowledge yields.</summary>
    public const int DefaultLevel = 7;

    /// <summary>ELCR bits that exist: IRQ 0, 1 and 2 are always edge-triggered.</summary>
    public const byte MasterLevelMask = 0xf8;

    /// <summary>As <see cref="MasterLevelMask"/> for the slave: IRQ 8 and 13 are always edge-triggered.</summary>
    public const byte SlaveLevelMask = 0xde;
}
