using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Acpi;

/// <summary>What ACPI's tables say of a machine with fixed hardware: a description without any knowledge of the machine.</summary>
public sealed record AcpiDescription
{
    /// <summary>Processors and interrupt controllers.</summary>
    public required InterruptTopology Interrupts { get; init; }

    /// <summary>The registers of power management.</summary>
    public required AcpiFixedHardware FixedHardware { get; init; }

    /// <summary>The event timer block, or null.</summary>
    public HpetDescription? Hpet { get; init; }

    /// <summary>The devices of the DSDT that an operating system would not find by itself.</summary>
    public IReadOnlyList<AcpiDevice> Devices { get; init; } = [];
}

/// <summary>The fixed hardware registers and what the FADT says beside them (ACPI 6.5, sections 4.8.3 and 5.2.9). Addresses are ports.</summary>
public sealed record AcpiFixedHardware
{
    /// <summary>The system control interrupt, as an ISA interrupt; a level, so it wants an override.</summary>
    public required byte SciInterrupt { get; init; }

    /// <summary>PM1a_EVT_BLK, 4 ports.</summary>
    public required ushort Pm1aEventPort { get; init; }

    /// <summary>PM1a_CNT_BLK, 2 ports.</summary>
    public required ushort Pm1aControlPort { get; init; }

    /// <summary>PM_TMR_BLK, 4 ports.</summary>
    public required ushort PmTimerPort { get; init; }

    /// <summary>The PM timer has 32 bits; else 24.</summary>
    public required bool PmTimerIs32Bit { get; init; }

    /// <summary>RESET_REG, one port.</summary>
    public required ushort ResetPort { get; init; }

    /// <summary>What to write there.</summary>
    public required byte ResetValue { get; init; }

    /// <summary>SLP_TYP of S5, 0 to 7.</summary>
    public required byte SoftOffSleepType { get; init; }

    /// <summary>The CMOS clock's register of the century; 0 for none.</summary>
    public byte CenturyRegister { get; init; }

    /// <summary>There is an 8042.</summary>
    public bool HasKeyboardController { get; init; }
}

/// <summary>An event timer block.</summary>
/// <param name="BlockId">The lower half of its general capabilities register.</param>
/// <param name="Address">Where its registers are.</param>
/// <param name="MinimumTicks">The shortest period of a periodic timer that loses no interrupt, in ticks.</param>
public sealed record HpetDescription(uint BlockId, ulong Address, ushort MinimumTicks);

/// <summary>A device below \_SB of the DSDT.</summary>
/// <param name="Name">Its name: up to four letters, digits and underscores, no digit first.</param>
/// <param name="HardwareId">_HID: an EISA id such as "PNP0501", or an ACPI id such as "ACPI0007".</param>
/// <param name="Resources">_CRS.</param>
public sealed record AcpiDevice(string Name, string HardwareId, IReadOnlyList<AcpiResource> Resources)
{
    /// <summary>_UID; to be given where several devices have one hardware id.</summary>
    public byte? UniqueId { get; init; }
}

/// <summary>Something that a device occupies.</summary>
public abstract record AcpiResource;

/// <summary>Ports, all 16 address bits decoded.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
public sealed record AcpiPorts(ushort First, byte Count) : AcpiResource;

/// <summary>An ISA interrupt: an edge, active high, not shared.</summary>
/// <param name="Irq">0 to 15.</param>
public sealed record AcpiIrq(byte Irq) : AcpiResource;

/// <summary>Registers in memory below 4 GiB.</summary>
/// <param name="Address">The first.</param>
/// <param name="SizeBytes">How many bytes.</param>
public sealed record AcpiMemory(uint Address, uint SizeBytes) : AcpiResource;
