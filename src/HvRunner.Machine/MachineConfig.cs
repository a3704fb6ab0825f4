using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Boot.Pvh;
using HvRunner.Chipset.Serial;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;
using Serilog;

namespace HvRunner.Machine;

/// <summary>What a machine is made of, checked by whoever fills it in. The machine owns none of it.</summary>
public sealed record MachineConfig
{
    /// <summary>Guest RAM in bytes, a multiple of 4 KiB, at least <see cref="MachineLayout.MinMemoryBytes"/>.</summary>
    public ulong MemoryBytes { get; init; } = 512UL << 20;

    /// <summary>Number of vCPUs, at least 1.</summary>
    public int VcpuCount { get; init; } = 1;

    /// <summary>Where the interrupt controllers live.</summary>
    public IrqchipMode Irqchip { get; init; } = IrqchipMode.Kernel;

    /// <summary>
    /// ACPI's tables with the devices that only they name: HPET, PM timer, PM1 registers. Without them a machine with interrupt controllers of its own
    /// and several vCPUs has the MP table alone.
    /// </summary>
    public bool Acpi { get; init; } = true;

    /// <summary>The kernel.</summary>
    public required PvhKernel Kernel { get; init; }

    /// <summary>The initial RAM disk, or null.</summary>
    public IImageSource? Initrd { get; init; }

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; init; } = string.Empty;

    /// <summary>The exit port's first port, or null for none.</summary>
    public ushort? ExitPort { get; init; } = MachineLayout.ExitPort;

    /// <summary>How values on the exit port become exit statuses.</summary>
    public ExitMap ExitMap { get; init; } = ExitMap.Raw;

    /// <summary>Ends the run with the verdict timeout when it passes; counted from the first guest entry. Null for none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Read a Linux kernel's console for a panic.</summary>
    public bool PanicText { get; init; } = true;

    /// <summary>Where the first serial port's output goes; may block the guest.</summary>
    public required ISerialOutput ConsoleOutput { get; init; }

    /// <summary>Where the first serial port's input comes from; the host calls <see cref="Machine.InputReady"/> when there is some.</summary>
    public required ISerialInput ConsoleInput { get; init; }

    /// <summary>Where the debug console's output goes; null leaves the port out.</summary>
    public ISerialOutput? DebugOutput { get; init; }

    /// <summary>
    /// Releases vCPU threads that wait in <see cref="ConsoleOutput"/> or <see cref="DebugOutput"/> for a reader that stalls: called when the run must
    /// end although bytes are left. Any thread.
    /// </summary>
    public Action ReleaseOutput { get; init; } = () => { };

    /// <summary>Guest time.</summary>
    public required ITimerQueue Timers { get; init; }

    /// <summary>Wall-clock time, for the CMOS clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Take a hash of guest RAM when the run is over; it reads all of it.</summary>
    public bool HashMemory { get; init; }

    /// <summary>The trace, or null.</summary>
    public TraceLog? Trace { get; init; }

    /// <summary>hvrun's own log.</summary>
    public ILogger Log { get; init; } = Serilog.Core.Logger.None;

    /// <summary>The memory map that the guest is told.</summary>
    public IReadOnlyList<MemoryMapEntry> MemoryMap()
    {
        var map = new List<MemoryMapEntry> { new(new GuestAddress(0), MachineLayout.ConventionalMemoryEnd, MemoryMapType.Ram) };
        var next = new GuestAddress(MachineLayout.ConventionalMemoryEnd);
        void Add(GuestAddress end, MemoryMapType type)
        {
            map.Add(new MemoryMapEntry(next, end - next, type));
            next = end;
        }

        if (Acpi)
        {
            Add(MachineLayout.AcpiNonVolatile.Start, MemoryMapType.Reserved);
            Add(MachineLayout.AcpiNonVolatile.End, MemoryMapType.AcpiNvs);
            Add(MachineLayout.AcpiTables.End, MemoryMapType.Acpi);
        }

        Add(new GuestAddress(MachineLayout.ExtendedMemoryStart), MemoryMapType.Reserved);
        foreach (var range in MachineLayout.RamRanges(MemoryBytes))
        {
            var start = Math.Max(range.Start.Value, MachineLayout.ExtendedMemoryStart);
            map.Add(new MemoryMapEntry(new GuestAddress(start), range.End.Value - start, MemoryMapType.Ram));
        }

        return map;
    }
}
