using HvRunner.Testing.Ktap;

namespace HvRunner.Testing.Tests.Ktap;

/// <summary>Suites: how they open, what they are called, how they end.</summary>
public class KtapNestingTests
{
    [Theory]
    [InlineData("  ")]
    [InlineData("    ")]
    [InlineData("\t")]
    public void Suite_NamedByItsParent_IsHeldUntilThen(string indent)
    {
        var console = new KtapConsole();
        console.Feed(["KTAP version 1", "1..1", indent + "KTAP version 1", indent + "1..2", indent + "ok 1 a", indent + "not ok 2 b"]);
        Assert.Empty(console.Shown);
        console.Feed(["not ok 1 suite"]);
        Assert.Equal(["+suite/a", "-suite/b"], console.Shown);
        console.End();
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void Suite_WithAHeader_IsNamedAtOnce()
    {
        var console = new KtapConsole();
        console.Feed(["[    0.1] KTAP version 1", "[    0.1] 1..1", "[    0.1]     KTAP version 1", "[    0.1]     # Subtest: suite", "[    0.1]     1..1", "[    0.1]     ok 1 a"]);
        Assert.Equal(["+suite/a"], console.Shown);
    }

    [Fact]
    public void SuitesOwnResult_CountsOnlyWhereItSaysMore()
    {
        const string Suite = "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  ";
        Assert.Equal(["+s/a"], KtapConsole.Of(Suite + "ok 1 a\nok 1 s").Shown);
        Assert.Equal(["-s/a"], KtapConsole.Of(Suite + "not ok 1 a\nnot ok 1 s").Shown);
        Assert.Equal(["+s/a", "-s"], KtapConsole.Of(Suite + "ok 1 a\nnot ok 1 s").Shown);
        Assert.Equal(["~s/a", "-s"], KtapConsole.Of(Suite + "ok 1 a # SKIP\nnot ok 1 s # TIMEOUT").Shown);
        Assert.Equal(["+s/a"], KtapConsole.Of(Suite + "ok 1 a\nnot ok 1 s # SKIP").Shown);
    }

    [Fact]
    public void SuiteWithoutTests_IsAResultItself()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n  KTAP version 1\n  1..0 # SKIP no disk\nok 1 s\n  KTAP version 1\n  1..2\nok 2 t");
        Assert.Equal(["~s", "+t"], console.Shown);
        Assert.Equal("no disk", console.Results[0].Reason);
        Assert.Equal(["suite 't': planned 2, saw 0: 1 and 2 are missing"], console.Faults);
    }

    [Fact]
    public void Suites_NestToTheLimit_AndNotBeyond()
    {
        var lines = new List<string> { "KTAP version 1", "1..1" };
        for (var depth = 1; depth <= 40; depth++)
        {
            lines.AddRange([new string(' ', 2 * depth) + "KTAP version 1", new string(' ', 2 * depth) + "1..1"]);
        }

        for (var depth = 40; depth >= 0; depth--)
        {
            lines.Add(new string(' ', 2 * depth) + "ok 1 at" + depth);
        }

        var console = KtapConsole.Of(lines);
        Assert.Equal(["+" + string.Join('/', Enumerable.Range(0, KtapDocument.MaxDepth + 1).Select(depth => "at" + depth))], console.Shown);
        Assert.Equal([$"suites nested deeper than {KtapDocument.MaxDepth} are not read"], console.Faults);
    }

