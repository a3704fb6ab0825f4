using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Reports;

/// <summary>Everything that <c>--report</c> says of a run; what a run never got to is null.</summary>
public sealed record RunReport
{
    /// <summary>hvrun's version.</summary>
    public required string Version { get; init; }

    /// <summary>How it ended.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>The kernel.</summary>
    public KernelReport? Kernel { get; init; }

    /// <summary>The hypervisor.</summary>
    public HypervisorReport? Hypervisor { get; init; }

    /// <summary>Number of vCPUs asked for.</summary>
    public int? Vcpus { get; init; }

    /// <summary>Guest RAM asked for.</summary>
    public ulong? MemoryBytes { get; init; }

    /// <summary>When the process started, as a Stopwatch time stamp.</summary>
    public required long StartTimestamp { get; init; }

    /// <summary>The run itself.</summary>
    public RunOutcome? Outcome { get; init; }

    /// <summary>Moments that a script has named, in the order of their coming.</summary>
    public IReadOnlyList<ReportMark> Marks { get; init; } = [];
}

/// <summary>A moment of a run that somebody has named.</summary>
/// <param name="Name">Its name; need not be the only one of it.</param>
/// <param name="Microseconds">When it was, counted from the first guest entry.</param>
public sealed record ReportMark(string Name, long Microseconds);

/// <summary>What is known of the kernel file.</summary>
/// <param name="Path">As the user gave it.</param>
/// <param name="Format">Such as "ELF64 x86-64".</param>
/// <param name="Compression">Name of the compression, or null.</param>
/// <param name="Boot">The protocol that was used.</param>
/// <param name="Entry">Physical address of the entry.</param>
public sealed record KernelReport(string Path, string Format, string? Compression, string Boot, ulong Entry);

/// <summary>What is known of the hypervisor.</summary>
/// <param name="Name">"kvm" or "soft".</param>
/// <param name="ApiVersion">Its own version number.</param>
/// <param name="SoftwareAssisted">It runs ring 0 by software; null when that was not found out, or is no question.</param>
/// <param name="Irqchip">Where the interrupt controllers lived.</param>
/// <param name="Clock">"real": the guest's time was the host's; "virtual": it was counted in instructions.</param>
public sealed record HypervisorReport(string Name, int ApiVersion, bool? SoftwareAssisted, string Irqchip, string Clock = "real");
