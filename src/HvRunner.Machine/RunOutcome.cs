using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>What is known of a run when it is over.</summary>
public sealed record RunOutcome
{
    /// <summary>How it ended.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>When the first vCPU was started, as a Stopwatch time stamp.</summary>
    public required long FirstEntryTimestamp { get; init; }

    /// <summary>When the last vCPU had left the guest, as a Stopwatch time stamp.</summary>
    public required long EndTimestamp { get; init; }

    /// <summary>Exit counts of each vCPU.</summary>
    public required IReadOnlyList<ExitCounts> Vcpus { get; init; }

    /// <summary>What the guest did in the last second before the end; in all its time, where that was shorter.</summary>
    public GuestProgress LastSecond { get; init; }

    /// <summary>Bytes that the guest read from its console.</summary>
    public required long ConsoleBytesIn { get; init; }

    /// <summary>Bytes that the guest wrote to its console.</summary>
    public required long ConsoleBytesOut { get; init; }

    /// <summary>SHA-256 over guest RAM at the end, in hexadecimal; null when it was not asked for.</summary>
    public string? MemoryHash { get; init; }

    /// <summary>What the guest was doing, where the verdict calls for it or whoever ended the run asked for it.</summary>
    public required PostMortem? PostMortem { get; init; }
}
