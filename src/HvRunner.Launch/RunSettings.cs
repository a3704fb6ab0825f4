using HvRunner.Machine;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Launch;

/// <summary>A run as it was asked for: checked values, files not opened yet. What reads them from text is <see cref="RunSettingsReader"/>.</summary>
public sealed record RunSettings
{
    /// <summary>The command line of a kernel that was given none.</summary>
    public const string DefaultCommandLine = "console=ttyS0";

    /// <summary>Guest RAM when nothing was said of it.</summary>
    public const ulong DefaultMemoryBytes = 512UL << 20;

    /// <summary>The kernel's file. Null only beside a fault that says so, and for a kernel that hvrun carries.</summary>
    public string? KernelPath { get; init; }

    /// <summary>The initial RAM disk's file, or null.</summary>
    public string? InitrdPath { get; init; }

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; init; } = DefaultCommandLine;

    /// <summary>Guest RAM in bytes.</summary>
    public ulong MemoryBytes { get; init; } = DefaultMemoryBytes;

    /// <summary>Number of vCPUs.</summary>
    public int VcpuCount { get; init; } = 1;

    /// <summary>On what it runs.</summary>
    public HypervisorSettings Hypervisor { get; init; } = HypervisorSettings.Kvm;

    /// <summary>Ends the run when it has passed, counted from the first guest entry; null for none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The exit port's first port, or null for none.</summary>
    public ushort? ExitPort { get; init; } = MachineLayout.ExitPort;

    /// <summary>How values on the exit port become statuses.</summary>
    public ExitMap ExitMap { get; init; }

    /// <summary>ACPI's tables and the devices that only they name.</summary>
    public bool Acpi { get; init; } = true;

    /// <summary>Takes a Linux kernel's panic from its console.</summary>
    public bool PanicText { get; init; } = true;

    /// <summary>The trace's file, or null.</summary>
    public string? TracePath { get; init; }

    /// <summary>What goes into the trace.</summary>
    public TraceFilter TraceFilter { get; init; } = TraceFilter.Everything;

    /// <summary>Finds out what only a report tells and takes time: whether the host's KVM is software-assisted, and with a virtual clock the hash of guest RAM.</summary>
    public bool ForReport { get; init; }
}
