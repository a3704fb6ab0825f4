using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Random code in every mode: nothing throws, nothing hangs, and nothing outside guest memory is touched (that ends the test process; the file that
/// the output names then holds the case). HVRUN_PROCESSOR_SEED repeats one case.
/// </summary>
public class ProcessorFuzzTests(ITestOutputHelper output)
{
    private const int FirstSeed = 1;
    private static readonly TimeSpan Time = TestTime.IsNightly ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _seed;
    private long _begun;

    [Fact]
    public async Task Run_OnRandomCode_NeverThrowsNorTouchesTheHost()
    {
        if (TestTime.Seed("HVRUN_PROCESSOR_SEED") is { } only)
        {
            using var one = new FuzzCase(only);
            one.Run();
            return;
        }

        // A nightly run goes on where the day's time tells it, not through the same cases.
        var first = TestTime.IsNightly ? (int)(Stopwatch.GetTimestamp() % 1_000_000_000) : FirstSeed;
        var path = Path.Combine(Path.GetTempPath(), $"hvrun-fuzz-{Environment.ProcessId}.txt");
        output.WriteLine($"cases from {first} on; the case under way is in {path}");
        var started = Stopwatch.GetTimestamp();
        long retired = 0;
        var lives = new int[9];
        var stops = 0;
        await using (var note = new StreamWriter(path))
        using (var watch = new CancellationTokenSource())
        {
            var watcher = WatchAsync(watch.Token);
            for (_seed = first; Stopwatch.GetElapsedTime(started) < Time; _seed++)
            {
                note.BaseStream.Position = 0;
                note.Write(_seed.ToString("d10", CultureInfo.InvariantCulture));
                note.Flush();
                Volatile.Write(ref _begun, Stopwatch.GetTimestamp());
                using var one = new FuzzCase(_seed);
                try
                {
                    one.Run();
                }
                catch (Exception exception)
                {
                    throw new InvalidOperationException($"HVRUN_PROCESSOR_SEED={_seed} ({one.Mode}): {exception.Message}", exception);
                }

                retired += one.Retired;
                stops += one.Stops;
                lives[(int)one.Mode]++;
            }

            await watch.CancelAsync().ConfigureAwait(true);
            await watcher.ConfigureAwait(true);
        }

        File.Delete(path);
        output.WriteLine($"{_seed - first} cases, {retired} instructions, {stops} lives that ended early; last lives by mode: {string.Join(' ', lives)}");
        Assert.True(lives.All(count => count > 10), "a mode was left out");
        Assert.True(retired > 300_000, $"only {retired} instructions");
    }

    /// <summary>Ends the process when a case hangs: nothing else gets out of an endless loop on the test's own thread.</summary>
    private async Task WatchAsync(CancellationToken token)
    {
        Volatile.Write(ref _begun, Stopwatch.GetTimestamp());
        try
        {
            while (true)
            {
                await Task.Delay(1000, token).ConfigureAwait(false);
                if (Stopwatch.GetElapsedTime(Volatile.Read(ref _begun)) > Patience)
                {
                    Environment.FailFast($"HVRUN_PROCESSOR_SEED={_seed} does not end");
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
