using HvRunner.Testing.Ktap;
using HvRunner.Testing.Results;

namespace HvRunner.Testing.Tests.Ktap;

/// <summary>A reader with what it found, as tests want to see it.</summary>
internal sealed class KtapConsole
{
    internal KtapConsole() => Reader = new KtapReader(Results.Add);

    internal KtapReader Reader { get; }

    internal List<SubCase> Results { get; } = [];

    /// <summary>"+a/b", "-a/b", "~a/b" for passed, failed, skipped.</summary>
    internal IEnumerable<string> Shown => Results.Select(Show);

    internal IReadOnlyList<string> Faults { get; private set; } = [];

    /// <summary>Everything at once, to the end.</summary>
    internal static KtapConsole Of(IEnumerable<string> lines)
    {
        var console = new KtapConsole();
        console.Feed(lines);
        console.End();
        return console;
    }

    internal static KtapConsole Of(string text) => Of(text.Split('\n'));

    internal void Feed(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            Reader.Line(line);
        }
    }

    internal void End() => Faults = Reader.Finish();

    private static string Show(SubCase result) =>
        (result.Outcome switch { TestOutcome.Passed => "+", TestOutcome.Failed => "-", _ => "~" }) + string.Join('/', result.Path);
}
