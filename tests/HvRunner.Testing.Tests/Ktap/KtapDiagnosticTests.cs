namespace HvRunner.Testing.Tests.Ktap;

/// <summary>What is said about results, and to which it belongs.</summary>
public class KtapDiagnosticTests
{
    [Fact]
    public void Remarks_BelongToTheResultThatFollows()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n# of the whole\n# one\n#  two\nok 1 a\n#\n# three\nnot ok 2 b\n# nobody's");
        Assert.Equal(["of the whole", "one", " two"], console.Results[0].Diagnostics);
        Assert.Equal(["three"], console.Results[1].Diagnostics);
    }

    [Fact]
    public void RemarksOfASuite_DoNotReachTheNextOnesTests()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n  KTAP version 1\n  1..1\n  ok 1 a\n# s: pass:1\nok 1 s\n  KTAP version 1\n  # Subtest: t\n  # module: x\n  1..1\n  ok 1 b\nok 2 t");
        Assert.All(console.Results, result => Assert.Empty(result.Diagnostics));
    }

    [Fact]
    public void Yaml_OfTap_BelongsToTheResultBefore()
    {
        var console = KtapConsole.Of("TAP version 13\nnot ok 1 a\n  ---\n  got: 1\n    # kept: yes\n[    1.000000]   not ours\nok 9 too far left\nok 2 b\n1..2");
        Assert.Equal(["got: 1", "  # kept: yes"], console.Results[0].Diagnostics);
        Assert.Equal(["-a", "+too far left", "+b"], console.Shown);
    }

    [Fact]
    public void Yaml_OfKtap_BelongsToTheResultThatFollows()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\nok 1 a\n  ---\n  got: 1\n  ...\n  not yaml any more\nnot ok 2 b");
        Assert.Empty(console.Results[0].Diagnostics);
        Assert.Equal(["got: 1"], console.Results[1].Diagnostics);
    }

    [Fact]
    public void LinesThatLookLikeTap_WithinYaml_AreYaml()
    {
        var console = KtapConsole.Of("TAP version 13\n1..1\nnot ok 1 a\n  ---\n  ok 2 quoted\n  1..7\n  Bail out!\n  ...");
        Assert.Equal(["-a"], console.Shown);
        Assert.Equal(["ok 2 quoted", "1..7", "Bail out!"], console.Results[0].Diagnostics);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void YamlThatNeverEnds_IsGivenUp()
    {
        var console = KtapConsole.Of(["TAP version 13", "1..2", "not ok 1 a", "---", .. Enumerable.Repeat("x", 2_000), "ok 2 b"]);
        Assert.Equal(["-a", "+b"], console.Shown);
    }

    [Fact]
    public void ValuesOfAFailedExpectation_AreKept()
    {
        var console = KtapConsole.Of("""
            [    1.0] KTAP version 1
            [    1.0] 1..1
            [    1.0] # a: EXPECTATION FAILED at lib/a.c:1
            [    1.0]     Expected x == 1, but
            a program's line
            [    1.0] usb 1-1: new device
            [    1.0]         x == 2
            [    1.0] not ok 1 a
            """);
        Assert.Equal(["a: EXPECTATION FAILED at lib/a.c:1", "Expected x == 1, but", "x == 2"], console.Results[0].Diagnostics);
    }

    [Fact]
    public void Diagnostics_AreBounded()
    {
        var console = KtapConsole.Of(["KTAP version 1", "1..1", .. Enumerable.Repeat("# " + new string('x', 4_000), 1_000), "ok 1 a"]);
        Assert.Equal(50, console.Results[0].Diagnostics.Count);
        Assert.All(console.Results[0].Diagnostics, line => Assert.Equal(500, line.Length));
    }
}
