using System.Text.RegularExpressions;
using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>The reference page says what is read: every word is on it, and every example of it is a script.</summary>
public partial class ScriptPageTests
{
    private static readonly string Page = File.ReadAllText(Path.Join(Root(), "src", "HvRunner.Testing", "Scripts.md"));

    [Fact]
    public void EveryWord_IsOnThePage()
    {
        string[] words =
        [
            .. ScriptVocabulary.Keys, .. ScriptVocabulary.Verdicts, .. ScriptVocabulary.Requirements, .. ScriptVocabulary.KernelReports,
            .. ScriptVocabulary.Actions.Select(action => action + ":"),
        ];
        Assert.Equal([], words.Where(word => !Page.Contains($"`{word}", StringComparison.Ordinal)));
    }

    [Fact]
    public void EveryStepOfThePage_IsRead()
    {
        var examples = Section("Steps").SelectMany(row => CodeSpan().Matches(row.Split('|')[1]).Select(span => span.Groups[1].Value)).ToList();
        Assert.True(examples.Count >= ScriptVocabulary.Actions.Length, $"{examples.Count}");
        foreach (var example in examples)
        {
            var (before, behind) = example switch { "resume:" => ("  - pause:\n", ""), "pause:" => ("", "  - resume:\n"), _ => ("", "") };
            Reading.AssertFaults($"kernel: k\ncpus: 2\nprompt: '# '\nsteps:\n{before}  - {example.Replace("[...]", "[a, b]", StringComparison.Ordinal)}\n{behind}");
        }
    }

    [Fact]
    public void EveryKeyOfThePage_IsRead()
    {
        var rows = Section("Keys").Select(row => row.Split('|')).Where(cells => cells[1].Contains('`', StringComparison.Ordinal)).ToList();
        foreach (var cells in rows.Where(cells => !cells[1].Contains(',', StringComparison.Ordinal) && cells[2].Contains('`', StringComparison.Ordinal)))
        {
            var key = cells[1].Trim(' ', '`');
            Reading.AssertFaults($"{(key == "kernel" ? "" : "kernel: k\n")}{key}: {cells[2].Trim(' ', '`')}\n");
        }

        Assert.Equal(ScriptVocabulary.Keys.Order(), rows.SelectMany(cells => CodeSpan().Matches(cells[1]).Select(span => span.Groups[1].Value)).Order());
    }

    private static IEnumerable<string> Section(string title) =>
        Page.Split("\n## ").Single(section => section.StartsWith(title + "\n", StringComparison.Ordinal)).Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal));

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Join(folder, "HvRunner.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests stand in no repository");
        }

        return folder;
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex CodeSpan();
}
