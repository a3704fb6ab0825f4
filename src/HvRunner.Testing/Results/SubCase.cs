namespace HvRunner.Testing.Results;

/// <summary>One result within a case: a line of TAP that the guest printed, or a command of the script.</summary>
/// <param name="Path">Its name behind the names of the suites around it, outermost first; never empty.</param>
/// <param name="Outcome">How it came out. What is marked TODO and fails is skipped, as in TAP: it was not expected to pass.</param>
/// <param name="Reason">Behind SKIP or TODO, or why it failed where that is known; else null.</param>
/// <param name="Diagnostics">Lines about it, oldest first; bounded.</param>
public sealed record SubCase(IReadOnlyList<string> Path, TestOutcome Outcome, string? Reason, IReadOnlyList<string> Diagnostics);
