using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// Each kind of step and of rule, broken: a script that says what the guest does not do fails, with a sentence that tells what was wanted and what was found.
/// That the same scripts pass where they are right is shown in tests/vm.
/// </summary>
public sealed class TestStepTests
{
    private const string AtThePrompt = "steps:\n  - expect: 'hvrun# '\n";

    [Theory]
    [InlineData("steps: [exit-status: 6]\n", "status:5", "expected the guest to end with status 6, found the verdict guest-status (the guest reported status 5)")]
    [InlineData("steps: [exit-status: 5]\n", "halt", "expected the guest to end with status 5, found the verdict halted")]
    [InlineData("", "status:5", "expected the verdict poweroff, found guest-status (the guest reported status 5)")]
    [InlineData("verdict: [reset, panic]\n", "halt-loop", "expected the verdict reset or panic, found halted")]
    [InlineData("steps: [expect: nowhere]\n", "poweroff", "the guest ended with the verdict poweroff (the guest reported status 0) while waiting for \"nowhere\"")]
    [InlineData("steps: [expect: { all: ['endings: ', nowhere] }]\n", "poweroff", "while waiting for \"nowhere\"")]
    [InlineData("steps: [reject: power]\n", "poweroff", "the console shows what must not appear: 'power' (reject \"power\")")]
    [InlineData("problems: [/end.ngs/]\n", "poweroff", "the console shows a problem: endings: poweroff")]
    [InlineData("steps: [wait: 5s]\n", "poweroff", "the guest ended with the verdict poweroff (the guest reported status 0) while waiting 5 s")]
    [InlineData("steps: [expect: nowhere, exit-status: 0]\n", "spin", "the case's limit of 0.3 s passed while waiting for \"nowhere\"", "timeout: 300ms\n")]
    public async Task Step_ThatDoesNotComeTrueFails(string rest, string end, string sentence, string limit = "timeout: 20s\n")
    {
        using var scripts = new ScriptFolder(ScriptFolder.Ending(end, rest).Replace("timeout: 30s\n", limit, StringComparison.Ordinal));
        await scripts.FailsAsync(sentence);
    }

    [Fact]
    public async Task PausedMachine_SaysNothing()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Guest("demo", """
            steps:
              - expect: memory map
              - pause:
              - expect: ends with status 0
                within: 700ms
              - resume:
            """));
        var result = await scripts.FailsAsync("the step's limit of 0.7 s passed while waiting for \"ends with status 0\"; in its last second the guest made ");
        result.True(!result.Text.Contains("demo: ends", StringComparison.Ordinal), "a machine that stands still was expected");
    }

    [Fact]
    public async Task Nmi_ThatDidNotComeIsMissed()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Shell(AtThePrompt + "  - expect: NMI received\n    within: 500ms\n"));
        await scripts.FailsAsync("the step's limit of 0.5 s passed while waiting for \"NMI received\"");
    }

    [Fact]
    public async Task Nmi_ThatPanicsAKernelIsReported()
    {
        using var scripts = new ScriptFolder(ScriptFolder.Shell(AtThePrompt + "  - nmi:\n  - expect: '# '\n", " unknown_nmi_panic"));
        await scripts.FailsAsync("Kernel panic - not syncing: NMI: Not continuing");
    }

    [Theory]
    [InlineData("", "the limit of 0.001 s from the start to the mark 'late' passed while waiting for \"Run /init\"")]
    [InlineData("  - mark: early\n", "the limit of 0.001 s from the mark 'early' to the mark 'late' passed while waiting for \"Run /init\"")]
    [InlineData("  - mark: early\n  - mark: between\n", "the limit of 0.001 s from the mark 'early' to the mark 'late' passed while waiting for \"Run /init\"", "    since: early\n")]
    public async Task Mark_ThatIsLateFailsAsSoonAsItIs(string before, string sentence, string since = "")
    {
        using var scripts = new ScriptFolder(ScriptFolder.Shell($"steps:\n{before}  - expect: Run /init\n  - mark: late\n    within: 1ms\n{since}"));
        var result = await scripts.FailsAsync(sentence);
        result.True(!result.Text.Contains("| hvrun# ", StringComparison.Ordinal), "the end was expected before the guest got there");
    }

    [Theory]
    [InlineData("- 'false'", "1 of 1 sub-cases failed, first 'false': expected status 0, found 1")]
    [InlineData("- { run: 'true', status: 3 }", "first 'true': expected status 3, found 0")]
    [InlineData("- 'true'\n      - sh -c 'exit 9'\n      - 'true'", "1 of 3 sub-cases failed, first 'sh -c 'exit 9'': expected status 0, found 9")]
    [InlineData("- { run: echo one, expect: two, within: 2s }", "the step's limit of 2 s passed while waiting for \"two\" from \"echo one\"")]
    [InlineData("- { run: sleep 100, within: 2s }", "passed while waiting for \"sleep 100\" to come to its end, at the prompt \"hvrun# \"")]
    [InlineData("- exit 3", "the guest ended with the verdict guest-status (the guest reported status 3) while waiting for \"exit 3\" to come to its end")]
    public async Task Command_ThatDoesNotDoAsItShouldFails(string commands, string sentence)
    {
        // With the machine's end, so that a command that failed is judged and not the missing end.
        using var scripts = new ScriptFolder(ScriptFolder.Shell($"{AtThePrompt}  - for each:\n      {commands}\n  - send: \"exit\\n\"\n  - exit-status: 0\n"));
        await scripts.FailsAsync(sentence);
    }

    [Theory]
    [InlineData("", "<0>watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]", "(soft-lockup; where that is expected, write ignore: [soft-lockup])")]
    [InlineData("watch: [warning]\n", "<4>WARNING: CPU: 0 PID: 1 at fs/inode.c:417 drop_nlink+0x1c/0x30", "(warning; where that is expected, write ignore: [warning])")]
    [InlineData("problems: [oh no]\n", "<4>then oh no", "the console shows a problem: ")]
    public async Task KernelReport_EndsTheCase(string rest, string line, string sentence)
    {
        using var scripts = new ScriptFolder(ScriptFolder.Shell(
            $"{rest}steps:\n  - for each:\n      - \"echo '{line}' >/dev/kmsg\"\n      - sleep 20\n"));
        var result = await scripts.FailsAsync(sentence);
        result.True(result.Duration < TimeSpan.FromSeconds(15), "the report was expected to end the case");
    }

    [Fact]
    public async Task FailedPointOfTheGuest_FailsTheCase()
    {
        // The guest finds that it has no module where it was told of one; its points are sub-cases.
        using var scripts = new ScriptFolder(ScriptFolder.Guest("boot-state").Replace("cmdline: \"\"", "cmdline: modules=1", StringComparison.Ordinal) + "verdict: guest-status\n");
        var result = await scripts.FailsAsync("sub-cases failed, first '");
        result.Prints("\n       not ok: ");
    }
}