    [Theory]
    [InlineData("  KTAP version 1\n  # Subtest: t\n  1..1\n  ok 1 b\nok 2 t", "suite 's' has no end")]
    [InlineData("  # Subtest: t\n  1..1\n  ok 1 b\nok 2 t", "suite 's' has no end")]
    [InlineData("1..2", "suite 's' has no end|a second plan came")]
    [InlineData("KTAP version 1\n1..1\nok 1 x", "suite 's' has no end")]
    [InlineData("", "the output stops in the middle of suite 's'")]
    public void Suite_WithoutAnEnd_IsAFault(string rest, string faults)
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: s\n  1..1\n  ok 1 a\n" + rest);
        Assert.Equal("+s/a", console.Shown.First());
        Assert.Equal(faults.Split('|'), console.Faults.Where(fault => !fault.StartsWith("planned", StringComparison.Ordinal)));
    }

    [Fact]
    public void SuiteWithoutAnEnd_AndWithoutAName_GivesItsResults()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 a");
        Assert.Equal(["+(unnamed)/a"], console.Shown);
        Assert.Contains("suite '(unnamed)': planned 2, saw 1: 2 is missing", console.Faults);
    }

    [Fact]
    public void Suite_OfKtap_NeedsAPlan_ButKUnitsParametersNone()
    {
        Assert.Equal(["suite 's': there is no plan"], KtapConsole.Of("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: s\n  ok 1 a\nok 1 s").Faults);
        Assert.Empty(KtapConsole.Of(
            "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: s\n  1..1\n    KTAP version 1\n    # Subtest: p\n    ok 1 a\n  ok 1 p\nok 1 s").Faults);
    }

    [Fact]
    public void ModulesSuites_AreReadWithoutAnythingAround()
    {
        var console = KtapConsole.Of("    KTAP version 1\n    # Subtest: s\n    1..1\n    ok 1 a\nok 5 s\n    # Subtest: t\n    1..1\n    not ok 1 b\nnot ok 6 t\nok 7 stray");
        Assert.Equal(["+s/a", "-t/b"], console.Shown);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void SuitesOfOneName_DoNotMix()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n  KTAP version 1\n  1..1\n  ok 1 a\nok 1 s\n  KTAP version 1\n  1..1\n  ok 1 a\nok 2 s");
        Assert.Equal(["+s/a", "+s/a"], console.Shown);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void HeldResults_GoOutUnnamed_WhenThereAreTooMany()
    {
        var console = new KtapConsole();
        console.Feed(["KTAP version 1", "1..1", "  KTAP version 1", "  1..20000"]);
        console.Feed(Enumerable.Range(1, KtapDocument.MaxHeld - 1).Select(number => $"  ok {number} t{number}"));
        Assert.Empty(console.Shown);
        console.Feed([$"  ok {KtapDocument.MaxHeld} last"]);
        Assert.Equal(KtapDocument.MaxHeld, console.Results.Count);
        Assert.All(console.Results, result => Assert.Equal("(unnamed)", result.Path[0]));
        console.Feed(Enumerable.Range(KtapDocument.MaxHeld + 1, 10_000).Select(number => $"  ok {number} t{number}"));
        Assert.Equal(20_000, console.Results.Count);
        console.Feed(["ok 1 late"]);
        console.End();
        Assert.Empty(console.Faults);
        Assert.Equal(20_000, console.Results.Count);
    }

    [Fact]
    public void HeldResults_ThatGotTheirNames_CountNoLonger()
    {
        var suites = Enumerable.Range(1, 3).SelectMany(suite => (string[])
            ["  KTAP version 1", "  1..4000", .. Enumerable.Range(1, 4_000).Select(number => $"  ok {number} t"), $"ok {suite} s{suite}"]);
        var console = KtapConsole.Of(["KTAP version 1", "1..3", .. suites]);
        Assert.Equal(["s1", "s2", "s3"], console.Results.Select(result => result.Path[0]).Distinct());
        Assert.Equal(12_000, console.Results.Count);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void HeldResults_WithLongNames_GoOutBeforeMemoryDoes()
    {
        var console = new KtapConsole();
        console.Feed(["KTAP version 1", "1..1", "  KTAP version 1", "  1..9000"]);
        console.Feed(Enumerable.Range(1, 9_000).Select(number => $"  ok {number} {new string('x', 4_000)}"));
        Assert.InRange(console.Results.Count, 1_000, 9_000);
    }

    [Theory]
    [InlineData("# Subtest: s\n    1..1\n    ok 1 - a\nok 1 - s")]
    [InlineData("# Subtest: s\n    ok 1 - a\n    1..1\nok 1 - s")]
    [InlineData("    # Subtest: s\n    ok 1 - a\n    1..1\nok 1 - s")]
    [InlineData("    1..1\n    ok 1 - a\nok 1 - s")]
    [InlineData("    ok 1 - a\n    1..1\nok 1 - s")]
    [InlineData("# Subtest: s\n    TAP version 14\n    ok 1 - a\n    1..1\nok 1 - s")]
    public void SuiteOfTap14_OpensInEveryWay(string text)
    {
        var console = KtapConsole.Of("TAP version 14\n1..1\n" + text);
        Assert.Equal(["+s/a"], console.Shown);
        Assert.Empty(console.Faults);
    }
}
