// Registers of the Motorola MC146818A real-time clock (data sheet of 1984), with its names, and the bytes that PC firmware keeps in
// its RAM.

namespace HvRunner.Chipset.Rtc;

/// <summary>Indices of the registers and of the RAM behind them.</summary>
internal static class RtcRegister
{
    public const byte Seconds = 0x00;
    public const byte SecondsAlarm = 0x01;
    public const byte Minutes = 0x02;
    public const byte MinutesAlarm = 0x03;
    public const byte Hours = 0x04;
    public const byte HoursAlarm = 0x05;
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

/// <summary>Register A, but for UIP, which is computed.</summary>
internal readonly record struct RegisterA(byte Value)
{
    public const byte UpdateInProgress = 0x80;
    public const byte PowerOn = 0x26;

    /// <summary>DV: the divider is held in reset, codes 6 and 7.</summary>
    public bool DividerInReset => (Value & 0x60) == 0x60;

    /// <summary>
    /// RS: the periodic interrupt's period in ticks of 32,768 Hz, 122 us to 500 ms; 0 for none. The codes 1 and 2 are 8 and 9 again (data sheet,
    /// table 5).
    /// </summary>
    public long PeriodTicks => (Value & 0x0f) switch { 0 => 0, var rate and < 3 => 1L << (rate + 6), var rate => 1L << (rate - 1) };
}

/// <summary>Register B.</summary>
internal readonly record struct RegisterB(byte Value)
{
    /// <summary>24-hour mode, BCD, no interrupts: what firmware leaves behind and Linux relies on.</summary>
    public static RegisterB PowerOn => new(0x02);

    /// <summary>Updates stop, so that the time can be set.</summary>
    public bool Set => (Value & 0x80) != 0;

    /// <summary>PIE, AIE and UIE, in the positions that register C has.</summary>
    public RegisterC Enabled => (RegisterC)Value & RegisterC.Sources;

    /// <summary>The value as it is stored: SET takes UIE down.</summary>
    public RegisterB Settled => Set ? new RegisterB((byte)(Value & ~(byte)RegisterC.UpdateEnded)) : this;

    /// <summary>The time registers are binary; else BCD.</summary>
    public bool Binary => (Value & 0x04) != 0;

    /// <summary>Hours run from 0 to 23; else from 1 to 12 with bit 7 for the afternoon.</summary>
    public bool Hours24 => (Value & 0x02) != 0;
}

/// <summary>Register C: why the clock interrupts. Reading it takes all down.</summary>
[Flags]
internal enum RegisterC : byte
{
    None = 0,
    UpdateEnded = 0x10,
    Alarm = 0x20,
    Periodic = 0x40,
    Sources = UpdateEnded | Alarm | Periodic,
    Request = 0x80,
}

/// <summary>Register D: the battery is good.</summary>
internal static class RegisterD
{
    public const byte ValidRamAndTime = 0x80;
}
