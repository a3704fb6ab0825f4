namespace HvRunner.Testing.Results;

/// <summary>How a case or a sub-case came out.</summary>
public enum TestOutcome
{
    /// <summary>As it should.</summary>
    Passed,

    /// <summary>Not as it should.</summary>
    Failed,

    /// <summary>Not tried, for a reason that is told.</summary>
    Skipped,
}
