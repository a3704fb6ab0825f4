using HvRunner.Testing.Ktap;

namespace HvRunner.Testing.Tests.Ktap;

/// <summary>What does not add up, as sentences.</summary>
public class KtapFaultTests
{
    [Theory]
    [InlineData("1..3\nok 1\nok 3", "planned 3, saw 2: 2 is missing")]
    [InlineData("1..4\nok 1\nok 4", "planned 4, saw 2: 2 and 3 are missing")]
    [InlineData("1..9\nok 1\nok 3\nok 9", "planned 9, saw 3: 2 and 4 to 8 are missing")]
    [InlineData("1..3", "planned 3, saw 0: 1 to 3 are missing")]
    [InlineData("TAP version 13\nok 1\nok 3", "there is no plan|2 is missing")]
    [InlineData("TAP version 13\nok 1", "there is no plan")]
    [InlineData("KTAP version 1\nok 1 a", "there is no plan")]
    [InlineData("KTAP version 1", "neither a plan nor a result came")]
    [InlineData("1..2\nok 1\nok 2\nok 2", "2 comes twice")]
    [InlineData("1..2\nok 2\nok 1", "1 comes after 2")]
    [InlineData("1..2\nok 1\nok 2\nok 3", "3 is outside the plan of 2")]
    [InlineData("1..1\nok 0\nok 1", "a result has the number 0")]
    [InlineData("TAP version 13\nok 1\nok 2\n1..1", "2 is outside the plan of 1")]
    [InlineData("1..2\nok - a\nok - b\nok - c", "3 is outside the plan of 2")]
    [InlineData("1..2\nok 1\n1..2\nok 2", "a second plan came")]
    [InlineData("1..2\nok 1\nok 2\n1..2", "a second plan came")]
    [InlineData("1..2\nok 1\nBail out! no power", "bailed out: no power")]
    [InlineData("Bail out!", "bailed out")]
    [InlineData("1..2\nok 1\nBail out! x\nok 2", "bailed out: x|1 result came after the bail-out")]
    [InlineData("ok 1 - a\nBail out! x", "bailed out: x")]
    [InlineData("TAP version 13\n1..2\nok 1\nTAP version 13\n1..1\nok 1", "planned 2, saw 1: 2 is missing")]
    [InlineData("1..1000000000000000000000000\nok 99999999999999999999999999999 - a", "planned 1000000000000000000, saw 1: 1 to 999999999999999999 are missing")]
    public void Console_SaysWhatDoesNotAddUp(string text, string faults) => Assert.Equal(faults.Split('|'), KtapConsole.Of(text).Faults);

    [Fact]
    public void ResultBehindABailOut_Fails()
    {
        var console = KtapConsole.Of("1..3\nok 1 a\nBail out! x\nok 2 b\nok 3 c # SKIP");
        Assert.Equal(["+a", "-b", "-c"], console.Shown);
        Assert.All(console.Results.Skip(1), result => Assert.Equal("it came after the bail-out", result.Reason));
    }

    [Fact]
    public void BailOut_WithinASuite_EndsAll()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: s\n  1..9\n  ok 1 a\n  Bail out!\nKTAP version 1\n1..1\nok 1 b");
        Assert.Equal(["+s/a", "-b"], console.Shown);
        Assert.Equal(["bailed out", "1 result came after the bail-out"], console.Faults);
    }

    [Fact]
    public void Faults_AreBounded()
    {
        var text = new List<string> { "1..1" };
        for (var number = 0; number < 1_000; number++)
        {
            text.Add("TAP version 13");
            text.AddRange(Enumerable.Repeat("ok 1", 30));
        }

        var faults = KtapConsole.Of(text).Faults;
        Assert.Equal(KtapOutput.MaxFaults + 1, faults.Count);
        Assert.StartsWith("and ", faults[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void ScatteredNumbers_AreCountedOnly()
    {
        var faults = KtapConsole.Of(["1..10000000", .. Enumerable.Range(1, 3_000).Select(number => $"ok {number * 3}")]).Faults;
        Assert.Equal([$"the numbers have more than {NumberRanges.MaxRanges} gaps"], faults);
    }
}
