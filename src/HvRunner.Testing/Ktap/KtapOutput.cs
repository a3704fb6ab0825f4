using HvRunner.Testing.Results;

namespace HvRunner.Testing.Ktap;

/// <summary>A path from the outside in; suites share what they hold, so that a name stands in memory once.</summary>
internal sealed record KtapPath(string Name, KtapPath? Below);

/// <summary>One result before its path is known.</summary>
internal sealed record KtapResult(string Name, TestOutcome Outcome, string? Reason, DiagnosticLines Diagnostics);

/// <summary>Where all results of a console end up: they are counted and handed on, and what does not add up is kept as sentences, boundedly.</summary>
internal sealed class KtapOutput(Action<SubCase> found)
{
    internal const int MaxFaults = 100;

    private readonly List<string> _faults = [];
    private long _moreFaults;
    private long _afterBailOut;

    internal long Passed { get; private set; }

    internal long Failed { get; private set; }

    internal long Skipped { get; private set; }

    /// <summary>Whether a test gave up: whatever comes now fails, and nothing is missing any more.</summary>
    internal bool HasBailedOut { get; private set; }

    internal void Emit(KtapPath path, KtapResult result)
    {
        var names = new List<string>();
        for (var next = path; next is not null; next = next.Below)
        {
            names.Add(next.Name);
        }

        switch (result.Outcome)
        {
            case TestOutcome.Passed:
                Passed++;
                break;
            case TestOutcome.Failed:
                Failed++;
                break;
            default:
                Skipped++;
                break;
        }

        found(new SubCase(names, result.Outcome, result.Reason, result.Diagnostics.ToList()));
    }

    internal void Fault(string sentence)
    {
        if (_faults.Count < MaxFaults)
        {
            _faults.Add(sentence);
        }
        else
        {
            _moreFaults++;
        }
    }

    internal void BailOut(ReadOnlySpan<char> reason)
    {
        HasBailedOut = true;
        Fault(reason.IsEmpty ? "bailed out" : $"bailed out: {reason[..Math.Min(reason.Length, DiagnosticLines.MaxLineChars)]}");
    }

    /// <summary>Notes that a result came although the test had given up.</summary>
    internal void CameAfterBailOut() => _afterBailOut++;

    /// <summary>All sentences so far.</summary>
    internal IReadOnlyList<string> Faults()
    {
        List<string> all = [.. _faults];
        if (_moreFaults > 0)
        {
            all.Add($"and {_moreFaults} more faults");
        }

        if (_afterBailOut > 0)
        {
            all.Add($"{_afterBailOut} {(_afterBailOut == 1 ? "result" : "results")} came after the bail-out");
        }

        return all;
    }
}
