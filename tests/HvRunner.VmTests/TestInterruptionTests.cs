using System.Diagnostics;
using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Harness.Interop;

namespace HvRunner.VmTests;

/// <summary><c>hvrun test</c> that is told to stop: it ends soon, says what it did not run, keeps what it has; and one that is killed leaves no process behind.</summary>
public sealed class TestInterruptionTests
{
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(Libc.SIGTERM, "spin")]
    [InlineData(Libc.SIGINT, "spin")]
    [InlineData(Libc.SIGTERM, "idle")]
    [InlineData(Libc.SIGINT, "flood:4000000000")]
    public async Task Signal_EndsTheCasesThatRunAndBeginsNoOther(int signal, string end)
    {
        using var scripts = new ScriptFolder(
            ("a", ScriptFolder.Ending("poweroff")), ("b", ScriptFolder.Ending(end, "steps: [expect: nowhere]\n")), ("c", ScriptFolder.Ending("poweroff")), ("d", ScriptFolder.Ending("poweroff")));
        var junit = scripts.File("junit.xml");
        using var process = HvrunProcess.Start(scripts.Arguments("--junit", junit));
        await process.WaitForOutputAsync("ok   a  ");
        await UntilAsync(process, () => scripts.Kept.Any(folder => new FileInfo(Path.Combine(folder, "console.log")) is { Exists: true }));
        await Task.Delay(200, process.Limit);
        var sent = Stopwatch.GetTimestamp();
        process.Signal(signal);
        var result = await process.EndAsync();
        result.True(Stopwatch.GetElapsedTime(sent) < Promise, "the end was expected within three seconds of the signal");
        result.True(result.Status == 130, "status 130 was expected");
        result.Prints("\n     the tests were interrupted\n");
        Assert.EndsWith("\n2 not run\n1 passed, 1 failed, 0 skipped\n", result.Text, StringComparison.Ordinal);
        Assert.Contains("tests=\"2\"", await File.ReadAllTextAsync(junit), StringComparison.Ordinal);
        var folder = Assert.Single(scripts.Kept);
        Assert.All(["console.log", "report.json", "failure.txt", "run.sh"], name => Assert.True(File.Exists(Path.Combine(folder, name)), name));
    }

    [Fact]
    public async Task ControlC_OnATerminalEndsIt()
    {
        // A session of its own (setsid(1) -c takes the terminal), as a shell has it, so that the terminal turns the key into the signal.
        using var scripts = new ScriptFolder(ScriptFolder.Ending("spin", "steps: [expect: nowhere]\n"));
        using var terminal = new PseudoTerminal();
        using var process = HvrunProcess.Start(new HvrunStart(["-c", Artifacts.Hvrun, .. scripts.Arguments()])
        {
            Program = "/usr/bin/setsid",
            Redirections = $"<{terminal.Path}",
        });
        await UntilAsync(process, () => scripts.Kept.Length == 1);
        await Task.Delay(300, process.Limit);
        terminal.Type("\u0003");
        var result = await process.EndAsync();
        result.True(result.Status == 130, "status 130 was expected");
        Assert.EndsWith("0 passed, 1 failed, 0 skipped\n", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kill_LeavesNoProcessAndTheConsolesLog()
    {
        using var scripts = new ScriptFolder(("a", ScriptFolder.Ending("spin", "steps: [expect: nowhere]\n")), ("b", ScriptFolder.Ending("flood:4000000000")));

        // A session of its own, which setsid(1) makes and then becomes hvrun, so that every process that came from it can be told.
        using var process = HvrunProcess.Start(new HvrunStart([Artifacts.Hvrun, .. scripts.Arguments("--jobs", "2")]) { Program = "/usr/bin/setsid" });
        await UntilAsync(process, () => scripts.Kept.Length == 2 && scripts.Kept.All(folder => new FileInfo(Path.Combine(folder, "console.log")) is { Exists: true, Length: > 0 }));
        var hvrun = process.Id;
        Assert.Contains(Processes(), one => one.Id == hvrun && one.Session == hvrun);
        process.Signal(Libc.SIGKILL);
        Assert.Equal(128 + Libc.SIGKILL, (await process.EndAsync()).Status);
        Assert.DoesNotContain(Processes(), one => one.Id == hvrun || one.Parent == hvrun || one.Group == hvrun || one.Session == hvrun);
        Assert.All(scripts.Kept, folder => Assert.StartsWith(
            folder.Contains("/a-", StringComparison.Ordinal) ? "endings: spin\n" : "\0\u0001\u0002", File.ReadAllText(Path.Combine(folder, "console.log")), StringComparison.Ordinal));
    }

    private static async Task UntilAsync(HvrunProcess process, Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(10, process.Limit);
        }
    }

    /// <summary>All processes: identity, parent, process group and session (proc(5), fields 4 to 6 of stat).</summary>
    private static List<(int Id, int Parent, int Group, int Session)> Processes()
    {
        var all = new List<(int, int, int, int)>();
        foreach (var directory in Directory.GetDirectories("/proc").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                var stat = File.ReadAllText(Path.Combine(directory, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                all.Add((Number(Path.GetFileName(directory)), Number(fields[1]), Number(fields[2]), Number(fields[3])));
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }

        return all;
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
