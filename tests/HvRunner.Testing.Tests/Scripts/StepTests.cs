using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>What each step of a script means.</summary>
public class StepTests
{
    [Theory]
    [InlineData("login", "login", false)]
    [InlineData("\"login: \"", "login: ", false)]
    [InlineData("'a: b'", "a: b", false)]
    [InlineData("/a:b/", "a:b", true)]
    [InlineData("/a b/ # why", "a b", true)]
    [InlineData("\"/a: b/\"", "a: b", true)]
    [InlineData("'/\\d+/'", "\\d+", true)]
    [InlineData("\"/\\\\d+/\"", "\\d+", true)]
    [InlineData("/", "/", false)]
    [InlineData("/dev/sda", "/dev/sda", false)]
    [InlineData("{ text: /a/ }", "/a/", false)]
    [InlineData("{ text: 'a.*' }", "a.*", false)]
    [InlineData("0x10", "0x10", false)]
    [InlineData("yes", "yes", false)]
    [InlineData("'null'", "null", false)]
    [InlineData("1_000", "1_000", false)]
    [InlineData("2001-01-01", "2001-01-01", false)]
    [InlineData("é😀", "é😀", false)]
    public void Pattern_IsWhatIsWritten(string yaml, string text, bool isRegex)
    {
        var step = Assert.IsType<ExpectStep>(Reading.Step($"  - expect: {yaml}"));
        var pattern = Assert.Single(step.Patterns);
        Assert.Equal((text, isRegex, 4), (pattern.Text, pattern.IsRegex, pattern.Line));
        Assert.False(step.All);
        Assert.Null(step.Within);
    }

    [Theory]
    [InlineData("any", false)]
    [InlineData("all", true)]
    public void Expect_MayHaveSeveralPatterns(string how, bool all)
    {
        var step = Assert.IsType<ExpectStep>(Reading.Step($"  - expect: {{ {how}: [\"# \", /b+/, {{ text: /c/ }}] }}\n    within: 10s"));
        Assert.Equal(all, step.All);
        Assert.Equal(TimeSpan.FromSeconds(10), step.Within);
        Assert.Equal(["# ", "b+", "/c/"], step.Patterns.Select(pattern => pattern.Text));
        Assert.Equal($"expect {{ {how}: [\"# \", /b+/, {{ text: \"/c/\" }}] }}", step.ToString());
    }

    [Theory]
    [InlineData("send: \"uname -r\\n\"", "uname -r\n", null, "send \"uname -r\\n\"")]
    [InlineData("send: ls", "ls", null, "send \"ls\"")]
    [InlineData("send: 'ls\\n'", "ls\\n", null, "send \"ls\\\\n\"")]
    [InlineData("send: \"\\x03\"", "\u0003", null, "send \"\\u0003\"")]
    [InlineData("send: { text: y, delay: 5ms }", "y", 5, "send \"y\"")]
    [InlineData("send: |\n      a\n      b\n", "a\nb\n", null, "send \"a\\nb\\n\"")]
    public void Send_TakesTheTextAsItIs(string yaml, string text, int? delayMs, string written)
    {
        var step = Assert.IsType<SendStep>(Reading.Step($"  - {yaml}"));
        Assert.Equal(text, step.Text);
        Assert.Equal(delayMs, (int?)step.Delay?.TotalMilliseconds);
        Assert.Equal(written, step.ToString());
    }

    [Theory]
    [InlineData("reject: \"BUG:\"", "reject \"BUG:\"")]
    [InlineData("reject: { any: [a, /b/] }", "reject { any: [\"a\", /b/] }")]
    [InlineData("pause: 1500ms", "pause 1500ms")]
    [InlineData("wait: 120s", "wait 2m")]
    [InlineData("nmi:", "nmi 0")]
    [InlineData("nmi: ~", "nmi 0")]
    [InlineData("nmi: 0x0", "nmi 0")]
    [InlineData("mark: up", "mark \"up\"")]
    [InlineData("exit-status: 0x10", "exit-status 16")]
    [InlineData("for each: [ls, { run: make, status: 2 }]", "for each [\"ls\", \"make\"]")]
    public void Step_IsToldAsItIsWritten(string yaml, string written)
    {
        var step = Reading.Step($"  - {yaml}");
        Assert.Equal(written, step.ToString());
        Assert.Equal((4, 5), (step.Line, step.Column));
    }

    [Fact]
    public void LongText_IsCutInMessages()
    {
        Assert.True(Reading.Step($"  - send: {new string('x', 100_000)}").ToString().Length < 250);
        Assert.True(Reading.Step($"  - for each: [{string.Join(", ", Enumerable.Repeat("ls -l", 5000))}]").ToString().Length < 500);
    }

    [Fact]
    public void Pause_EndsByItselfOrByResume()
    {
        var steps = Reading.Case("kernel: k\nsteps:\n  - pause: 1s\n  - pause:\n  - resume:\n  - pause: ~\n  - resume: null").Script.Steps;
        Assert.Equal([TimeSpan.FromSeconds(1), null, null], steps.OfType<PauseStep>().Select(pause => pause.For));
        Assert.Equal(["pause 1s", "pause", "resume", "pause", "resume"], steps.Select(step => step.ToString()));
    }

    [Fact]
    public void Mark_MayBeMeasuredFromAnEarlierOne()
    {
        var steps = Reading.Case("kernel: k\nsteps:\n  - mark: a\n  - mark: b\n    within: 1s\n  - { mark: c, within: 2s, since: a }").Script.Steps;
        Assert.Equal([("a", null, null), ("b", 1, null), ("c", 2, "a")], steps.OfType<MarkStep>().Select(mark => (mark.Name, (int?)mark.Within?.TotalSeconds, mark.Since)));
    }

    [Fact]
    public void Command_TakesItsStepsDefaults()
    {
        var step = Assert.IsType<ForEachStep>(Reading.Step("  - for each:\n      - ls\n      - { run: make, status: 2, expect: /Error/, within: 5m }\n      - run: 'true'\n    within: 10s"));
        Assert.Equal("# ", step.Prompt.Text);
        Assert.Equal([("ls", 0, null, 10), ("make", 2, "Error", 300), ("true", 0, null, 10)], step.Commands.Select(command => (command.Run, command.Status, command.Expect?.Text, (int)command.Within!.Value.TotalSeconds)));
        Assert.Equal([5, 6, 7], step.Commands.Select(command => command.Line));
    }

    [Fact]
    public void OwnPrompt_ComesBeforeTheScripts()
    {
        var step = Assert.IsType<ForEachStep>(Reading.Step("  - for each: [ls]\n    prompt: /[$] /"));
        Assert.Equal(("[$] ", true), (step.Prompt.Text, step.Prompt.IsRegex));
        Assert.Null(step.Commands[0].Within);
    }

    [Fact]
    public void AliasedStep_IsAStepInEachPlace() =>
        Assert.Equal(["expect \"# \"", "send \"\\n\"", "expect \"# \""], Reading.Case("kernel: k\nsteps:\n  - &p { expect: '# ' }\n  - send: \"\\n\"\n  - *p").Script.Steps.Select(step => step.ToString()));
}
