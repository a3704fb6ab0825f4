using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Apic;
using HvRunner.Chipset.Paravirtual;
using HvRunner.Chipset.Power;
using HvRunner.Chipset.Rtc;
using HvRunner.Chipset.Serial;
using HvRunner.Chipset.Timers;
using HvRunner.Machine.Bus;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Firmware;
using HvRunner.Machine.Interrupts;
using HvRunner.Machine.Time;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>
/// Builds the machine, top to bottom like a board schematic: memory, processors, interrupt wires, devices, and the kernel in place. Throws
/// <see cref="InvalidInputException"/> for a kernel that cannot be placed, before any partition exists, and
/// <see cref="HypervisorException"/> for a host that refuses.
/// </summary>
public static class MachineBuilder
{
    /// <summary>The names that devices bear in traces and logs.</summary>
    public static IReadOnlyList<string> DeviceNames { get; } = [.. MachineLayout.FixedPorts.Select(port => port.Device), "exit", "apic0", "ioapic", "hpet"];

    /// <summary>Builds a machine on a hypervisor, ready to run. The caller disposes it, and the hypervisor afterwards.</summary>
    public static Machine Build(IHypervisor hypervisor, MachineConfig config)
    {
        var control = new RunControl(config.ExitMap);
        var tracing = new Tracing(config.Trace);
        var memory = AllocateMemory(hypervisor, config);
        IPartition? partition = null;
        Board? board = null;
        try
        {
            var boot = LoadKernel(config, memory);
            partition = CreatePartition(hypervisor, config, memory);
            board = Wire(config, hypervisor, partition, memory, control, tracing);
            if (config.Acpi)
            {
                FirmwareTables.Write(config, memory, hypervisor.GetSupportedCpuid(config.Irqchip));
            }
            else if (config.VcpuCount > 1)
            {
                // Without a table a kernel uses one processor, and the 8259.
                FirmwareTables.WriteMpTable(config, memory, hypervisor.GetSupportedCpuid(config.Irqchip));
            }

            SetEntryState(partition.Vcpus[0], boot);
            return new Machine(config, control, tracing, memory, partition, board);
        }
        catch
        {
            board?.Dispose();
            partition?.Dispose();
            memory.Dispose();
            throw;
        }
    }

    private static IBackingMemory AllocateMemory(IHypervisor hypervisor, MachineConfig config)
    {
        try
        {
            return hypervisor.AllocateMemory(MachineLayout.RamRanges(config.MemoryBytes));
        }
        catch (HypervisorException refused)
        {
            throw new InvalidInputException(InputFaultKind.Usage, $"--memory: {refused.Message}.");
        }
    }

    private static PvhBootResult LoadKernel(MachineConfig config, IBackingMemory memory) => PvhBoot.Load(new PvhBootRequest
    {
        Kernel = config.Kernel,
        Initrd = config.Initrd,
        CommandLine = config.CommandLine,
        Memory = memory,
        MemoryMap = config.MemoryMap(),
        Addresses = MachineLayout.BootTables,
        RsdpAddress = config.Acpi ? MachineLayout.AcpiTables.Start.Value : 0,
    });

    private static IPartition CreatePartition(IHypervisor hypervisor, MachineConfig config, IBackingMemory memory) =>
        hypervisor.CreatePartition(new PartitionConfig
        {
            VcpuCount = config.VcpuCount,
            Irqchip = config.Irqchip,
            Memory = memory,
            CpuidOf = index => GuestCpuid.Of(
                hypervisor.GetSupportedCpuid(config.Irqchip), config.VcpuCount, index, (hypervisor as IHypervisorTimestamp)?.TimestampHz),
        });

