using HvRunner.Machine.Reports;

namespace HvRunner.Testing.Results;

/// <summary>What came out of one case.</summary>
public sealed record CaseResult
{
    /// <summary>The case's full name: the script's name, and its combination of the matrix in brackets.</summary>
    public required string Name { get; init; }

    /// <summary>The script as the user gave it.</summary>
    public required string Script { get; init; }

    /// <summary>How it came out.</summary>
    public required TestOutcome Outcome { get; init; }

    /// <summary>Why it was skipped; null when it was not.</summary>
    public string? SkipReason { get; init; }

    /// <summary>Why it failed; null when it did not.</summary>
    public CaseFailure? Failure { get; init; }

    /// <summary>How long it took, of the host's time.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>Results within it, in the order in which they appeared; at most <see cref="MaxSubCases"/>.</summary>
    public IReadOnlyList<SubCase> SubCases { get; init; } = [];

    /// <summary>How many sub-cases there were, by outcome, those that were not kept included.</summary>
    public SubCaseCounts SubCaseCounts { get; init; }

    /// <summary>The guest's run; null when none was begun.</summary>
    public RunReport? Report { get; init; }

    /// <summary>One <c>hvrun run</c> line that runs the same guest.</summary>
    public required string RunLine { get; init; }

    /// <summary>The folder with the console's log, the report and the post-mortem; null when nothing was kept.</summary>
    public string? Artifacts { get; init; }

    /// <summary>Sub-cases that are kept at most.</summary>
    public const int MaxSubCases = 100_000;
}

/// <summary>Sub-cases by outcome.</summary>
/// <param name="Passed">Those that passed.</param>
/// <param name="Failed">Those that failed.</param>
/// <param name="Skipped">Those that were not tried, or not expected to pass.</param>
public readonly record struct SubCaseCounts(long Passed, long Failed, long Skipped)
{
    /// <summary>All of them.</summary>
    public long Total => Passed + Failed + Skipped;

    /// <summary>One more.</summary>
    public SubCaseCounts With(TestOutcome outcome) => outcome switch
    {
        TestOutcome.Passed => this with { Passed = Passed + 1 },
        TestOutcome.Failed => this with { Failed = Failed + 1 },
        _ => this with { Skipped = Skipped + 1 },
    };
}
