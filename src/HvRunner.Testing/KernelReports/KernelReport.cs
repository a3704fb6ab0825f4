namespace HvRunner.Testing.KernelReports;

/// <summary>Something that a kernel reported of itself on its console.</summary>
/// <param name="Name">What kind it is: a name of <see cref="KernelReportTable"/>, or that of a pattern of the script's.</param>
/// <param name="Title">The line that it was recognized by, without what the log puts in front.</param>
/// <param name="Lines">All of it as the console had it, other lines that came between included; bounded.</param>
public sealed record KernelReport(string Name, string Title, IReadOnlyList<string> Lines);

/// <summary>Whether a line, without what the log puts in front, begins a report. Called for every line of the console that is nothing else, on the reader's thread.</summary>
/// <param name="line">At most 4,096 characters.</param>
public delegate bool KernelReportPattern(ReadOnlySpan<char> line);

/// <summary>What a reader recognizes.</summary>
internal sealed record KernelReportOptions
{
    /// <summary>Names of <see cref="KernelReportTable"/> that are looked for.</summary>
    internal IReadOnlySet<string> Names { get; init; } = KernelReportTable.DefaultNames;

    /// <summary>Patterns of the script's own, each with the name that its reports have.</summary>
    internal IReadOnlyList<(string Name, KernelReportPattern Pattern)> Extra { get; init; } = [];
}