    private static Board Wire(MachineConfig config, IHypervisor hypervisor, IPartition partition, IGuestMemory memory, RunControl control, Tracing tracing)
    {
        var cpuid = hypervisor.GetSupportedCpuid(config.Irqchip);
        var rate = new BoundedRate(perSecond: 20);
        void LogOdd(OddAccess access)
        {
            if (config.Log.IsEnabled(Serilog.Events.LogEventLevel.Debug) && rate.TryPass(out var suppressed))
            {
                config.Log.Debug("odd access {Access}; {Suppressed} more before it", access, suppressed);
            }
        }

        var ports = new AddressSpace("port", LogOdd);
        var mmio = new AddressSpace("memory", LogOdd);
        var irqchip = partition as IInKernelIrqchip;
        var controllers = InterruptControllers.Of(partition, config.Timers, cpuid);
        IInterruptLine Line(int irq, string device) =>
            tracing.Wire(irqchip is null ? controllers!.GetLine(irq) : new GuardedLine(irqchip.GetLine(irq), device, control), irq, device);
        void Ports(ushort first, int count, IBusDevice device, int widthBytes = 1) =>
            ports.Map(new GuestRange(new GuestAddress(first), (ulong)count), device, widthBytes);

        // Interrupts, as far as the hypervisor has none of its own.
        if (controllers is not null)
        {
            Ports(MachineLayout.PicMasterPort, Pic8259Pair.RegionSize, controllers.Pic.MasterPorts);
            Ports(MachineLayout.PicSlavePort, Pic8259Pair.RegionSize, controllers.Pic.SlavePorts);
            Ports(MachineLayout.PicEdgeLevelPort, Pic8259Pair.RegionSize, controllers.Pic.EdgeLevelPorts);
            mmio.Map(new GuestRange(new GuestAddress(MachineLayout.IoApicAddress), IoApic.RegionSize), controllers.IoApic, widthBytes: 4);
        }

        // Time.
        var clock = hypervisor is IHypervisorTimestamp timestamp
            ? new PvClock(memory, config.Timers, config.Clock, [.. partition.Vcpus.Select(vcpu => new VcpuTsc((IVcpuTimestamp)vcpu))], timestamp.TimestampHz)
            : null;
        foreach (var vcpu in clock is null ? [] : partition.Vcpus.OfType<IVcpuTimestamp>())
        {
            vcpu.TimestampMoved += clock!.TscChanged;
        }

        List<IDisposable> timed = [];
        var hpet = config.Acpi ? new Hpet(config.Timers, Shared(MachineLayout.PitIrq, "pit"), Shared(MachineLayout.RtcIrq, "rtc"), HpetRoutes()) : null;
        if (hpet is not null)
        {
            mmio.Map(new GuestRange(new GuestAddress(MachineLayout.HpetAddress), Hpet.RegionSize), hpet, widthBytes: 8);
            timed.Add(hpet);
        }

        var pit = new Pit8254(config.Timers, hpet?.PitInput ?? Line(MachineLayout.PitIrq, "pit"));
        var controlPortB = new SystemControlPortB(pit);
        var (below4G, above4G) = RamSplit(config);
        var rtc = new CmosRtc(config.Clock, config.Timers, hpet?.RtcInput ?? Line(MachineLayout.RtcIrq, "rtc"), below4G, above4G);
        Ports(MachineLayout.PitPort, Pit8254.RegionSize, pit);
        Ports(MachineLayout.SystemControlPortB, SystemControlPortB.RegionSize, controlPortB);
        Ports(MachineLayout.CmosPort, CmosRtc.RegionSize, rtc);

        // The console.
        var tail = new ConsoleTail(config.ConsoleOutput);
        var tap = new ConsoleTap(tail, config.PanicText && config.Kernel.IsLinux ? control : null);
        var com1 = new Uart16550("com1", Line(MachineLayout.Com1Irq, "com1"), tap, config.ConsoleInput);
        Ports(MachineLayout.Com1Port, Uart16550.RegionSize, com1);
        if (config.DebugOutput is { } debugOutput)
        {
            Ports(MachineLayout.DebugConsolePort, DebugConsole.RegionSize, new DebugConsole("debugcon", debugOutput));
        }

        // The ways out.
        var keyboard = new KeyboardController(control);
        Ports(MachineLayout.KeyboardDataPort, 1, keyboard.DataPort);
        Ports(MachineLayout.KeyboardCommandPort, 1, keyboard.CommandPort);
        Ports(MachineLayout.ResetControlPort, 1, new ResetControl(control));
        Ports(MachineLayout.PvPanicPort, 1, new PvPanic(control));
        var watchdog = new Ib700Watchdog(config.Timers, control);
        Ports(MachineLayout.WatchdogPort, Ib700Watchdog.RegionSize, watchdog);
        timed.AddRange([pit, rtc, watchdog]);
        var pm1 = config.Acpi ? WirePowerManagement() : null;
        if (config.ExitPort is { } exitPort)
        {
            Ports(exitPort, MachineLayout.ExitPortBytes, new ExitPort("exit", control), widthBytes: 4);
        }

        return new Board(config.Timers, ports, mmio, com1, tail, tap, controllers, pm1, clock, timed);

        HpetLegacyWire Shared(int irq, string device) => new(Line(irq, "hpet"), Line(irq, device));
        HpetRoute[] HpetRoutes() => [.. Enumerable.Range(MachineLayout.HpetFirstPin, MachineLayout.HpetPins).Select(pin => new HpetRoute(pin, Line(pin, "hpet")))];

        AcpiPm1Block WirePowerManagement()
        {
            var pmTimer = new AcpiPmTimer(config.Timers, is32Bit: true);
            var block = new AcpiPm1Block(config.Timers, pmTimer, Line(MachineLayout.SciIrq, "pm1"), control);
            Ports(MachineLayout.Pm1Port, AcpiPm1Block.RegionSize, block, widthBytes: 4);
            Ports(MachineLayout.PmTimerPort, AcpiPmTimer.RegionSize, pmTimer, widthBytes: 4);
            timed.Add(block);
            return block;
        }
    }

    private static (ulong Below4G, ulong Above4G) RamSplit(MachineConfig config)
    {
        var below = Math.Min(config.MemoryBytes, MachineLayout.LowMemoryEnd);
        return (below, config.MemoryBytes - below);
    }

    private static void SetEntryState(IVcpu vcpu, PvhBootResult boot)
    {
        var state = new ProcessorState();
        vcpu.GetState(state, StateParts.System);
        PvhEntryState.Apply(state, boot.Entry, boot.StartInfoAddress, MachineLayout.BootTables);
        vcpu.SetState(state, StateParts.General | StateParts.System);
        foreach (var (index, value) in PvhEntryState.Msrs)
        {
            if (!vcpu.TrySetMsr(index, value))
            {
                throw new HypervisorException($"the hypervisor refuses to set MSR 0x{index:x} to 0x{value:x}, which PVH requires");
            }
        }
    }
}
