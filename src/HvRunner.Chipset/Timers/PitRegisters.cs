// Registers of the Intel 8254 programmable interval timer (data sheet 231164-005), with its names and bit positions.

namespace HvRunner.Chipset.Timers;

/// <summary>Register offsets from port 0x40.</summary>
internal static class PitRegister
{
    public const int Channels = 3;
    public const byte Control = 3;
}

/// <summary>How the two bytes of a count go over the data port: bits 5:4 of the control word.</summary>
internal enum PitAccess
{
    Latch = 0,
    Lsb = 1,
    Msb = 2,
    Word = 3,
}

/// <summary>The control word, port 0x43.</summary>
internal readonly record struct PitControlWord(byte Value)
{
    /// <summary>The channel; 3 makes it a read-back command.</summary>
    public int Channel => Value >> 6;

    public bool IsReadBack => Channel == PitRegister.Channels;

    public PitAccess Access => (PitAccess)((Value >> 4) & 3);

    /// <summary>0 to 5; the codes 6 and 7 are modes 2 and 3 again.</summary>
    public int Mode => ((Value >> 1) & 7) > 5 ? ((Value >> 1) & 3) : (Value >> 1) & 7;

    public bool Bcd => (Value & 1) != 0;

    /// <summary>What the status byte repeats: access, mode as it was written, BCD.</summary>
    public byte Programmed => (byte)(Value & 0x3f);
}

/// <summary>The read-back command: a control word with both channel bits set. Its count and status bits are active low.</summary>
internal readonly record struct PitReadBack(byte Value)
{
    public bool LatchCount => (Value & 0x20) == 0;

    public bool LatchStatus => (Value & 0x10) == 0;

    public bool Selects(int channel) => (Value & (2 << channel)) != 0;
}

/// <summary>The status byte that a read-back command latches.</summary>
internal static class PitStatus
{
    public const byte Out = 0x80;
    public const byte NullCount = 0x40;
}

/// <summary>Port 0x61, bits 3:0 writable.</summary>
[Flags]
internal enum PortB : byte
{
    None = 0,
    Gate2 = 0x01,
    Speaker = 0x02,
    ParityCheckDisable = 0x04,
    ChannelCheckDisable = 0x08,
    Writable = 0x0f,
    RefreshToggle = 0x10,
    Out2 = 0x20,
}
