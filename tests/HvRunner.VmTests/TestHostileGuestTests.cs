using System.Globalization;
using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary><c>hvrun test</c> and guests that mean no good: none keeps a case from its end, or takes more memory than a machine of its size may.</summary>
public sealed partial class TestHostileGuestTests
{
    private const long MostMemoryKib = 120 * 1024;

    [Theory]
    [InlineData("spin", 1_000_000, long.MaxValue)]
    [InlineData("idle", 0, 100)]
    public async Task GuestThatNeverAnswers_IsToldToBeSlowOrStill(string end, long fewest, long most)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending(end, "steps:\n  - expect: 'endings: '\n  - expect: an answer\n    within: 1500ms\n"));
        var result = await scripts.FailsAsync("the step's limit of 1.5 s passed while waiting for \"an answer\"; in its last second the guest made ");
        result.True(result.Duration < TimeSpan.FromSeconds(4), "the end was expected soon after the limit");
        result.Prints($"{scripts.Script("one")}:8: expect \"an answer\"");
        var match = LastSecond().Match(result.Text);
        result.True(match.Success, "the instructions of the last second were expected");
        Assert.InRange(long.Parse(match.Groups[1].Value.Replace(",", "", StringComparison.Ordinal), CultureInfo.InvariantCulture), fewest, most);
    }

    [Theory]
    [InlineData("flood", 15_000_000)]
    [InlineData("long-line", 10_000_000)]
    public async Task Flood_PassesInBoundedMemory(string end, int count)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending($"{end}:{count}", "steps:\n  - reject: nobody says this\n  - expect: /nor (this|that)/\n")
            .Replace("timeout: 30s", "timeout: 90s", StringComparison.Ordinal));
        using var process = HvrunProcess.Start(new HvrunStart(scripts.Arguments()) { Limit = TimeSpan.FromSeconds(120) });
        long peakKib = 0;
        while (!process.HasExited)
        {
            peakKib = Math.Max(peakKib, process.StatusKib("VmHWM") ?? 0);
            await Task.Delay(20, process.Limit);
        }

        var result = await process.EndAsync();
        result.True(result.Status == 1, "status 1 was expected");
        result.Prints("the guest ended with the verdict poweroff (the guest reported status 0) while waiting for /nor (this|that)/");
        Assert.Equal(count, new FileInfo(Path.Combine(Assert.Single(scripts.Kept), "console.log")).Length);
        Assert.InRange(peakKib, 1, MostMemoryKib);
        Artifacts.Measured($"hvrun test, {end} of {count} bytes: {result.Duration.TotalMicroseconds / count:F2} us a byte, peak {peakKib} KiB");

        // A line of megabytes is cut where people are to read it.
        result.True(result.Output.Length < 200_000, "a short account was expected");
    }

    [Fact]
    public async Task FloodWithoutEnd_EndsWithItsStep()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("flood:4000000000", "steps:\n  - expect: nowhere\n    within: 1s\n"));
        var result = await scripts.FailsAsync("the step's limit of 1 s passed while waiting for \"nowhere\"");
        result.True(result.Duration < TimeSpan.FromSeconds(4), "the end was expected soon after the limit");
    }

    [Fact]
    public async Task GuestThatIsTypedMoreThanItReads_HoldsNothingUp()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending("spin", $"steps:\n  - send: '{new string('x', 200_000)}'\n  - expect: nowhere\n    within: 500ms\n"));
        await scripts.FailsAsync("the step's limit of 0.5 s passed while waiting for \"nowhere\"");
    }

    [GeneratedRegex(@"in its last second the guest made [0-9,]+ exits? and ([0-9,]+) instructions?")]
    private static partial Regex LastSecond();
}
