// Registers of the local APIC: Intel SDM volume 3A, chapter "Advanced Programmable Interrupt Controller (APIC)", with its names and bit
// positions. Offsets are into the 4 KiB page; each register is 32 bits wide and 16 bytes from the next.

namespace HvRunner.Chipset.Apic;

/// <summary>Register offsets.</summary>
internal static class LocalApicRegister
{
    public const int Id = 0x020;
    public const int Version = 0x030;
    public const int TaskPriority = 0x080;
    public const int ArbitrationPriority = 0x090;
    public const int ProcessorPriority = 0x0a0;
    public const int EndOfInterrupt = 0x0b0;
    public const int RemoteRead = 0x0c0;
    public const int LogicalDestination = 0x0d0;
    public const int DestinationFormat = 0x0e0;
    public const int SpuriousVector = 0x0f0;
    public const int InService = 0x100;
    public const int TriggerMode = 0x180;
    public const int InterruptRequest = 0x200;
    public const int ErrorStatus = 0x280;
    public const int LvtCmci = 0x2f0;
    public const int InterruptCommandLow = 0x300;
    public const int InterruptCommandHigh = 0x310;
    public const int LvtFirst = 0x320;
    public const int LvtLast = 0x370;
    public const int InitialCount = 0x380;
    public const int CurrentCount = 0x390;
    public const int DivideConfiguration = 0x3e0;

    /// <summary>In x2APIC mode alone.</summary>
    public const int SelfIpi = 0x3f0;
}

/// <summary>Sizes and reset values.</summary>
internal static class LocalApicLimits
{
    /// <summary>Registers in each of ISR, TMR and IRR, times the distance between two.</summary>
    public const int VectorSetBytes = 0x80;

    /// <summary>Below it a vector is an exception's: illegal for a fixed interrupt.</summary>
    public const int FirstVector = 16;

    /// <summary>Integrated APIC, version 0x14, seven LVT entries, EOI broadcasts can be suppressed.</summary>
    public const uint Version = 0x0106_0014;

    public const ulong DefaultAddress = 0xfee0_0000;
    public const uint IdMask = 0xff00_0000;
    public const uint DestinationFormatOnes = 0x0fff_ffff;
    public const int IdShift = 24;
    public const byte BroadcastId = 0xff;
}

/// <summary>Entries of the local vector table, in the order of their registers; CMCI, which came later, stands before them.</summary>
internal enum LvtIndex
{
    Timer = 0,
    Thermal = 1,
    PerformanceCounters = 2,
    Lint0 = 3,
    Lint1 = 4,
    Error = 5,
    Cmci = 6,
    Count = 7,
}

/// <summary>Bits 10:8 of an LVT entry, the ICR or a message.</summary>
internal enum DeliveryMode
{
    Fixed = 0,
    LowestPriority = 1,
    Smi = 2,
    RemoteRead = 3,
    Nmi = 4,
    Init = 5,
    StartUp = 6,
    ExtInt = 7,
}

/// <summary>Bits 18:17 of the timer's LVT entry.</summary>
internal enum TimerMode
{
    OneShot = 0,
    Periodic = 1,
    TscDeadline = 2,
    Reserved = 3,
}

/// <summary>Bits 19:18 of the ICR.</summary>
internal enum DestinationShorthand
{
    None = 0,
    Self = 1,
    AllIncludingSelf = 2,
    AllExcludingSelf = 3,
}

