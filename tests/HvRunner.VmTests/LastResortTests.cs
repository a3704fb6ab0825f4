using System.Diagnostics;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>A run ends within a second of its limit or an interruption, whatever its threads wait for; and no output is written over what it must not be.</summary>
public sealed class LastResortTests
{
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(1.5);

    [VmFact]
    public async Task StalledPipeForBothStreams_DoesNotOutlastTheTimeLimit()
    {
        // Post-mortem and verdict go into the same pipe that nobody reads.
        var start = new HvrunStart(Guests.Ending("flood:4194304", "--timeout", "1s")) { LeaveOutput = true, Redirections = "2>&1" };
        using var process = HvrunProcess.Start(start);
        var result = await process.EndAsync();
        result.True(result.Status == 124, "status 124 was expected");
        result.True(result.Duration < TimeSpan.FromSeconds(1) + Promise, "the end was expected within a second of the time limit");
    }

    [VmTheory]
    [InlineData("--trace")]
    [InlineData("--log")]
    [InlineData("--console", "file:")]
    public async Task NamedPipeThatNobodyOpens_DoesNotHoldUpASignal(string option, string prefix = "")
    {
        using var directory = new TemporaryDirectory();
        var pipe = directory.File("pipe");
        using (var mkfifo = Process.Start(new ProcessStartInfo("mkfifo", [pipe]))!)
        {
            await mkfifo.WaitForExitAsync();
        }

        using var process = HvrunProcess.Start(Guests.Ending("spin", option, prefix + pipe));

        // Where the kernel keeps a process that waits for the other end of a named pipe.
        while (await File.ReadAllTextAsync($"/proc/{process.Id}/wchan") != "wait_for_partner")
        {
            await Task.Delay(10, process.Limit);
        }

        var sent = Stopwatch.GetTimestamp();
        process.Signal(15);
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(Stopwatch.GetElapsedTime(sent) < Promise, "the end was expected within a second of the signal");
    }

    [VmFact]
    public async Task Output_IsLeftAloneWhenTheRunIsRefused()
    {
        using var directory = new TemporaryDirectory();
        var kept = directory.File("kept");
        await File.WriteAllTextAsync(kept, "kept");
        (await HvrunProcess.RunAsync("run", "--console", $"file:{kept}", "--trace", kept + ".trace", "/nonexistent/kernel")).Ended(66, "no-input");
        Assert.Equal("kept", await File.ReadAllTextAsync(kept));
    }

    [VmTheory]
    [InlineData("--console", "file:")]
    [InlineData("--report", "")]
    [InlineData("--trace", "")]
    public async Task Output_OverTheKernelIsRefused(string option, string prefix)
    {
        using var directory = new TemporaryDirectory();
        var kernel = directory.File("kernel.elf");
        File.Copy(Artifacts.Guest("minimal"), kernel);
        (await HvrunProcess.RunAsync("run", option, prefix + kernel, kernel)).Ended(64, "usage").Says("is also an input");
        Assert.Equal(await File.ReadAllBytesAsync(Artifacts.Guest("minimal")), await File.ReadAllBytesAsync(kernel));
    }

    [VmFact]
    public async Task Report_ThatCannotBeWrittenIsRefusedBeforeAnythingRuns()
    {
        var result = (await Guests.EndAsync("poweroff", "--report", "/nonexistent/report")).Ended(64, "usage");
        result.Says("--report");
        Assert.Empty(result.Output);
    }

    [VmFact]
    public async Task WordThatBeginsWithAt_IsAWord()
    {
        var result = await HvrunProcess.RunAsync("run", "--memory", "16M", "--cmdline", "@end", Artifacts.Guest("endings"), "--", "end=poweroff");
        result.Ended(0, "poweroff");
    }
}
