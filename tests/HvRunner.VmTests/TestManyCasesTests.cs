using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary><c>hvrun test</c> with many cases in one process: none fails, and what a case took of the host it gives back.</summary>
public sealed class TestManyCasesTests
{
    private const int Cases = 200;

    // What the runtime's heap may grow by between the 50th case and the last, and what may be open at one moment and not at another.
    private const long MostGrowthKib = 12 * 1024;
    private const int MostDescriptorsMore = 8;

    [Fact]
    public async Task TwoHundredCases_PassAndLeaveNothingBehind()
    {
        var limits = string.Join(", ", Enumerable.Range(0, Cases).Select(i => $"{20_000 + i}ms"));
        using var scripts = new ScriptFolder(ScriptFolder.Guest("demo", "steps:\n  - expect: memory map\n  - expect: 10 ticks of 10 ms\n  - exit-status: 0\n")
            .Replace("timeout: 30s\n", $"matrix: {{ timeout: [{limits}] }}\n", StringComparison.Ordinal));
        using var process = HvrunProcess.Start(new HvrunStart(scripts.Arguments("--jobs", "2")) { Limit = TimeSpan.FromSeconds(180) });

        // Samples of one moment say little, so the least of several is taken at each place.
        await UntilCaseAsync(process, 50);
        var early = await LeastAsync(process, 50, 80);
        var late = await LeastAsync(process, 170, Cases);
        var result = await process.EndAsync();
        result.True(result.Status == 0, "status 0 was expected");
        result.True(result.Text.EndsWith($"\n{Cases} passed, 0 failed, 0 skipped\n", StringComparison.Ordinal), "all cases were expected to pass");
        Artifacts.Measured($"{Cases} cases of the demo guest, two at a time: {result.Duration.TotalSeconds:F1} s; {early} near the 50th, {late} near the last");
        Assert.True(late.Descriptors <= early.Descriptors + MostDescriptorsMore, $"{early}, then {late}");
        Assert.True(late.Threads <= early.Threads + MostDescriptorsMore, $"{early}, then {late}");
        Assert.True(late.ResidentKib <= early.ResidentKib + MostGrowthKib, $"{early}, then {late}");
    }

    private static async Task UntilCaseAsync(HvrunProcess process, int number)
    {
        while (process.OutputLines < number && !process.HasExited)
        {
            await Task.Delay(10, process.Limit);
        }
    }

    /// <summary>The least that is seen of the process between two cases.</summary>
    private static async Task<Usage> LeastAsync(HvrunProcess process, int from, int to)
    {
        await UntilCaseAsync(process, from);
        var least = new Usage(long.MaxValue, int.MaxValue, int.MaxValue);
        while (process.OutputLines < to && !process.HasExited)
        {
            if (Usage.Of(process) is { } now)
            {
                least = new Usage(Math.Min(least.ResidentKib, now.ResidentKib), Math.Min(least.Descriptors, now.Descriptors), Math.Min(least.Threads, now.Threads));
            }

            await Task.Delay(20, process.Limit);
        }

        Assert.NotEqual(int.MaxValue, least.Descriptors);
        return least;
    }

    private sealed record Usage(long ResidentKib, int Descriptors, int Threads)
    {
        /// <summary>What the process uses now; null once it is gone.</summary>
        internal static Usage? Of(HvrunProcess process)
        {
            try
            {
                return process.StatusKib("VmRSS") is { } resident
                    ? new Usage(resident, Directory.GetFiles($"/proc/{process.Id}/fd").Length, Directory.GetDirectories($"/proc/{process.Id}/task").Length)
                    : null;
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}
