using HvRunner.Machine.Diagnostics;

namespace HvRunner.Testing.Results;

/// <summary>Why a case failed, with all that a person needs to see.</summary>
public sealed record CaseFailure
{
    /// <summary>What happened, in one sentence.</summary>
    public required string Sentence { get; init; }

    /// <summary>The step that was being carried out, as in the script; null before the first and behind the last.</summary>
    public string? Step { get; init; }

    /// <summary>The line of the script that it stands in, from 1 on; null where there is none.</summary>
    public int? Line { get; init; }

    /// <summary>More of it: the text of a kernel's report, faults of files.</summary>
    public IReadOnlyList<string> Details { get; init; } = [];

    /// <summary>The console's last lines, oldest first.</summary>
    public IReadOnlyList<string> ConsoleTail { get; init; } = [];

    /// <summary>Where each vCPU stood, when the guest could be looked at.</summary>
    public PostMortem? PostMortem { get; init; }
}
