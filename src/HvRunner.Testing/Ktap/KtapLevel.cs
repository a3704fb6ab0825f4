namespace HvRunner.Testing.Ktap;

/// <summary>Which dialect a level is written in; a level without a version line has that of the level around it.</summary>
internal enum KtapFormat
{
    /// <summary>TAP 13 or older.</summary>
    Tap,

    /// <summary>TAP 14: four columns more are a suite within.</summary>
    Tap14,

    /// <summary>KTAP: every result has a number, and what is said about it comes first.</summary>
    Ktap,
}

/// <summary>One level of indentation, which is a suite or the whole: its plan, the numbers seen, and results that wait for its name.</summary>
internal sealed class KtapLevel(int indent, KtapFormat format)
{
    private const int MaxFaults = 10;

    private readonly NumberRanges _seen = new();
    private readonly List<string> _faults = [];
    private long _moreFaults;
    private long _last;

    internal int Indent => indent;

    internal KtapFormat Format { get; private set; } = format;

    internal bool HasVersion { get; private set; }

    /// <summary>Null until a header or the parent's result tells it.</summary>
    internal string? Name { get; set; }

    /// <summary>Whether nothing opened this level but a suite within it, as when a KUnit module is loaded: no plan is expected and numbers mean nothing.</summary>
    internal bool IsImplicit { get; init; }

    /// <summary>KUnit prints no plan around the parameters of a test.</summary>
    internal bool MayLackPlan { get; set; }

    internal bool HasPlan { get; private set; }

    /// <summary>How many are planned; null without a plan, or where its number is cut off.</summary>
    internal long? Plan { get; private set; }

    /// <summary>Why a plan of none is one.</summary>
    internal string? SkipReason { get; private set; }

    /// <summary>Results at this level, the suites within it among them.</summary>
    internal long Count { get; private set; }

    /// <summary>Failed results at this level and below.</summary>
    internal long Failures { get; set; }

    internal List<(KtapPath Path, KtapResult Result)> Held { get; } = [];

    internal bool IsFresh => Count == 0 && !HasPlan;

    internal bool IsComplete => Plan is { } plan && Count >= plan;

    internal void SetVersion(KtapFormat format)
    {
        Format = format;
        HasVersion = true;
    }

    /// <summary>Takes a plan; false if there is one already.</summary>
    internal bool TrySetPlan(long? count, string? skipReason)
    {
        if (HasPlan)
        {
            return false;
        }

        (HasPlan, Plan, SkipReason) = (true, count, skipReason);
        if (count < _seen.Highest)
        {
            Fault($"{_seen.Highest} is outside the plan of {count}");
        }

        return true;
    }

    /// <summary>Whether a result line at this level is one: stray words that look like it are not.</summary>
    internal bool Accepts(in KtapLine line) =>
        line.Number is not null || (line.IsCut && line.Text.IsEmpty) || (Format != KtapFormat.Ktap && (line.HasDash || !IsComplete));

    /// <summary>Counts a result and gives the number that it has or should have.</summary>
    internal long Register(in KtapLine line)
    {
        Count++;
        var next = _last + 1;
        var number = line.Number ?? next;
        if (line.NumberMayGoOn && next.ToString().StartsWith(number.ToString(), StringComparison.Ordinal))
        {
            // What is left of "12" may be "1".
            number = next;
        }

        if (IsImplicit || Check(number))
        {
            _last = Math.Min(number, KtapLine.MaxNumber);
        }

        return number;
    }

    /// <summary>What does not add up, now that nothing more comes.</summary>
    internal IEnumerable<string> Judge()
    {
        if (IsImplicit)
        {
            return [];
        }

        var faults = new List<string>(_faults);
        if (_moreFaults > 0)
        {
            faults.Add($"{_moreFaults} more numbers do not fit");
        }

        var missing = _seen.MissingOf(Plan ?? _seen.Highest);
        if (!HasPlan && !MayLackPlan)
        {
            faults.Add(Count == 0 ? "neither a plan nor a result came" : "there is no plan");
        }

        if (_seen.IsScattered)
        {
            faults.Add($"the numbers have more than {NumberRanges.MaxRanges} gaps");
        }

        if (missing is not null)
        {
            faults.Add(Plan is not null ? $"planned {Plan}, saw {Count}: {missing} missing" : $"{missing} missing");
        }
        else if (Plan is { } plan && plan != Count && faults.Count == 0)
        {
            faults.Add($"planned {plan}, saw {Count}");
        }

        return faults;
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

    /// <summary>Looks a number over; false if it cannot be one of this level's at all.</summary>
    private bool Check(long number)
    {
        if (number == 0 || number > Plan)
        {
            Fault(number == 0 ? "a result has the number 0" : $"{number} is outside the plan of {Plan}");
            return false;
        }

        if (!_seen.Add(number))
        {
            Fault($"{number} comes twice");
        }
        else if (number < _last)
        {
            Fault($"{number} comes after {_last}");
        }

        return true;
    }
}
