using System.Diagnostics;
using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Harness.Interop;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary>
/// SIGTERM and SIGINT at any moment of a run's life end it with one consistent verdict. Only in the first milliseconds, before hvrun can have
/// installed its handlers, may it die of the signal, and then without having said or done anything.
/// </summary>
public sealed class SignalTests(ITestOutputHelper output)
{
    private static readonly (string Name, string[] Arguments, int LongestMs)[] Runs =
    [
        ("spin", Guests.Ending("spin"), 120),
        ("idle", Guests.Ending("idle"), 120),
        ("poweroff", Guests.Ending("poweroff"), 30),
        ("halt", Guests.Ending("halt"), 120),
        ("echo", ["run", "--memory", "16M", Artifacts.Guest("echo")], 120),
        ("demo", ["demo"], 160),
    ];

    [VmFact]
    public async Task Signal_AtARandomMomentGivesOneVerdict()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var rounds = ThisHost.IsNightly ? 500 : 60;
        var ends = new SortedDictionary<string, int>();
        output.WriteLine($"seed {seed}");
        for (var round = 0; round < rounds; round++)
        {
            var (name, arguments, longest) = Runs[round % Runs.Length];
            var signal = random.Next(2) == 0 ? Libc.SIGTERM : Libc.SIGINT;
            var delay = TimeSpan.FromMicroseconds(random.Next(longest * 1000));
            var end = await InterruptAsync(arguments, signal, delay, $"seed {seed}, round {round}: {name}, signal {signal} after {delay.TotalMilliseconds:F2} ms");
            ends[end] = ends.GetValueOrDefault(end) + 1;
        }

        var summary = string.Join(", ", ends.Select(end => $"{end.Value} {end.Key}"));
        output.WriteLine(summary);
        Artifacts.Measured($"signals, {rounds} rounds, seed {seed}: {summary}");
    }

    [VmTheory]
    [InlineData(Libc.SIGTERM)]
    [InlineData(Libc.SIGINT)]
    public async Task Signal_EndsARunningGuest(int signal)
    {
        using var process = HvrunProcess.Start(Guests.Ending("spin"));
        await process.WaitForOutputAsync("endings: spin\n");
        process.Signal(signal);
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(result.Duration < TimeSpan.FromSeconds(2), "the end was expected within a second of the signal");
        Assert.Single(result.ErrorLines);
    }

    [VmTheory]
    [InlineData(Libc.SIGTERM)]
    [InlineData(Libc.SIGINT)]
    public async Task Signal_WhileTheVerdictIsToldChangesNothing(int signal)
    {
        // The post-mortem of so many vCPUs is more than a pipe holds: once its first byte is there, hvrun waits in the middle of it.
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("halt", "--cpus", "128")) { HoldError = true });
        await process.Error.ReadExactlyAsync(new byte[1], process.Limit);
        process.Signal(signal);
        process.ReadError();
        (await process.EndAsync()).Ended(84, "halted");
    }

    [VmFact]
    public async Task Stop_AndContinueDoNotDisturbTheRun()
    {
        using var process = HvrunProcess.Start(["run", "--memory", "16M", Artifacts.Guest("demo")]);
        await process.WaitForOutputAsync("memory map");
        process.Signal(Libc.SIGSTOP);
        await Task.Delay(300, process.Limit);
        process.Signal(Libc.SIGCONT);
        (await process.EndAsync()).Ended(0, "poweroff").Prints("demo: ends with status 0");
    }

    [VmFact]
    public async Task Signal_EndsALinuxThatBoots()
    {
        using var process = HvrunProcess.Start("run", "--memory", "128M", "--cmdline", "console=ttyS0 earlyprintk=ttyS0", Artifacts.Linux);
        await process.WaitForOutputAsync("Linux version 6.1.");
        var sent = Stopwatch.GetTimestamp();
        process.Signal(Libc.SIGTERM);
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(Stopwatch.GetElapsedTime(sent) < TimeSpan.FromSeconds(1), "the end was expected within a second of the signal");
    }

    private static async Task<string> InterruptAsync(string[] arguments, int signal, TimeSpan delay, string what)
    {
        using var process = HvrunProcess.Start(new HvrunStart(arguments) { KeepInputOpen = true, Limit = TimeSpan.FromSeconds(20) });
        await UntilAsync(process, delay);
        var sent = process.Elapsed;
        process.Signal(signal);
        var result = await process.EndAsync();
        result.True(result.Duration - sent < TimeSpan.FromSeconds(1), $"{what}: the end was expected within a second of the signal");
        Assert.False(Directory.Exists($"/proc/{process.Id}"), what);
        if (result.Error.Length == 0)
        {
            result.True(result.Status == 128 + signal && result.Output.Length == 0, $"{what}: a verdict was expected, or nothing at all");
            return "died before it began";
        }

        var verdict = result.Verdict;
        var status = verdict switch { "poweroff" => 0, "halted" => 84, "interrupted" => 130, _ => -1 };
        result.True(result.Status == status, $"{what}: the status of '{verdict}' was expected");
        return verdict;
    }

    /// <summary>Lets a time pass that is finer than a timer's grain.</summary>
    private static async Task UntilAsync(HvrunProcess process, TimeSpan moment)
    {
        var coarse = moment - process.Elapsed - TimeSpan.FromMilliseconds(3);
        if (coarse > TimeSpan.Zero)
        {
            await Task.Delay(coarse);
        }

        while (process.Elapsed < moment)
        {
            await Task.Yield();
        }
    }
}
