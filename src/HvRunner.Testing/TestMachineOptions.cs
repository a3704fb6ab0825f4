using HvRunner.Testing.KernelReports;

namespace HvRunner.Testing;

/// <summary>What a <see cref="TestMachine"/> boots. Texts are as the options of <c>hvrun run</c> take them.</summary>
public sealed record TestMachineOptions
{
    /// <summary>The kernel's file.</summary>
    public required string Kernel { get; init; }

    /// <summary>The initial RAM disk's file, or null.</summary>
    public string? Initrd { get; init; }

    /// <summary>The kernel's command line; null for one that gives a console on the first serial port.</summary>
    public string? CommandLine { get; init; }

    /// <summary>Guest RAM, such as <c>128M</c>; null for 512M.</summary>
    public string? Memory { get; init; }

    /// <summary>Number of vCPUs.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary><c>auto</c>, <c>kvm</c> or <c>soft</c>; null for what the environment variable HVRUN_HYPERVISOR says, or auto.</summary>
    public string? Hypervisor { get; init; }

    /// <summary>Every other option of <c>hvrun run</c> that says what the machine is, by its name without dashes, such as <c>clock</c> or <c>exit-port</c>.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>Ends the machine with the verdict timeout, counted from the first guest entry. No machine runs without.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Kinds of kernel reports on the console that fail a test; a panic, oops, stall or lockdep report by default.</summary>
    public IReadOnlySet<string> KernelReports { get; init; } = KernelReportTable.DefaultNames;

    /// <summary>Told of each complete line of the console, without escape sequences, on a thread of the machine's own; null for nobody.</summary>
    public Action<string>? ConsoleLine { get; init; }
}
