// The PM1 registers of ACPI's fixed hardware (ACPI 6.5, section 4.8.3), with its names and bit positions.

namespace HvRunner.Chipset.Power;

/// <summary>Register offsets from the block's base: the event registers PM1_STS and PM1_EN, then PM1_CNT.</summary>
internal static class Pm1Register
{
    public const int Status = 0;
    public const int Enable = 2;
    public const int Control = 4;
}

/// <summary>PM1 status, and with the same positions PM1 enable.</summary>
[Flags]
internal enum Pm1Events : ushort
{
    None = 0,

    /// <summary>TMR: the PM timer's highest bit has changed.</summary>
    Timer = 1 << 0,

    /// <summary>GBL: firmware wants the operating system's attention. Never here; only its enable is kept.</summary>
    Global = 1 << 5,

    /// <summary>PWRBTN: somebody has pressed the power button.</summary>
    PowerButton = 1 << 8,

    /// <summary>RTC: the clock's alarm wakes the machine. Never here, as it does not sleep; only its enable is kept, which Linux wants to read back.</summary>
    RealTimeClock = 1 << 10,

    Enabling = Timer | Global | PowerButton | RealTimeClock,
}

/// <summary>PM1 control.</summary>
internal readonly record struct Pm1Control(ushort Value)
{
    private const ushort SciEnableBit = 1 << 0;
    private const ushort BusMasterReloadBit = 1 << 1;
    private const ushort SleepTypeMask = 7 << 10;
    private const ushort SleepEnableBit = 1 << 13;
    private const ushort Kept = SciEnableBit | BusMasterReloadBit | SleepTypeMask;

    /// <summary>There is no legacy mode to switch from.</summary>
    public static Pm1Control PowerOn => new(SciEnableBit);

    /// <summary>SCI_EN: events raise SCI.</summary>
    public bool SciEnable => (Value & SciEnableBit) != 0;

    /// <summary>SLP_TYP.</summary>
    public int SleepType => (Value & SleepTypeMask) >> 10;

    /// <summary>SLP_EN: enter the sleep state. Write-only.</summary>
    public bool SleepEnable => (Value & SleepEnableBit) != 0;

    /// <summary>What is kept of a write and reads back.</summary>
    public Pm1Control Stored => new((ushort)(Value & Kept));
}