/// <summary>One entry of the local vector table.</summary>
internal readonly record struct Lvt(uint Value)
{
    public const uint MaskBit = 0x1_0000;
    public const uint RemoteIrrBit = 0x4000;

    /// <summary>What power-on leaves in each entry.</summary>
    public static readonly Lvt PowerOn = new(MaskBit);

    /// <summary>Delivers what the 8259 has; also what LINT0 is while the APIC is switched off.</summary>
    public static readonly Lvt ExternalInterrupt = new((uint)DeliveryMode.ExtInt << 8);

    /// <summary>Delivers NMI; also what LINT1 is while the APIC is switched off.</summary>
    public static readonly Lvt NonMaskable = new((uint)DeliveryMode.Nmi << 8);

    public byte Vector => (byte)Value;

    public DeliveryMode Mode => (DeliveryMode)((Value >> 8) & 7);

    public bool ActiveLow => (Value & 0x2000) != 0;

    public bool RemoteIrr => (Value & RemoteIrrBit) != 0;

    public bool LevelTriggered => (Value & 0x8000) != 0;

    public bool Masked => (Value & MaskBit) != 0;

    public TimerMode TimerMode => (TimerMode)((Value >> 17) & 3);

    /// <summary>Delivery status, and remote IRR where there is one: writes leave them alone, in x2APIC mode too.</summary>
    public static uint ReadOnly(LvtIndex index) => index is LvtIndex.Lint0 or LvtIndex.Lint1 ? 0x5000u : 0x1000;

    public Lvt WithMask() => new(Value | MaskBit);

    public Lvt WithRemoteIrr(bool set) => new(set ? Value | RemoteIrrBit : Value & ~RemoteIrrBit);

    /// <summary>The bits that software may set. Delivery status (12) and remote IRR (14) are read-only, the rest is reserved.</summary>
    public static uint Writable(LvtIndex index, bool tscDeadline) => index switch
    {
        LvtIndex.Timer => tscDeadline ? 0x7_00ffu : 0x3_00ffu,
        LvtIndex.Lint0 or LvtIndex.Lint1 => 0x1_a7ff,
        LvtIndex.Error => 0x1_00ff,
        _ => 0x1_07ff,
    };
}

/// <summary>The spurious-interrupt vector register.</summary>
internal readonly record struct SpuriousVectorRegister(uint Value)
{
    public const uint EnableBit = 0x100;

    /// <summary>Vector, enable, focus, and whether EOI broadcasts are suppressed.</summary>
    public const uint Writable = 0x13ff;

    public static readonly SpuriousVectorRegister PowerOn = new(0xff);

    public bool SoftwareEnabled => (Value & EnableBit) != 0;

    /// <summary>Software ends level-triggered interrupts at the IO-APIC itself: "directed EOI".</summary>
    public bool SuppressesBroadcast => (Value & 0x1000) != 0;
}

/// <summary>The interrupt command register, both halves.</summary>
internal readonly record struct Icr(uint Low, uint High)
{
    /// <summary>Delivery status (12) is read-only and always idle: a message is sent at once.</summary>
    public const uint LowWritable = 0x000c_cfff;

    /// <summary>Bits of the one 64-bit register of x2APIC mode that must be 0.</summary>
    public const ulong X2ApicReserved = 0xfff3_2000;

    public byte Vector => (byte)Low;

    public DeliveryMode Mode => (DeliveryMode)((Low >> 8) & 7);

    public bool LogicalDestination => (Low & 0x800) != 0;

    public bool Assert => (Low & 0x4000) != 0;

    public bool LevelTriggered => (Low & 0x8000) != 0;

    public DestinationShorthand Shorthand => (DestinationShorthand)((Low >> 18) & 3);

    /// <summary>What the self-IPI register sends.</summary>
    public static Icr Self(byte vector) => new(((uint)DestinationShorthand.Self << 18) | 0x4000 | vector, 0);
}

/// <summary>The error status register.</summary>
[Flags]
internal enum ApicErrors : uint
{
    None = 0,
    SendIllegalVector = 0x20,
    ReceiveIllegalVector = 0x40,
    IllegalRegisterAddress = 0x80,
    Defined = 0xe0,
}

/// <summary>What bits 11 and 10 of IA32_APIC_BASE make of the APIC.</summary>
internal enum ApicMode
{
    Disabled = 0,
    Invalid = 1,
    XApic = 2,
    X2Apic = 3,
}

/// <summary>IA32_APIC_BASE, MSR 0x1b.</summary>
internal static class ApicBaseBits
{
    public const ulong Bootstrap = 0x100;
    public const ulong X2Apic = 0x400;
    public const ulong Enable = 0x800;
    public const ulong AddressLow = 0xfff;

    public static ApicMode Mode(ulong value) => (ApicMode)((value >> 10) & 3);

    /// <summary>x2APIC mode is entered from xAPIC mode and left by switching off; the APIC comes back on in xAPIC mode.</summary>
    public static bool CanChange(ApicMode from, ApicMode to) => (from, to) switch
    {
        (_, ApicMode.Invalid) => false,
        (ApicMode.X2Apic, ApicMode.XApic) => false,
        (ApicMode.Disabled, ApicMode.X2Apic) => false,
        _ => true,
    };
}
