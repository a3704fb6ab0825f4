namespace HvRunner.Testing.Scripts;

/// <summary>A script that was read and found right. Immutable; shared by its cases.</summary>
public sealed record Script
{
    /// <summary>The file as the user gave it, with what was found below it; for messages.</summary>
    public required string Path { get; init; }

    /// <summary>The file's full path.</summary>
    public required string FullPath { get; init; }

    /// <summary>The file's path below the folder that the user gave, with slashes; its name when the file itself was given.</summary>
    public required string RelativePath { get; init; }

    /// <summary>What the script calls itself; the file's name without <c>.vmtest.yaml</c> where it does not.</summary>
    public required string Name { get; init; }

    /// <summary>In order; may be empty, then only the verdict counts.</summary>
    public required IReadOnlyList<Step> Steps { get; init; }

    /// <summary>Names of verdicts; the run must end with one of them.</summary>
    public required IReadOnlyList<string> Verdicts { get; init; }

    /// <summary>What the case needs, else it is skipped: <c>hypervisor</c>, <c>user-space</c>, <c>kvm</c>, <c>whp</c>, <c>soft</c>, <c>hardware</c>.</summary>
    public required IReadOnlyList<string> Requires { get; init; }

    /// <summary>On the console each of these ends the case as failed.</summary>
    public required IReadOnlyList<PatternText> Problems { get; init; }

    /// <summary>Kinds of kernel reports that do not end the case.</summary>
    public required IReadOnlyList<string> Ignore { get; init; }

    /// <summary>Kinds of kernel reports that end the case although they otherwise would not.</summary>
    public required IReadOnlyList<string> Watch { get; init; }
}

/// <summary>One case: a script with one combination of its matrix. Immutable.</summary>
/// <param name="Script">Where it comes from: steps, verdicts and everything else that all cases share.</param>
/// <param name="Variation">Its values of the matrix, such as <c>irqchip=kernel, cpus=2</c>; empty without a matrix.</param>
/// <param name="Options">Options of <c>hvrun run</c> without their dashes, the kernel as <c>kernel</c>; only those that the script gives.</param>
/// <param name="Timeout">For the whole case.</param>
public sealed record ScriptCase(Script Script, string Variation, IReadOnlyDictionary<string, OptionValue> Options, TimeSpan Timeout)
{
    /// <summary>The script's name with the variation in brackets; unique within the script.</summary>
    public string FullName => Variation.Length == 0 ? Script.Name : $"{Script.Name} [{Variation}]";

    /// <summary>Names the case among those of all scripts.</summary>
    public string Id => $"{Script.Path}: {FullName}";

    /// <inheritdoc/>
    public override string ToString() => Id;
}

/// <summary>An option's value and where a script gives it.</summary>
/// <param name="Text">As <c>hvrun run</c> takes it; for a file its full path.</param>
/// <param name="Written">As it stands in the script, for messages.</param>
/// <param name="Line">From 1 on.</param>
/// <param name="Column">From 1 on.</param>
public sealed record OptionValue(string Text, string Written, int Line, int Column);

/// <summary>Reads what scripts and command lines write alike; given by whoever knows the options of <c>hvrun run</c>.</summary>
public interface IOptionChecker
{
    /// <summary>
    /// What is wrong with a case's options (name without dashes to text): the option that it is about, or null, and a sentence as in
    /// <see cref="ScriptFault.Sentence"/>. Missing files are not its business, nor is a missing kernel. Throws nothing.
    /// </summary>
    IEnumerable<(string? Option, string Sentence)> Check(IReadOnlyDictionary<string, string> options);

    /// <summary>Reads a duration such as 500ms, 30s or 2m; always above zero.</summary>
    bool TryDuration(string text, out TimeSpan duration);
}
