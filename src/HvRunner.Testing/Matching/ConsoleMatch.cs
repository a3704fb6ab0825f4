namespace HvRunner.Testing.Matching;

/// <summary>Where a pattern was found on a console. Positions count characters of its normalized text since the console began.</summary>
/// <param name="PatternIndex">Which of the patterns searched for it is, from 0.</param>
/// <param name="Start">Where the text begins.</param>
/// <param name="End">Where it ends, exclusively: here the next search begins.</param>
/// <param name="Text">The text, at least 1 and at most <see cref="ConsolePattern.MaxMatchChars"/> characters.</param>
/// <param name="Groups">The text again, then a regular expression's groups by number, "" where one took no part.</param>
public sealed record ConsoleMatch(int PatternIndex, long Start, long End, string Text, IReadOnlyList<string> Groups)
{
    // Orders the findings of searches that began at different places: <see cref="End"/>, or one more where the next character had to be seen.
    internal long DecidedAt { get; init; }
}
