using HvRunner.Testing.Results;

namespace HvRunner.Testing.Cases;

/// <summary>The sub-cases of one case as they appear: counts all, keeps as many as a report can hold, and remembers the first that failed.</summary>
internal sealed class SubCaseList
{
    private readonly List<SubCase> _kept = [];

    /// <summary>Those that are kept, in order.</summary>
    internal IReadOnlyList<SubCase> Kept => _kept;

    /// <summary>All of them, by outcome.</summary>
    internal SubCaseCounts Counts { get; private set; }

    /// <summary>The first that failed, or null.</summary>
    internal SubCase? FirstFailed { get; private set; }

    internal void Add(SubCase one)
    {
        Counts = Counts.With(one.Outcome);
        if (_kept.Count < CaseResult.MaxSubCases)
        {
            _kept.Add(one);
        }

        if (one.Outcome == TestOutcome.Failed)
        {
            FirstFailed ??= one;
        }
    }
}
