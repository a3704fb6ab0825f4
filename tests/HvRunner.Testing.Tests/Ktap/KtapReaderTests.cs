namespace HvRunner.Testing.Tests.Ktap;

/// <summary>What is a result, and how it came out.</summary>
public class KtapReaderTests
{
    [Theory]
    [InlineData("ok", "+1", null)]
    [InlineData("not ok", "-1", null)]
    [InlineData("ok 1", "+1", null)]
    [InlineData("ok 1 name", "+name", null)]
    [InlineData("ok 1 - name", "+name", null)]
    [InlineData("ok   1   -   name  ", "+name", null)]
    [InlineData("ok - name", "+name", null)]
    [InlineData("ok name of some words", "+name of some words", null)]
    [InlineData("not ok 1 - name", "-name", null)]
    [InlineData("ok 1 -name", "+-name", null)]
    [InlineData("ok 001 name", "+name", null)]
    [InlineData("ok 1 name # SKIP no disk", "~name", "no disk")]
    [InlineData("ok 1 name # skip", "~name", null)]
    [InlineData("ok 1 name # Skipped: no disk", "~name", "no disk")]
    [InlineData("ok 1 name #skip no disk", "~name", "no disk")]
    [InlineData("not ok 1 name # SKIP no disk", "~name", "no disk")]
    [InlineData("ok 1 # SKIP no disk", "~1", "no disk")]
    [InlineData("not ok 1 name # TODO later", "~name", "later")]
    [InlineData("ok 1 name # TODO later", "+name", "later")]
    [InlineData("not ok 1 name # todo", "~name", null)]
    [InlineData("ok 1 # XFAIL known", "~1", "known")]
    [InlineData("not ok 1 name # xfail known", "~name", "known")]
    [InlineData("not ok 1 name # TIMEOUT 45 seconds", "-name", "TIMEOUT 45 seconds")]
    [InlineData("ok 1 name # TIMEOUT", "-name", "TIMEOUT")]
    [InlineData("not ok 1 name # ERROR no memory", "-name", "no memory")]
    [InlineData("not ok 1 name # exit=3", "-name", "exit=3")]
    [InlineData("ok 1 name # rcode=0", "+name", null)]
    [InlineData("ok 1 name # note # SKIP no disk", "~name # note", "no disk")]
    [InlineData("ok 1 name # skipper on board", "~name", "on board")]
    [InlineData("ok 1 name # TODOS", "+name", null)]
    [InlineData(@"ok 1 issue \# SKIP", "+issue # SKIP", null)]
    [InlineData(@"ok 1 back\\ # SKIP", @"~back\", null)]
    [InlineData(@"ok 1 back\\\# SKIP", @"+back\# SKIP", null)]
    [InlineData("ok 1 C#SKIP", "+C#SKIP", null)]
    [InlineData("ok 1 issue #12", "+issue #12", null)]
    public void Result_IsReadAsTapSays(string line, string shown, string? reason)
    {
        var console = KtapConsole.Of($"TAP version 13\n1..1\n{line}");
        Assert.Equal([shown], console.Shown);
        Assert.Equal(reason, console.Results[0].Reason);
        Assert.Empty(console.Faults);
    }

    [Theory]
    [InlineData("okay 1")]
    [InlineData("ok, 1")]
    [InlineData("ok: 1")]
    [InlineData("Ok 1")]
    [InlineData("not  ok 1")]
    [InlineData("notok 1")]
    [InlineData("nok 1")]
    [InlineData(" ok 1 - deeper, where nothing is open")]
    [InlineData("foo: ok 1")]
    [InlineData("[    1.234567] foo: ok 1")]
    [InlineData("foo[    1.234567] ok")]
    [InlineData("# ok 1")]
    public void OtherLine_IsNoResult(string line)
    {
        var console = KtapConsole.Of($"TAP version 13\n1..1\n{line}");
        Assert.Empty(console.Shown);
        Assert.Equal(["planned 1, saw 0: 1 is missing"], console.Faults);
    }

    [Theory]
    [InlineData("TAP version 13")]
    [InlineData("TAP version 14")]
    [InlineData("TAP version 12  ")]
    [InlineData("KTAP version 1")]
    [InlineData("[    0.000001] KTAP version 1")]
    [InlineData("1..1")]
    public void Beginning_LetsResultsCount(string line)
    {
        var console = KtapConsole.Of([line, .. line == "1..1" ? [] : (string[])["1..1"], "ok 1 - name"]);
        Assert.Equal(["+name"], console.Shown);
        Assert.Empty(console.Faults);
    }

    [Theory]
    [InlineData("ok 1 - a\n1..1", "+a")]
    [InlineData("not ok 1 - a\nok 2 - b\n1..2", "-a +b")]
    [InlineData("# about\n[    1.000000] usb\nok 1 - a\n# about\nlog\nok 2 - b # SKIP c\n1..2", "+a ~b")]
    [InlineData("ok 1 - a\nok 1 - b\nok 2 - c\n1..2", "+b +c")]
    [InlineData("ok 1 - a\nok 3 - c\n1..2\nok 1\nok 2", "+1 +2")]
    public void PlanAtTheEnd_NeedsNoVersion(string text, string shown)
    {
        var console = KtapConsole.Of(text);
        Assert.Equal(shown.Split(' '), console.Shown);
        Assert.Empty(console.Faults);
    }

    [Theory]
    [InlineData("ok")]
    [InlineData("ok 1")]
    [InlineData("ok 1 a\nok 2 b")]
    [InlineData("ok 1 - a")]
    [InlineData("ok 2 - b\nok 3 - c")]
    [InlineData("    ok 1 - a\n    ok 2 - b\n    1..2")]
    [InlineData("1..x\nok 1 a")]
    [InlineData("1..\nok 1 a")]
    [InlineData("1..2 of them\nok 1 a")]
    [InlineData("TAP version x\nok 1 a")]
    [InlineData("TAP version\nok 1 a")]
    [InlineData("TAP version 13 or so\nok 1 a")]
    [InlineData("# Subtest: a\n# ok 1 b")]
    public void StrayWords_AreNothing(string text)
    {
        var console = KtapConsole.Of(text);
        Assert.Empty(console.Shown);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void StrayOk_BehindTheLastTest_IsNothing()
    {
        Assert.Empty(KtapConsole.Of("TAP version 13\n1..1\nok 1 - a\nok\nok then").Faults);
        Assert.Empty(KtapConsole.Of("KTAP version 1\n1..2\nok 1 a\nok\nok b\nok 2 c").Faults);
        Assert.Empty(KtapConsole.Of("TAP version 13\n1..2\nok 1 - a\n[    1.000000] ok\nok 2 - b").Faults);
    }

    [Theory]
    [InlineData("1..0 # SKIP no disk", "no disk")]
    [InlineData("1..0 # skip", null)]
    [InlineData("1..0", null)]
    public void PlanOfNone_IsOneSkippedResult(string plan, string? reason)
    {
        var console = KtapConsole.Of($"TAP version 13\n{plan}");
        Assert.Equal(["~(all)"], console.Shown);
        Assert.Equal(reason, console.Results[0].Reason);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void Ktap_TellsResultsAtOnce()
    {
        var console = new KtapConsole();
        console.Feed(["KTAP version 1", "1..2", "ok 1 a"]);
        Assert.Equal(["+a"], console.Shown);
        console.Feed(["not ok 2 b"]);
        Assert.Equal(["+a", "-b"], console.Shown);
    }

    [Fact]
    public void Tap_TellsAResultWhenNoYamlCanFollow()
    {
        var console = new KtapConsole();
        console.Feed(["TAP version 13", "1..3", "ok 1 a", "some log"]);
        Assert.Empty(console.Shown);
        console.Feed(["ok 2 b"]);
        Assert.Equal(["+a"], console.Shown);
        console.Reader.Quiet();
        Assert.Equal(["+a", "+b"], console.Shown);
        console.Feed(["ok 3 c"]);
        console.End();
        Assert.Equal(["+a", "+b", "+c"], console.Shown);
    }

    [Fact]
    public void Quiet_DoesNotMakeAStrayLineAResult()
    {
        var console = new KtapConsole();
        console.Feed(["ok 1 - alone"]);
        console.Reader.Quiet();
        console.End();
        Assert.Empty(console.Shown);
    }

    [Fact]
    public void Totals_AreThoseOfTheResults()
    {
        var console = KtapConsole.Of("1..6\nok 1\nnot ok 2\nok 3 # SKIP\nnot ok 4 # TODO\nok 5 # TODO\nok 6 # XFAIL");
        Assert.Equal((2, 1, 3), (console.Reader.Passed, console.Reader.Failed, console.Reader.Skipped));
    }
}
