// Registers of the Motorola MC146818A real-time clock (data sheet of 1984), with its names, and the bytes that PC firmware keeps in
// its RAM.

namespace HvRunner.Chipset.Rtc;

/// <summary>Indices of the registers and of the RAM behind them.</summary>
internal static class RtcRegister
{
    public const byte Seconds = 0x00;
    public const byte Minutes = 0x02;
    public const byte Hours = 0x04;
    public const byte DayOfWeek = 0x06;
    public const byte DayOfMonth = 0x07;
    public const byte Month = 0x08;
    public const byte Year = 0x09;
    public const byte A = 0x0a;
    public const byte B = 0x0b;
    public const byte C = 0x0c;
    public const byte D = 0x0d;

    public const byte Equipment = 0x14;
    public const byte BaseMemoryKiB = 0x15;
    public const byte ExtendedMemoryKiB = 0x17;
    public const byte ChecksumFirst = 0x10;
    public const byte ChecksumLast = 0x2d;
    public const byte Checksum = 0x2e;
    public const byte ExtendedMemoryFoundKiB = 0x30;
    public const byte Century = 0x32;
    public const byte MemoryAbove16MInUnits = 0x34;
    public const byte MemoryAbove4GInUnits = 0x5b;
    public const int Count = 128;
}

/// <summary>Register A: UIP is computed, the divider and rate are only stored.</summary>
internal static class RegisterA
{
    public const byte UpdateInProgress = 0x80;
    public const byte PowerOn = 0x26;
}

/// <summary>Register B.</summary>
internal readonly record struct RegisterB(byte Value)
{
    /// <summary>24-hour mode, BCD, no interrupts: what firmware leaves behind and Linux relies on.</summary>
    public static RegisterB PowerOn => new(0x02);

    /// <summary>Updates stop, so that the time can be set.</summary>
    public bool Set => (Value & 0x80) != 0;

    /// <summary>The time registers are binary; else BCD.</summary>
    public bool Binary => (Value & 0x04) != 0;

    /// <summary>Hours run from 0 to 23; else from 1 to 12 with bit 7 for the afternoon.</summary>
    public bool Hours24 => (Value & 0x02) != 0;
}

/// <summary>Register D: the battery is good.</summary>
internal static class RegisterD
{
    public const byte ValidRamAndTime = 0x80;
}
