using System.Text.Json;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The folder that a failed case of <c>hvrun test</c> leaves, and that a passed one does not.</summary>
public sealed class TestArtifactsTests
{
    [Fact]
    public async Task ConsoleLog_IsTheConsoleByteForByte()
    {
        const int Count = 300_000;
        using var scripts = new ScriptFolder(ScriptFolder.Ending($"flood:{Count}", "verdict: reset\n"));
        await scripts.FailsAsync("expected the verdict reset, found poweroff");
        var bytes = await File.ReadAllBytesAsync(Path.Combine(Assert.Single(scripts.Kept), "console.log"));
        Assert.Equal(Enumerable.Range(0, Count).Select(i => (byte)(i % Guests.FloodPeriod)), bytes);
    }

    [Theory]
    [InlineData("status:7", 7)]
    [InlineData("halt", 84)]
    [InlineData("triple", 82)]
    [InlineData("reset-kbc", 80)]
    public async Task RunLine_RunsTheGuestToTheSameEnd(string end, int status)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending(end, "name: \"it's a 'name' with $(signs)\"\n"));
        await scripts.FailsAsync("expected the verdict poweroff, found ");
        var folder = Assert.Single(scripts.Kept);
        var result = await RunLineAsync(folder);
        result.True(result.Status == status, $"status {status} was expected");
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(folder, "console.log")), result.Output);
    }

    [Fact]
    public async Task RunLine_TypesWhatTheScriptTyped()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Shell("steps:\n  - expect: 'hvrun# '\n  - send: \"echo 'a%b\\\\n' $((6 * 7)); exit 5\\n\"\n"));
        await scripts.FailsAsync("expected the verdict poweroff, found guest-status (the guest reported status 5)");
        var result = await RunLineAsync(Assert.Single(scripts.Kept));
        result.True(result.Status == 5, "the script's status was expected");
        result.Prints("a%b\\n 42\r\n");
    }

    [Fact]
    public async Task Report_AndPostMortemAreThoseOfTheRun()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("halt"));
        var result = await scripts.FailsAsync("expected the verdict poweroff, found halted");
        var folder = Assert.Single(scripts.Kept);
        using var report = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "report.json")));
        Assert.Equal("halted", report.RootElement.GetProperty("verdict").GetString());
        Assert.Equal(84, report.RootElement.GetProperty("exitStatus").GetInt32());
        var symbol = report.RootElement.GetProperty("postMortem").GetProperty("vcpus")[0].GetProperty("symbol").GetString()!;
        Assert.StartsWith("end_halt", symbol, StringComparison.Ordinal);
        var postMortem = await File.ReadAllTextAsync(Path.Combine(folder, "post-mortem.txt"));
        Assert.Contains(symbol, postMortem, StringComparison.Ordinal);
        Assert.Contains("| endings: halt", postMortem, StringComparison.Ordinal);
        Assert.StartsWith("expected the verdict poweroff, found halted", await File.ReadAllTextAsync(Path.Combine(folder, "failure.txt")), StringComparison.Ordinal);
        result.Prints(symbol);
    }

    [Fact]
    public async Task PostMortem_OfALinuxThatPanicsHasItsSymbols()
    {
        using var scripts = new ScriptFolder($"kernel: {Artifacts.Linux}\nmemory: 128M\nhypervisor: soft\n");
        await scripts.FailsAsync("Kernel panic - not syncing: No working init found.");
        var postMortem = await File.ReadAllTextAsync(Path.Combine(Assert.Single(scripts.Kept), "post-mortem.txt"));
        Assert.Matches("vCPU 0: rip [0-9a-f]{16}  [a-zA-Z_][a-zA-Z0-9_.]*", postMortem);
        Assert.Contains("---[ end Kernel panic", postMortem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DebugConsole_IsKept()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("debugcon", "verdict: reset\n"));
        await scripts.FailsAsync("expected the verdict reset, found poweroff");
        Assert.Equal(
            "endings: a first line to the debug console\nendings: a second line to the debug console\n",
            await File.ReadAllTextAsync(Path.Combine(Assert.Single(scripts.Kept), "debug-console.log")));
    }

    [Fact]
    public async Task PassedCase_LeavesNothingAndOneThatFailedBeforeIsReplaced()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("halt"));
        await scripts.FailsAsync("found halted");
        var before = Assert.Single(scripts.Kept);
        await File.WriteAllTextAsync(Path.Combine(before, "left over"), "");
        await scripts.FailsAsync("found halted");
        Assert.Equal(before, Assert.Single(scripts.Kept));
        Assert.False(File.Exists(Path.Combine(before, "left over")));

        await File.WriteAllTextAsync(scripts.Script("one"), ScriptFolder.Ending("halt", "verdict: halted\n"));
        await scripts.PassesAsync(1);
        Assert.False(Directory.Exists(scripts.ArtifactsRoot));
    }

    [Fact]
    public async Task CasesWithLikeNames_HaveFoldersOfTheirOwn()
    {
        using var scripts = new ScriptFolder(("a/x", ScriptFolder.Ending("halt")), ("b/x", ScriptFolder.Ending("halt")), ("c", ScriptFolder.Ending("halt", "name: x\n")));
        Assert.Equal(1, (await scripts.RunAsync("--jobs", "2")).Status);
        Assert.Equal(3, scripts.Kept.Length);
    }

    /// <summary>Runs the line that a failed case left, as its user would: in a shell, with hvrun on the path.</summary>
    private static Task<HvrunResult> RunLineAsync(string folder) => HvrunProcess.RunAsync(new HvrunStart(Path.Combine(folder, "run.sh"))
    {
        Program = "/bin/sh",
        Environment = new Dictionary<string, string> { ["PATH"] = $"{Path.GetDirectoryName(Artifacts.Hvrun)}:{Environment.GetEnvironmentVariable("PATH")}" },
    });
}
