namespace HvRunner.Testing.Scripts;

/// <summary>One step of a script. Immutable; what each does is told in Scripts.md, who carries it out is elsewhere.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
public abstract record Step(int Line)
{
    /// <summary>Where it stands in its line, from 1 on.</summary>
    public int Column { get; internal init; }

    /// <summary>For messages: the action and its value as in the script, on one line of bounded length.</summary>
    public sealed override string ToString() => Written;

    private protected abstract string Written { get; }

    private protected static string WrittenPatterns(IReadOnlyList<PatternText> patterns, string how) =>
        patterns.Count == 1 ? patterns[0].ToString() : $"{{ {how}: {MessageText.Written(patterns.Select(pattern => pattern.ToString()))} }}";
}

/// <summary>Waits until the console shows a pattern behind the last match.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Patterns">At least one.</param>
/// <param name="All">Each of them must appear, in any order; else one of them is enough.</param>
/// <param name="Within">The step's own deadline, or null.</param>
public sealed record ExpectStep(int Line, IReadOnlyList<PatternText> Patterns, bool All, TimeSpan? Within) : Step(Line)
{
    private protected override string Written => $"expect {WrittenPatterns(Patterns, All ? "all" : "any")}";
}

/// <summary>Types a text on the console; nothing is added to it.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Text">Sent as UTF-8; never empty.</param>
/// <param name="Delay">How long to wait between two bytes; null: not at all.</param>
public sealed record SendStep(int Line, string Text, TimeSpan? Delay) : Step(Line)
{
    private protected override string Written => $"send {MessageText.Written(Text)}";
}

/// <summary>From here to the end, none of the patterns may appear.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Patterns">At least one.</param>
public sealed record RejectStep(int Line, IReadOnlyList<PatternText> Patterns) : Step(Line)
{
    private protected override string Written => $"reject {WrittenPatterns(Patterns, "any")}";
}

/// <summary>The machine stands still.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="For">For how long, then it goes on by itself; null: until a <see cref="ResumeStep"/>.</param>
public sealed record PauseStep(int Line, TimeSpan? For) : Step(Line)
{
    private protected override string Written => For is { } duration ? $"pause {MessageText.Written(duration)}" : "pause";
}

/// <summary>The machine goes on.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
public sealed record ResumeStep(int Line) : Step(Line)
{
    private protected override string Written => "resume";
}

/// <summary>The script waits while the machine runs.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="For">For how long.</param>
public sealed record WaitStep(int Line, TimeSpan For) : Step(Line)
{
    private protected override string Written => $"wait {MessageText.Written(For)}";
}

/// <summary>Sends a non-maskable interrupt.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Vcpu">To which vCPU, from 0 on; every case of the script has it.</param>
public sealed record NmiStep(int Line, int Vcpu) : Step(Line)
{
    private protected override string Written => $"nmi {Vcpu}";
}

/// <summary>Notes the time under a name.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Name">No other mark of the script has it.</param>
/// <param name="Within">The most that may have passed, or null.</param>
/// <param name="Since">The earlier mark to measure from; null: the mark before this one, or the start.</param>
public sealed record MarkStep(int Line, string Name, TimeSpan? Within, string? Since) : Step(Line)
{
    private protected override string Written => $"mark {MessageText.Written(Name)}";
}

/// <summary>The run must now end by itself, with this status; always the last step.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Status">0 to 63.</param>
/// <param name="Within">The step's own deadline, or null.</param>
public sealed record ExitStatusStep(int Line, int Status, TimeSpan? Within) : Step(Line)
{
    private protected override string Written => $"exit-status {Status}";
}

/// <summary>Runs commands at a shell's prompt, one after another.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Commands">At least one.</param>
/// <param name="Prompt">What the shell shows when it takes a command.</param>
public sealed record ForEachStep(int Line, IReadOnlyList<ShellCommand> Commands, PatternText Prompt) : Step(Line)
{
    private protected override string Written => $"for each {MessageText.Written(Commands.Select(command => MessageText.Written(command.Run)))}";
}

/// <summary>A command of a <see cref="ForEachStep"/>.</summary>
/// <param name="Line">Where it stands in the script, from 1 on.</param>
/// <param name="Run">The command, one line without its end; never empty.</param>
/// <param name="Status">The exit status that it must have, 0 to 255.</param>
/// <param name="Expect">What it must print, or null.</param>
/// <param name="Within">Its deadline, the step's where it has none of its own, or null.</param>
public sealed record ShellCommand(int Line, string Run, int Status, PatternText? Expect, TimeSpan? Within)
{
    /// <summary>For messages: the command in quotes, on one line of bounded length.</summary>
    public override string ToString() => MessageText.Written(Run);
}
