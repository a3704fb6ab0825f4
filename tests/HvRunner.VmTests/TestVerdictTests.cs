using System.Text.Json;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// A guest for each verdict, under <c>hvrun test</c>: a script that expects it passes and says so, one that expects another fails with the verdict's sentence,
/// its status in the report, and a post-mortem where there is one. What is refused before a machine exists is <see cref="TestCommandTests"/>'.
/// </summary>
public sealed class TestVerdictTests
{
    // An end that no guest here comes to.
    private const string Other = "watchdog";

    [Theory]
    [InlineData("poweroff", "poweroff", 0, "the guest reported status 0")]
    [InlineData("status:7", "guest-status", 7, "the guest reported status 7")]
    [InlineData("status:70000", "guest-status", 63, "the guest reported status 70000")]
    [InlineData("reset-kbc", "reset", 80, "the guest asked for a reset (keyboard controller)")]
    [InlineData("reset-cf9", "reset", 80, "the guest asked for a reset")]
    [InlineData("pvpanic", "panic", 81, "")]
    [InlineData("triple", "triple-fault", 82, "vCPU 0 shut down after a triple fault")]
    [InlineData("halt", "halted", 84, "")]
    [InlineData("task-switch", "cpu-error", 85, "which is not implemented")]
    [InlineData("spin", "timeout", 124, "the case's limit of 1 s passed")]
    [InlineData("idle", "interrupted", 130, "the script has ended")]
    public async Task Verdict_IsToldByScriptReportAndPostMortem(string end, string verdict, int status, string sentence)
    {
        // The same guest twice: once as it is expected, once with another end in mind.
        var limit = verdict == "timeout" ? "timeout: 1s\n" : verdict == "interrupted" ? "timeout: 2s\n" : "timeout: 20s\n";
        string Script(string expected) => ScriptFolder.Ending(end, $"steps: [expect: 'endings: ']\nverdict: {expected}\n").Replace("timeout: 30s\n", limit, StringComparison.Ordinal);
        using var scripts = new ScriptFolder(("right", Script(verdict)), ("wrong", Script(Other)));
        var (result, cases) = await scripts.RunWithJsonAsync("--jobs", "2");
        result.True(result.Status == 1, "status 1 was expected");
        Assert.Equal("passed", cases[0].GetProperty("outcome").GetString());
        Assert.Equal(verdict, cases[0].GetProperty("verdict").GetString());
        Assert.Equal("failed", cases[1].GetProperty("outcome").GetString());
        Assert.Equal(JsonValueKind.Null, cases[1].GetProperty("failure").GetProperty("line").ValueKind);
        if (verdict == "interrupted")
        {
            // Nobody ends the second one but its limit, long before which there is nothing to see.
            Assert.StartsWith("the case's limit of 2 s passed while waiting for the guest to end", SentenceOf(cases[1]), StringComparison.Ordinal);
            return;
        }

        if (verdict == "timeout")
        {
            Assert.StartsWith($"{sentence} while waiting for the guest to end; in its last second the guest made ", SentenceOf(cases[1]), StringComparison.Ordinal);
        }
        else
        {
            Assert.StartsWith($"expected the verdict {Other}, found {verdict} (", SentenceOf(cases[1]), StringComparison.Ordinal);
            Assert.Contains(sentence, SentenceOf(cases[1]), StringComparison.Ordinal);
        }

        var folder = Assert.Single(scripts.Kept);
        using var report = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "report.json")));
        Assert.Equal(verdict, report.RootElement.GetProperty("verdict").GetString());
        Assert.Equal(status, report.RootElement.GetProperty("exitStatus").GetInt32());
        var hasPostMortem = status is >= 81 and <= 85 or 124;
        Assert.Equal(hasPostMortem, report.RootElement.GetProperty("postMortem").ValueKind == JsonValueKind.Object);
        Assert.Equal(hasPostMortem, File.Exists(Path.Combine(folder, "post-mortem.txt")));
        if (hasPostMortem)
        {
            var postMortem = await File.ReadAllTextAsync(Path.Combine(folder, "post-mortem.txt"));
            Assert.Contains($"end_{end.Replace('-', '_')}", postMortem, StringComparison.Ordinal);
            Assert.Contains($"| endings: {end}", postMortem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Panic_OfALinuxKernelIsReadFromItsConsole()
    {
        using var scripts = new ScriptFolder($"kernel: {Artifacts.Linux}\nmemory: 128M\nhypervisor: soft\nverdict: panic\n");
        var (result, cases) = await scripts.RunWithJsonAsync();
        result.True(result.Status == 0, "status 0 was expected");
        Assert.Equal("panic", cases[0].GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task SeveralVerdicts_AreEachRight()
    {
        using var scripts = new ScriptFolder(
            ("a", ScriptFolder.Ending("halt", "verdict: [reset, halted]\n")),
            ("b", ScriptFolder.Ending("reset-cf9", "verdict: [reset, halted]\n")));
        await scripts.PassesAsync(2);
    }

    private static string SentenceOf(JsonElement one) => one.GetProperty("failure").GetProperty("sentence").GetString()!;
}
