namespace HvRunner.Testing.Tests.Ktap;

/// <summary>A kernel's log around TAP: prefixes, two streams, and lines that break in.</summary>
public class KtapConsoleStreamTests
{
    [Theory]
    [InlineData("")]
    [InlineData("[    1.234567] ")]
    [InlineData("[12345.234567] ")]
    [InlineData("[    1.234567][    T1] ")]
    [InlineData("[    1.234567] [T1] ")]
    [InlineData("[    1.234567][   C1] ")]
    [InlineData("[T123] ")]
    [InlineData("<6>")]
    [InlineData("<6>[    1.234567] ")]
    [InlineData("<14>[    1.234567][    T1] ")]
    [InlineData("kern  :info  : ")]
    [InlineData("kern  :warn  : [    1.234567] ")]
    public void Prefix_IsNoIndentation(string prefix)
    {
        var console = KtapConsole.Of("KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: s\n  1..2\n  ok 1 a\n  # about b\n  not ok 2 b\nnot ok 1 s".Split('\n').Select(line => prefix + line));
        Assert.Equal(["+s/a", "-s/b"], console.Shown);
        Assert.Equal(["about b"], console.Results[1].Diagnostics);
        Assert.Empty(console.Faults);
    }

    [Theory]
    [InlineData("[ok] ")]
    [InlineData("[ 1.2 x] ")]
    [InlineData("[] ")]
    [InlineData("<x>")]
    [InlineData("[    1.234567")]
    [InlineData("kern: ")]
    [InlineData("printk: ")]
    public void OtherWordsInFront_MakeItAnotherLine(string prefix) =>
        Assert.Empty(KtapConsole.Of("KTAP version 1\n1..1\nok 1 a".Split('\n').Select(line => prefix + line)).Shown);

    [Fact]
    public void KernelAndProgram_EachHaveTheirTap()
    {
        var console = KtapConsole.Of("""
            TAP version 13
            1..2
            [    4.000001] KTAP version 1
            [    4.000002] 1..1
            [    4.000003]     KTAP version 1
            [    4.000004]     # Subtest: s
            [    4.000005]     1..1
            ok 1 - a
            [    4.000006]     ok 1 k
            ok 2 - b
            [    4.000008] ok 1 s
            """);
        Assert.Equal(["+a", "+b", "+s/k"], console.Shown.Order(StringComparer.Ordinal));
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void OneDocument_MayHavePrefixesOnSomeLines()
    {
        var console = KtapConsole.Of("TAP version 13\n[    1.000000] 1..3\n<6>ok 1 - a\n[T7] ok 2 - b\nok 3 - c");
        Assert.Equal(["+a", "+b", "+c"], console.Shown);
        Assert.Empty(console.Faults);
    }

    [Theory]
    [InlineData("ok 2 - na[   12.3] usb 1-1: new device\nme", "+na")]
    [InlineData("ok 2 - na[   12.345678][    T1] usb 1-1: new device\nme", "+na")]
    [InlineData("not ok 2 - na[   12.345678] usb\nme", "-na")]
    [InlineData("ok 2[   12.345678] usb\n - name", "+2")]
    [InlineData("ok [   12.345678] usb\n2 - name", "+2")]
    [InlineData("ok[   12.345678] usb\n 2 - name", "+2")]
    [InlineData("o[   12.345678] usb\n[   12.345679] usb\nk 2 - name", "+name")]
    [InlineData("n[   12.345678] usb\not ok 2 - name", "-name")]
    [InlineData("no[   12.345678] usb\nt ok 2 - name", "-name")]
    [InlineData("not[   12.345678] usb\n ok 2 - name", "-name")]
    [InlineData("not [   12.345678] usb\nok 2 - name", "-name")]
    [InlineData("not o[   12.345678] usb\nk 2 - name", "-name")]
    [InlineData("not ok[   12.345678] usb\n 2 - name", "-2")]
    [InlineData("ok 2 - name # SKIP no[   12.345678] usb\n disk", "~name")]
    public void CutLine_IsReadAsFarAsItGoes(string text, string shown)
    {
        var console = KtapConsole.Of($"TAP version 13\n1..3\nok 1 - first\n{text}\nok 3 - last");
        Assert.Equal(["+first", shown, "+last"], console.Shown);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void CutNumber_IsTheOneThatIsDue()
    {
        var lines = Enumerable.Range(1, 13).Select(number => number == 12 ? "ok 1[   12.345678] usb" : $"ok {number} t");
        var console = KtapConsole.Of(["KTAP version 1", "1..13", .. lines]);
        Assert.Equal("12", console.Results[11].Path[0]);
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void CutPlan_PlansNothing()
    {
        Assert.Empty(KtapConsole.Of("TAP version 13\n1..1[   12.345678] usb\n2\nok 1 - a\nok 2 - b").Faults);
        Assert.Equal(["2 is missing"], [.. KtapConsole.Of("TAP version 13\n1..[   12.345678] usb\nok 1 - a\nok 3 - b").Faults.Select(fault => fault[^12..])]);
    }

    [Fact]
    public void CutVersionLine_BeginsAllTheSame() =>
        Assert.Equal(["+a"], KtapConsole.Of("KTAP version[   12.345678] usb\n 1\n1..1\nok 1 a").Shown);

    [Fact]
    public void LineThatBreaksIn_MayBeTapItself()
    {
        var console = KtapConsole.Of("TAP version 13\n1..1\n[    1.000001] KTAP version 1\n[    1.000002] 1..1\nok 1 - pro[    1.000003] ok 1 kernel\ngram");
        Assert.Equal(["+kernel", "+pro"], console.Shown.Order(StringComparer.Ordinal));
        Assert.Empty(console.Faults);
    }

    [Fact]
    public void BracketsInANameOrARemark_CutNothing()
    {
        var console = KtapConsole.Of("KTAP version 1\n1..2\n# [   12.345678] quoted\nok 1 a[1.5] [2] b\nok 2 c [x]");
        Assert.Equal(["+a[1.5] [2] b", "+c [x]"], console.Shown);
        Assert.Equal(["[   12.345678] quoted"], console.Results[0].Diagnostics);
    }
}
