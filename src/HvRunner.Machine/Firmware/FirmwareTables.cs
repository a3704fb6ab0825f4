using HvRunner.Abstractions;
using HvRunner.Boot.Acpi;
using HvRunner.Boot.MpTable;
using HvRunner.Boot.Platform;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Timers;

namespace HvRunner.Machine.Firmware;

/// <summary>
/// What a PC's firmware leaves in memory for the operating system: ACPI's tables and the MP table, both made from one description of this machine. All
/// numbers are <see cref="MachineLayout"/>'s and the devices' own.
/// </summary>
internal static class FirmwareTables
{
    private const byte ResetValue = 0x06;
    private const byte CenturyRegister = 0x32;
    private const byte IoApicId = 0;
    private const int IoApicPins = 24;

    // 50 us, the shortest period at which the HPET interrupts.
    private const ushort HpetMinimumTicks = 5000;

    private static readonly InterruptOverride TimerOverride = new(MachineLayout.PitIrq, MachineLayout.PitIoApicPin);
    private static readonly InterruptOverride SciOverride = new(MachineLayout.SciIrq, MachineLayout.SciIrq, InterruptPolarity.ActiveHigh, InterruptTrigger.Level);

    /// <summary>Writes them. Throws <see cref="InvalidOperationException"/> where the layout has no room for them, a fault of hvrun's own.</summary>
    /// <param name="config">The machine, with ACPI.</param>
    /// <param name="memory">Its RAM.</param>
    /// <param name="cpuid">What its processors say of themselves.</param>
    internal static void Write(MachineConfig config, IGuestMemory memory, IReadOnlyList<CpuidLeaf> cpuid)
    {
        var description = Describe(config);
        var acpi = AcpiTables.Make(description, MachineLayout.AcpiTables, MachineLayout.AcpiNonVolatile);
        var leaf = cpuid.FirstOrDefault(candidate => candidate.Function == 1);
        var mpTable = MpConfiguration.Make(description.Interrupts, leaf.Eax, leaf.Edx, MachineLayout.MpTable.Start);
        var fits = MachineLayout.MpTable.Contains(MachineLayout.MpTable.Start, (ulong)mpTable.Length);
        if (!fits || !acpi.TryWrite(memory) || !memory.TryWrite(MachineLayout.MpTable.Start, mpTable))
        {
            throw new InvalidOperationException("The firmware tables do not fit the layout.");
        }
    }

    /// <summary>Writes the MP table alone. Throws as <see cref="Write"/>.</summary>
    internal static void WriteMpTable(MachineConfig config, IGuestMemory memory, IReadOnlyList<CpuidLeaf> cpuid)
    {
        // The id register has four bits. Where those are taken by processors, a kernel gives the IO-APIC another.
        var id = (byte)(config.VcpuCount < 16 ? config.VcpuCount : IoApicId);
        var topology = Describe(config).Interrupts;
        topology = topology with { IoApics = [topology.IoApics[0] with { Id = id }], Overrides = [TimerOverride] };
        var leaf = cpuid.FirstOrDefault(candidate => candidate.Function == 1);
        if (!memory.TryWrite(MachineLayout.MpTable.Start, MpConfiguration.Make(topology, leaf.Eax, leaf.Edx, MachineLayout.MpTable.Start)))
        {
            throw new InvalidOperationException("The MP table does not fit the layout.");
        }
    }

    /// <summary>The machine in the words of the tables.</summary>
    internal static AcpiDescription Describe(MachineConfig config) => new()
    {
        Interrupts = new InterruptTopology
        {
            Processors = [.. Enumerable.Range(0, config.VcpuCount).Select(index => new ProcessorDescription((uint)index))],
            IoApics = [new IoApicDescription(IoApicId, MachineLayout.IoApicAddress, FirstGsi: 0, IoApicPins)],
            Overrides = [TimerOverride, SciOverride],
        },
        FixedHardware = new AcpiFixedHardware
        {
            SciInterrupt = MachineLayout.SciIrq,
            Pm1aEventPort = MachineLayout.Pm1Port,
            Pm1aControlPort = MachineLayout.Pm1Port + AcpiPm1Block.EventBytes,
            PmTimerPort = MachineLayout.PmTimerPort,
            PmTimerIs32Bit = true,
            ResetPort = MachineLayout.ResetControlPort,
            ResetValue = ResetValue,
            SoftOffSleepType = AcpiPm1Block.SoftOffSleepType,
            CenturyRegister = CenturyRegister,
            HasKeyboardController = true,
        },
        Hpet = new HpetDescription(Hpet.EventTimerBlockId, MachineLayout.HpetAddress, HpetMinimumTicks),
        Devices =
        [
            new AcpiDevice("COM1", "PNP0501", [new AcpiPorts(MachineLayout.Com1Port, 8), new AcpiIrq(MachineLayout.Com1Irq)]) { UniqueId = 1 },
            new AcpiDevice("RTC", "PNP0B00", [new AcpiPorts(MachineLayout.CmosPort, 2), new AcpiIrq(MachineLayout.RtcIrq)]),
            new AcpiDevice("TIMR", "PNP0100", [new AcpiPorts(MachineLayout.PitPort, 4), new AcpiIrq(MachineLayout.PitIrq)]),
            new AcpiDevice("HPET", "PNP0103", [new AcpiMemory(MachineLayout.HpetAddress, Hpet.RegionSize)]),
            new AcpiDevice("PVPN", "QEMU0001", [new AcpiPorts(MachineLayout.PvPanicPort, 1)]),
        ],
    };
}
