using System.Diagnostics;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>
/// One to four local APICs and an IO-APIC against the slow reference: random writes, messages, wires, acknowledges, starts and time, and everything
/// compared after every step.
/// </summary>
public sealed class InterruptModelTests(ITestOutputHelper output)
{
    private const int Steps = 1_000_000;
    private const int NightlySeeds = 40;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    public void RandomSteps_AgreeWithTheReference(int seed, int processors) => Run(seed, processors, Steps);

    [Fact]
    public void RandomSteps_OfFreshSeedsAgree()
    {
        var isNightly = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1";
        for (var i = 0; i < (isNightly ? NightlySeeds : 1); i++)
        {
            Run(Random.Shared.Next(), 4 - (i % 4), isNightly ? Steps : Steps / 20);
        }
    }

    private void Run(int seed, int processors, int steps)
    {
        output.WriteLine($"seed {seed}, {processors} processors");
        var started = Stopwatch.GetTimestamp();
        using var run = new InterruptModelRun(new Random(seed), processors, $"seed {seed}, {processors} processors");
        for (var step = 0; step < steps; step++)
        {
            run.Step(step);
        }

        output.WriteLine($"{run.Tally}; {Stopwatch.GetElapsedTime(started).TotalSeconds:f1} s");
        Assert.True(run.HasTestedEnough(steps), $"the test has tested too little: {run.Tally}");
    }
}
