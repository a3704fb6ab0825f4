using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>What people see of <c>hvrun test</c>: colours and live lines on a terminal alone, annotations where GitHub Actions runs it, plain lines everywhere else.</summary>
public sealed partial class TestOutputTests
{
    private const string AllShown = "all is shown";

    private static readonly (string Name, string Text)[] OneOfEach =
    [
        ("a", ScriptFolder.Ending("poweroff")),
        ("b", ScriptFolder.Ending("halt", "steps: [expect: 'nowhere: 100%, or']\n")),
        ("c", ScriptFolder.Ending("poweroff", "requires: [kvm]\n")),
    ];

    [Fact]
    public async Task Pipe_GetsNoEscapeSequence()
    {
        using var scripts = new ScriptFolder(OneOfEach);
        var result = await scripts.RunAsync();
        Assert.Equal(1, result.Status);
        Assert.DoesNotContain('\e', result.Text + result.Error);
        Assert.DoesNotContain("::error", result.Text, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Fact]
    public async Task GitHubActions_GetsAnAnnotationBesideTheScriptsLine()
    {
        using var scripts = new ScriptFolder(OneOfEach);
        var result = await HvrunProcess.RunAsync(new HvrunStart(scripts.Arguments()) { Environment = new Dictionary<string, string> { ["GITHUB_ACTIONS"] = "true" } });
        Assert.Equal(1, result.Status);
        var annotation = Assert.Single(result.Text.Split('\n'), line => line.StartsWith("::", StringComparison.Ordinal));
        Assert.StartsWith($"::error file={scripts.Script("b")},line=6,title=b::expect \"nowhere: 100%25, or\": the guest ended with the verdict halted ", annotation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("1", false)]
    public async Task Terminal_GetsColoursUnlessNoColorIsSet(string noColor, bool isColoured)
    {
        using var scripts = new ScriptFolder(OneOfEach);
        using var terminal = new PseudoTerminal();
        var (status, shown) = await RunOnTerminalAsync(scripts, terminal, ">", new Dictionary<string, string> { ["NO_COLOR"] = noColor });
        Assert.Equal(1, status);
        Assert.Contains(isColoured ? "\e[32mok  \e[0m a  " : "ok   a  ", shown, StringComparison.Ordinal);
        Assert.Contains(isColoured ? "\e[31mFAIL\e[0m b  " : "FAIL b  ", shown, StringComparison.Ordinal);
        Assert.Contains(isColoured ? "\e[33mskip\e[0m c (" : "skip c (", shown, StringComparison.Ordinal);
        Assert.Equal(isColoured, shown.Contains('\e', StringComparison.Ordinal));
        Assert.EndsWith("1 passed, 1 failed, 1 skipped\r\n", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LiveLines_AreErasedInTheEnd()
    {
        using var scripts = new ScriptFolder(
            ScriptFolder.Ending("spin", "steps: [expect: nowhere]\n").Replace("timeout: 30s\n", "matrix: { timeout: [900ms, 901ms, 902ms] }\n", StringComparison.Ordinal));
        using var terminal = new PseudoTerminal();
        var (status, shown) = await RunOnTerminalAsync(scripts, terminal, "2>", [], "--jobs", "2");
        Assert.Equal(1, status);
        Assert.Contains("one [timeout=900ms]  0 s  step 1/1: expect \"nowhere\"", shown, StringComparison.Ordinal);
        Assert.Contains("one [timeout=901ms]  0 s  step 1/1: expect \"nowhere\"", shown, StringComparison.Ordinal);
        Assert.Contains("0 of 3 done", shown, StringComparison.Ordinal);
        Assert.Contains("2 of 3 done", shown, StringComparison.Ordinal);
        Assert.Equal([], ScreenOf(shown));
    }

    [Fact]
    public async Task LiveLines_LeaveTheResultsWhole()
    {
        // Results and live lines on one terminal, as most people have them.
        using var scripts = new ScriptFolder(
            ScriptFolder.Ending("spin", "verdict: timeout\n").Replace("timeout: 30s\n", "matrix: { timeout: [300ms, 600ms, 900ms] }\n", StringComparison.Ordinal));
        using var terminal = new PseudoTerminal();
        var (status, shown) = await RunOnTerminalAsync(scripts, terminal, "2>&1 >", new Dictionary<string, string> { ["NO_COLOR"] = "1" });
        Assert.Equal(0, status);
        var screen = ScreenOf(shown);
        Assert.Equal(4, screen.Count);
        Assert.All(["300ms", "600ms", "900ms"], limit => Assert.Contains(screen, line => line.StartsWith($"ok   one [timeout={limit}]  ", StringComparison.Ordinal)));
        Assert.Equal("3 passed, 0 failed, 0 skipped", screen[^1]);
    }

    /// <summary>Runs the scripts with one of the streams on a terminal; what it showed.</summary>
    private static async Task<(int Status, string Shown)> RunOnTerminalAsync(
        ScriptFolder scripts, PseudoTerminal terminal, string stream, Dictionary<string, string> environment, params string[] options)
    {
        // Standard error follows standard output onto the terminal where both are asked for.
        var redirections = stream == "2>&1 >" ? $">{terminal.Path} 2>&1" : $"{stream}{terminal.Path}";
        using var screen = new FileStream(terminal.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        using var process = HvrunProcess.Start(new HvrunStart(scripts.Arguments(options)) { Redirections = redirections, Environment = environment });
        var reading = terminal.ReadUntilAsync(AllShown, process.Limit);
        var result = await process.EndAsync();

        // What the child wrote last may still be on its way through the terminal; behind this, all of it is there.
        screen.Write(System.Text.Encoding.ASCII.GetBytes(AllShown));
        return (result.Status, await reading);
    }

    /// <summary>The lines that a terminal of any width shows in the end, of text with the sequences for "up" and "erase below" alone; colours left out.</summary>
    private static List<string> ScreenOf(string shown)
    {
        var lines = new List<string>();
        var row = 0;
        foreach (Match piece in Piece().Matches(shown))
        {
            if (piece.Groups[1].Success)
            {
                row -= int.Parse(piece.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
                Assert.True(row >= 0, "more lines were erased than there are");
                lines.RemoveRange(row, lines.Count - row);
            }
            else
            {
                lines.Insert(row++, piece.Groups[2].Value);
            }
        }

        return lines;
    }

    [GeneratedRegex(@"\x1b\[(\d+)A\x1b\[J|([^\r\n\x1b]*)\r\n")]
    private static partial Regex Piece();
}
