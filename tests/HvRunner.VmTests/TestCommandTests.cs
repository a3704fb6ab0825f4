using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary><c>hvrun test</c> before and around its cases: statuses, refusals before anything runs, and which cases are meant. On the soft processor, so never skipped.</summary>
public sealed class TestCommandTests
{
    private const string Matrix = "memory: 16M\nhypervisor: soft\nmatrix: { cmdline: [end=poweroff, end=status:0, end=poweroff x], timeout: [10s, 11s, 12s, 13s] }\n";

    [Fact]
    public async Task AllPassed_IsStatus0AndNothingElse()
    {
        using var scripts = new ScriptFolder(("a", ScriptFolder.Ending("poweroff")), ("b/c", ScriptFolder.Ending("reset-cf9", "verdict: reset\n")));
        var result = await scripts.PassesAsync(2);
        Assert.Matches(@"\Aok   a  \d+\.\d\d s\nok   c  \d+\.\d\d s\n2 passed, 0 failed, 0 skipped\n\z", result.Text);
        Assert.Empty(result.Error);
        Assert.False(Directory.Exists(scripts.ArtifactsRoot));
    }

    [Fact]
    public async Task OneFailed_IsStatus1AndTheOthersRun()
    {
        using var scripts = new ScriptFolder(("a", ScriptFolder.Ending("halt")), ("b", ScriptFolder.Ending("poweroff")));
        var result = await scripts.RunAsync();
        Assert.Equal(1, result.Status);
        Assert.Matches(@"\AFAIL a  ", result.Text);
        Assert.EndsWith("\n1 passed, 1 failed, 0 skipped\n", result.Text, StringComparison.Ordinal);
        Assert.Single(scripts.Kept);
        result.Prints("\n       | endings: halt\n");
        result.Prints("\n       vCPU 0: rip ");
        result.Prints($"\n     artifacts: {scripts.Kept[0]}\n");
        result.Prints($"\n     the same guest: hvrun run --cmdline end=halt --hypervisor soft --memory 16M --timeout 30s {Artifacts.Guest("endings")}\n");
    }

