using HvRunner.Abstractions;
using HvRunner.Boot.Acpi;
using HvRunner.Boot.Platform;

namespace HvRunner.Boot.Tests.Acpi;

/// <summary>Descriptions of machines that do not exist, for tests.</summary>
internal static class TestBoards
{
    public static GuestRange Area { get; } = new(new GuestAddress(0xe_1000), 0xf000);

    public static GuestRange NonVolatile { get; } = new(new GuestAddress(0xe_0000), 0x1000);

    public static InterruptTopology Topology(int processors) => new()
    {
        Processors = [.. Enumerable.Range(0, processors).Select(i => new ProcessorDescription((uint)i))],
        IoApics = [new IoApicDescription(0xf0, 0xfec0_0000, 0, 24)],
        Overrides =
        [
            new InterruptOverride(0, 2),
            new InterruptOverride(9, 9, InterruptPolarity.ActiveHigh, InterruptTrigger.Level),
        ],
    };

    public static AcpiDescription Board(int processors = 2) => new()
    {
        Interrupts = Topology(processors),
        FixedHardware = new AcpiFixedHardware
        {
            SciInterrupt = 9,
            Pm1aEventPort = 0x600,
            Pm1aControlPort = 0x604,
            PmTimerPort = 0x608,
            PmTimerIs32Bit = true,
            ResetPort = 0xcf9,
            ResetValue = 6,
            SoftOffSleepType = 5,
            CenturyRegister = 0x32,
            HasKeyboardController = true,
        },
        Hpet = new HpetDescription(0x8086_a201, 0xfed0_0000, 5000),
        Devices =
        [
            new AcpiDevice("COM1", "PNP0501", [new AcpiPorts(0x3f8, 8), new AcpiIrq(4)]) { UniqueId = 1 },
            new AcpiDevice("RTC", "PNP0B00", [new AcpiPorts(0x70, 2), new AcpiIrq(8)]),
            new AcpiDevice("HPET", "PNP0103", [new AcpiMemory(0xfed0_0000, 0x400)]),
            new AcpiDevice("PVPN", "QEMU0001", [new AcpiPorts(0x505, 1)]),
        ],
    };

    public static AcpiTables Make(AcpiDescription board) => AcpiTables.Make(board, Area, NonVolatile);
}
