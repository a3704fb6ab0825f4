// Registers of the IA-PC HPET (specification 1.0a, section 2.3), with its names and bit positions. All are 64 bits wide.

namespace HvRunner.Chipset.Timers;

/// <summary>Register offsets from the block's base.</summary>
internal static class HpetRegister
{
    public const ulong Capabilities = 0x000;
    public const ulong Configuration = 0x010;
    public const ulong InterruptStatus = 0x020;
    public const ulong MainCounter = 0x0f0;
    public const ulong FirstTimer = 0x100;
    public const ulong TimerStride = 0x20;

    // Within a timer.
    public const ulong TimerConfiguration = 0x00;
    public const ulong TimerComparator = 0x08;
}

/// <summary>General capabilities and ID (GCAP_ID), the lower half: what the ACPI table HPET repeats.</summary>
internal static class HpetCapabilities
{
    public const uint Revision = 0x01;
    public const uint Counter64Bit = 1 << 13;
    public const uint LegacyReplacement = 1 << 15;
    public const int LastTimerShift = 8;
    public const int VendorShift = 16;
    public const uint Vendor = 0x8086;
}

/// <summary>General configuration (GEN_CONF).</summary>
[Flags]
internal enum HpetConfiguration : byte
{
    None = 0,

    /// <summary>ENABLE_CNF: the main counter runs and timers may interrupt.</summary>
    Enable = 0x01,

    /// <summary>LEG_RT_CNF: timer 0 in place of the 8254, timer 1 in place of the clock.</summary>
    LegacyReplacement = 0x02,

    Writable = Enable | LegacyReplacement,
}

/// <summary>Timer configuration and capabilities (Tn_CONF_CAP), the lower half.</summary>
internal readonly record struct HpetTimerConfiguration(uint Value)
{
    public const uint PeriodicCapable = 1 << 4;
    public const uint Size64Capable = 1 << 5;

    private const uint LevelBit = 1 << 1;
    private const uint EnableBit = 1 << 2;
    private const uint PeriodicBit = 1 << 3;
    private const uint SetValueBit = 1 << 6;
    private const uint Mode32Bit = 1 << 8;
    private const int RouteShift = 9;
    private const uint RouteMask = 0x1f;

    /// <summary>INT_TYPE: the interrupt is level-triggered.</summary>
    public bool Level => (Value & LevelBit) != 0;

    /// <summary>INT_ENB: matches interrupt.</summary>
    public bool Enabled => (Value & EnableBit) != 0;

    /// <summary>TYPE: each match moves the comparator on by the period.</summary>
    public bool Periodic => (Value & PeriodicBit) != 0;

    /// <summary>VAL_SET: in what is written, the next write of the comparator reaches it in periodic mode too. Reads 0.</summary>
    public bool SetsValue => (Value & SetValueBit) != 0;

    /// <summary>32MODE: comparator and comparison have 32 bits.</summary>
    public bool Is32Bit => (Value & Mode32Bit) != 0;

    /// <summary>INT_ROUTE: the IO-APIC's pin.</summary>
    public int Route => (int)((Value >> RouteShift) & RouteMask);

    /// <summary>What a guest's write leaves: a pin that is not offered is not taken, so that it reads back as it was.</summary>
    public HpetTimerConfiguration Take(uint written, uint offeredRoutes)
    {
        var taken = written & (LevelBit | EnableBit | PeriodicBit | Mode32Bit);
        var route = new HpetTimerConfiguration(written).Route;
        var kept = (offeredRoutes & (1u << route)) != 0 ? route : Route;
        return new HpetTimerConfiguration(taken | ((uint)kept << RouteShift));
    }
}
