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

    /// <summary>
    /// Every other option of <c>hvrun run</c> that says what the machine is, by its name without dashes, such as <c>exit-port</c> or <c>clock</c>. A guest with
    /// a virtual clock that waits for input is kept waiting, and its time stands still, while the test waits for nothing.
    /// </summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>Ends the machine with the verdict timeout, counted from the first guest entry. No machine runs without.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What <see cref="KernelReports"/> is unless it is given: a panic, oops, stall, lockdep report and the like, which no healthy kernel prints.</summary>
    public static IReadOnlySet<string> DefaultKernelReports => KernelReportTable.DefaultNames;

    /// <summary>Kinds of kernel reports on the console that fail a test, by the names that scripts have for them.</summary>
    public IReadOnlySet<string> KernelReports { get; init; } = DefaultKernelReports;

    /// <summary>
    /// Told of each complete line of the console, without escape sequences, on a thread of the machine's own; null for nobody. It must be quick, as the console
    /// is read by the same thread, and must not wait for anything of the machine. It is told no more once it has thrown, which fails the test.
    /// </summary>
    public Action<string>? ConsoleLine { get; init; }
}
