using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;

namespace HvRunner.Machine;

/// <summary>Every fixed address and wire of the machine. Nothing else in the code carries one of these numbers.</summary>
public static class MachineLayout
{
    /// <summary>The smallest guest: below it a kernel at 1 MiB and its tables do not fit.</summary>
    public const ulong MinMemoryBytes = 16UL << 20;

    /// <summary>RAM below 4 GiB ends here at the latest: the hole behind it is for device registers.</summary>
    public const ulong LowMemoryEnd = 0xc000_0000;

    /// <summary>RAM that does not fit below the hole goes on here.</summary>
    public const ulong HighMemoryStart = 0x1_0000_0000;

    /// <summary>End of conventional memory in the memory map: the BIOS data area and the adapters' window follow.</summary>
    public const ulong ConventionalMemoryEnd = 0x9_fc00;

    /// <summary>RAM that a kernel may use goes on here.</summary>
    public const ulong ExtendedMemoryStart = 0x10_0000;

    /// <summary>ACPI's FACS, where there is ACPI: kept by the operating system.</summary>
    public static readonly GuestRange AcpiNonVolatile = new(new GuestAddress(0xe_0000), 0x1000);

    /// <summary>ACPI's tables, the RSDP first, where a search of the BIOS area finds it.</summary>
    public static readonly GuestRange AcpiTables = new(new GuestAddress(0xe_1000), 0xf000);

    /// <summary>The MP floating pointer and its table, where a search finds them.</summary>
    public static readonly GuestRange MpTable = new(new GuestAddress(0xf_0000), 0x1_0000);

    /// <summary>The IO-APIC's registers.</summary>
    public const uint IoApicAddress = 0xfec0_0000;

    /// <summary>Event timer block, 1 KiB; where there is ACPI.</summary>
    public const uint HpetAddress = 0xfed0_0000;

    /// <summary>The first IO-APIC pin that the event timers may choose; no other device has it or those behind it.</summary>
    public const int HpetFirstPin = 20;

    /// <summary>How many pins they may choose from.</summary>
    public const int HpetPins = 4;

    /// <summary>PM1 registers, 6 ports; where there is ACPI.</summary>
    public const ushort Pm1Port = 0xb000;

    /// <summary>ACPI's PM timer, 4 ports; where there is ACPI.</summary>
    public const ushort PmTimerPort = 0xb008;

    /// <summary>ACPI's system control interrupt.</summary>
    public const int SciIrq = 9;

    /// <summary>Where the PIT arrives at the IO-APIC, as a PC has it.</summary>
    public const uint PitIoApicPin = 2;

    /// <summary>First serial port, 8 ports.</summary>
    public const ushort Com1Port = 0x3f8;

    /// <summary>First serial port's wire.</summary>
    public const int Com1Irq = 4;

    /// <summary>First 8259: command and data, 2 ports. This pair and the next two are there only where the hypervisor has none of its own.</summary>
    public const ushort PicMasterPort = 0x20;

    /// <summary>Second 8259, 2 ports.</summary>
    public const ushort PicSlavePort = 0xa0;

    /// <summary>Edge or level of each 8259 input, 2 ports.</summary>
    public const ushort PicEdgeLevelPort = 0x4d0;

    /// <summary>PIT: three counters and the control word, 4 ports.</summary>
    public const ushort PitPort = 0x40;

    /// <summary>PIT channel 0's wire.</summary>
    public const int PitIrq = 0;

    /// <summary>Gate and output of PIT channel 2, speaker.</summary>
    public const ushort SystemControlPortB = 0x61;

    /// <summary>CMOS clock: index and data, 2 ports.</summary>
    public const ushort CmosPort = 0x70;

    /// <summary>CMOS clock's wire.</summary>
    public const int RtcIrq = 8;

    /// <summary>Keyboard controller, data.</summary>
    public const ushort KeyboardDataPort = 0x60;

    /// <summary>Keyboard controller, command and status; it also pulls the reset line.</summary>
    public const ushort KeyboardCommandPort = 0x64;

    /// <summary>Debug console.</summary>
    public const ushort DebugConsolePort = 0xe9;

    /// <summary>Exit port, unless the user moves it; 4 ports wide.</summary>
    public const ushort ExitPort = 0xf4;

    /// <summary>Width of the exit port in ports: one double word.</summary>
    public const int ExitPortBytes = 4;

    /// <summary>pvpanic.</summary>
    public const ushort PvPanicPort = 0x505;

    /// <summary>ib700 watchdog: stop at the first of its 3 ports, start at the last.</summary>
    public const ushort WatchdogPort = 0x441;

    /// <summary>Reset control register.</summary>
    public const ushort ResetControlPort = 0xcf9;

    /// <summary>Where the boot protocol's tables lie: all in conventional memory, clear of a kernel at 1 MiB; the initrd below the device hole.</summary>
    public static PvhAddresses BootTables { get; } = new()
    {
        Gdt = new GuestAddress(0x500),
        StartInfo = new GuestAddress(0x6000),
        ModuleList = new GuestAddress(0x6040),
        MemoryMap = new GuestAddress(0x7000),
        CommandLine = new GuestAddress(0x2_0000),
        CommandLineMaxBytes = 0x1_0000,
        InitrdLimit = new GuestAddress(LowMemoryEnd),
    };

    /// <summary>The ports that the board occupies; the exit port, which the user may move, must keep clear of them.</summary>
    public static IReadOnlyList<(string Device, ushort First, int Count)> FixedPorts { get; } =
    [
        ("pic-master", PicMasterPort, 2),
        ("pic-slave", PicSlavePort, 2),
        ("pic-elcr", PicEdgeLevelPort, 2),
        ("pit", PitPort, 4),
        ("port-b", SystemControlPortB, 1),
        ("rtc", CmosPort, 2),
        ("com1", Com1Port, 8),
        ("debugcon", DebugConsolePort, 1),
        ("keyboard-data", KeyboardDataPort, 1),
        ("keyboard-command", KeyboardCommandPort, 1),
        ("reset-control", ResetControlPort, 1),
        ("pvpanic", PvPanicPort, 1),
        ("ib700", WatchdogPort, 3),
        ("pm1", Pm1Port, 6),
        ("pm-timer", PmTimerPort, 4),
    ];

    /// <summary>The ranges that RAM answers for a guest of this size; a multiple of 4 KiB.</summary>
    public static IReadOnlyList<GuestRange> RamRanges(ulong sizeBytes) => sizeBytes <= LowMemoryEnd
        ? [new GuestRange(new GuestAddress(0), sizeBytes)]
        : [new GuestRange(new GuestAddress(0), LowMemoryEnd), new GuestRange(new GuestAddress(HighMemoryStart), sizeBytes - LowMemoryEnd)];
}