    [Fact]
    public async Task OnlySkipped_IsStatus0WithTheReason()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff", "requires: [kvm]\n"));
        var result = await scripts.RunAsync();
        Assert.Equal(0, result.Status);
        Assert.Equal("skip one (requires kvm, and runs on soft)\n0 passed, 0 failed, 1 skipped\n", result.Text);
    }

    [Fact]
    public async Task MatrixOfHypervisors_RunsOnWhatIsThere()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff", "requires: [hypervisor]\n").Replace(
            "hypervisor: soft\n", "matrix: { hypervisor: [kvm, soft] }\n", StringComparison.Ordinal));
        var result = await scripts.RunAsync();
        Assert.Equal(0, result.Status);
        result.Prints("ok   one [hypervisor=soft]  ");
        result.Prints(ThisHost.ReasonToSkip is null ? "2 passed, 0 failed, 0 skipped\n" : "skip one [hypervisor=kvm] (requires hypervisor: ");
    }

    [Theory]
    [InlineData("--jobs", "0")]
    [InlineData("--jobs", "many")]
    [InlineData("--shard", "3/2")]
    [InlineData("--shard", "0/2")]
    [InlineData("--shard", "half")]
    [InlineData("--filter", "nothing is called so")]
    [InlineData("--hypervisor", "nonsense")]
    [InlineData("--junit", "/nonexistent/junit.xml")]
    [InlineData("--tap", "/nonexistent/tap")]
    [InlineData("--json", "/nonexistent/json")]
    [InlineData("--frobnicate")]
    public async Task WrongOption_IsRefusedByName(string option, string? value = null)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff"));
        CheckRefused((await scripts.RunAsync(value is null ? [option] : [option, value])).Ended(64, "usage"), scripts).Says(option);
    }

    [Fact]
    public async Task NoPath_IsAWrongCommandLine() => (await HvrunProcess.RunAsync("test")).Ended(64, "usage").Says("PATH");

    [Theory]
    [InlineData("nonesuch.vmtest.yaml")]
    [InlineData("nonesuch")]
    public async Task MissingScript_IsNoInput(string name)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff"));
        var path = Path.Combine(scripts.Folder, name);
        (await HvrunProcess.RunAsync("test", path)).Ended(66, "no-input").Says(path);
    }

    [Fact]
    public async Task FolderWithoutScripts_IsTold()
    {
        using var scripts = new ScriptFolder();
        var result = await scripts.RunAsync();
        result.Ended(66, "no-input").Says(scripts.Folder);
    }

    [Fact]
    public async Task MissingKernel_IsNoInputWithItsPlace()
    {
        using var scripts = new ScriptFolder("kernel: nonesuch.elf\nhypervisor: soft\n");
        CheckRefused((await scripts.RunAsync()).Ended(66, "no-input"), scripts).Says($"{scripts.Script("one")}:1:9: ");
    }

    [Fact]
    public async Task MalformedKernel_IsBadInputWithItsPlace()
    {
        using var scripts = new ScriptFolder("hypervisor: soft\nkernel: one.vmtest.yaml\n");
        CheckRefused((await scripts.RunAsync()).Ended(65, "bad-input"), scripts).Says($"{scripts.Script("one")}:2:9: ");
    }

    [Fact]
    public async Task EveryFaultOfEveryScript_IsToldBeforeAnythingRuns()
    {
        using var scripts = new ScriptFolder(
            ("a", ScriptFolder.Ending("poweroff")),
            ("b", "kernel: k\nmemroy: 16M\ncpus: none\nsteps:\n  - expct: x\n  - wait: soon\n"),
            ("c", "kernel: [\n"),
            ("d", "kernel: k\nhypervisor: soft\nverdict: fine\n"));
        var result = CheckRefused((await scripts.RunAsync()).Ended(65, "bad-input"), scripts);
        foreach (var (script, place) in new[] { ("b", "2:1"), ("b", "3:7"), ("b", "5:5"), ("b", "6:11"), ("d", "3:10") })
        {
            result.Says($"hvrun: {scripts.Script(script)}:{place}: ");
        }

        Assert.Contains(result.ErrorLines, line => line.StartsWith($"hvrun: {scripts.Script("c")}:", StringComparison.Ordinal));
        result.True(result.ErrorLines.Length == 7, "six faults and the verdict were expected");
    }

    [Fact]
    public async Task HypervisorThatIsMissing_IsAnErrorWithoutRequires()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("poweroff").Replace("hypervisor: soft", "hypervisor: kvm", StringComparison.Ordinal));
        var result = await scripts.RunAsync();
        if (ThisHost.ReasonToSkip is null)
        {
            Assert.Equal(0, result.Status);
            return;
        }

        Assert.Contains(result.Status, (int[])[69, 77]);
        CheckRefused(result.Ended(result.Status, result.Status == 69 ? "no-hypervisor" : "no-permission"), scripts).Says("/dev/kvm");
    }

    [Fact]
    public async Task List_NamesTheCasesInOrderAndRunsNone()
    {
        using var scripts = new ScriptFolder(("a", $"kernel: {Artifacts.Guest("endings")}\n{Matrix}"), ("b/c", ScriptFolder.Ending("spin")));
        var lines = await ListAsync(scripts);
        Assert.Equal(13, lines.Length);
        Assert.Contains("a [cmdline=end=poweroff, timeout=10s]", lines[0], StringComparison.Ordinal);
        Assert.Contains("a [cmdline=end=poweroff, timeout=11s]", lines[1], StringComparison.Ordinal);
        Assert.Contains("c", lines[12], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("timeout=11s", 3)]
    [InlineData("END=POWEROFF", 8)]
    [InlineData("a.vmtest", 12)]
    [InlineData("c", 13)]
    public async Task Filter_PicksByAPartOfTheName(string filter, int count)
    {
        using var scripts = new ScriptFolder(("a", $"kernel: {Artifacts.Guest("endings")}\n{Matrix}"), ("b", ScriptFolder.Ending("poweroff", "name: of c\n")));
        Assert.Equal(count, (await ListAsync(scripts, "--filter", filter)).Length);
        await scripts.PassesAsync(count, "--filter", filter);
    }

    [Fact]
    public async Task Shards_TogetherAreAllCasesOnce()
    {
        using var scripts = new ScriptFolder(("a", $"kernel: {Artifacts.Guest("endings")}\n{Matrix}"), ("b", ScriptFolder.Ending("poweroff")));
        var all = await ListAsync(scripts);
        var shards = new List<string[]>();
        foreach (var number in new[] { 1, 2, 3 })
        {
            shards.Add(await ListAsync(scripts, "--shard", $"{number}/3"));
            await scripts.PassesAsync(shards[^1].Length, "--shard", $"{number}/3", "--jobs", "2");
        }

        Assert.Equal(all.Order(), shards.SelectMany(shard => shard).Order());
        Assert.All(shards, shard => Assert.InRange(shard.Length, 1, all.Length - 2));
    }

    private static async Task<string[]> ListAsync(ScriptFolder scripts, params string[] options)
    {
        var result = await scripts.RunAsync(["--list", .. options]);
        Assert.Equal(0, result.Status);
        Assert.Empty(result.Error);
        Assert.Empty(scripts.Kept);
        return result.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Nothing ran, and sentences say why.</summary>
    private static HvrunResult CheckRefused(HvrunResult result, ScriptFolder scripts)
    {
        Assert.Empty(result.Output);
        Assert.False(Directory.Exists(scripts.ArtifactsRoot));
        result.True(result.ErrorLines.All(line => line.StartsWith("hvrun: ", StringComparison.Ordinal)), "hvrun's prefix was expected on each line");
        result.True(!result.Error.Contains("   at ", StringComparison.Ordinal), "sentences were expected, not a stack trace");
        return result;
    }
}
