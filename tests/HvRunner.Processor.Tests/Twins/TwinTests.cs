using System.Diagnostics;
using Xunit.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// One program, two ways: translated, and stepped through the executor. Registers, defined flags, memory, page tables and what devices saw must be
/// the same. HVRUN_TWINS_SEED repeats one case.
/// </summary>
public class TwinTests(ITestOutputHelper output)
{
    private const int FirstSeed = 1000;
    private const long InstructionsPerCase = 12_000;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(TestTime.IsNightly ? 300 : 18);

    [Fact]
    public void Processor_OnRandomPrograms_DoesWhatTheExecutorDoes()
    {
        var started = Stopwatch.GetTimestamp();
        if (TestTime.Seed("HVRUN_TWINS_SEED") is { } only)
        {
            var found = Run(only, true, out _);
            Assert.True(found is null, found);
            return;
        }

        long instructions = 0;
        var cases = 0;
        var failures = new List<string>();
        // A nightly run takes programs that no run had before.
        var first = TestTime.IsNightly ? (int)(started % 1_000_000_000) : FirstSeed;
        for (var seed = first; Stopwatch.GetElapsedTime(started) < Time && failures.Count < 3; seed++)
        {
            if (Run(seed, false, out var count) is not null)
            {
                failures.Add(Run(seed, true, out _) ?? $"seed {seed} failed once, and not again");
            }

            instructions += count;
            cases++;
        }

        output.WriteLine($"{cases} programs from {first} on, {instructions} instructions");
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(instructions > 200_000, $"only {instructions} instructions");
    }

    private static string? Run(int seed, bool withDetails, out long instructions)
    {
        using var twins = new Twins(seed) { WithDetails = withDetails };
        var slices = new Random(~seed);
        while (!twins.IsOver && twins.Fast.InstructionsRetired < InstructionsPerCase)
        {
            if (twins.Run(slices.Next(4) == 0 ? slices.Next(1, 8) : slices.Next(1, 600)) is { } difference)
            {
                instructions = twins.Fast.InstructionsRetired;
                return difference;
            }
        }

        instructions = twins.Fast.InstructionsRetired;
        return null;
    }
}
