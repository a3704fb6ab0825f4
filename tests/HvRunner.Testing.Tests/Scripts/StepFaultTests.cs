namespace HvRunner.Testing.Tests.Scripts;

/// <summary>What is wrong with the steps of a script. Each fault word for word, with its place; every one of a script in one go.</summary>
public class StepFaultTests
{
    [Theory]
    [InlineData(
        "kernel: k\nsteps:\n  - pause\n  - foo\n  - [a]\n  - {}\n  - within: 1s\n  - expect: a\n    send: b\n  - exepct: a\n    within: 1s\n  - send: a\n    within: 1s\n  - expect: a\n    since: b\n  - expect: a\n    prompt: b\n  - send: \"\"\n  - send:\n  - send: a\\n\n  - send: {delay: 1ms}\n  - send: {text: a, delay: 1, x: 1}\n  - pause: soon\n  - resume: 1\n  - wait:\n  - wait: 0s\n  - nmi: x\n  - mark:\n  - mark: \"a\\nb\"\n  - exit-status: 64\n  - exit-status: 010\n  - exit-status: -1",
        "3:5: expected a step such as 'pause: ...', found 'pause' without a colon.",
        "4:5: expected a step such as 'expect: \"login:\"', found 'foo'.",
        "5:5: expected a step such as 'expect: \"login:\"', found a list.",
        "6:5: expected one action in a step (expect, send, reject, pause, resume, wait, nmi, mark, exit-status, for each), found none.",
        "7:5: expected one action in a step (expect, send, reject, pause, resume, wait, nmi, mark, exit-status, for each), found none.",
        "9:5: expected one action in a step, found 'expect' and 'send'; each step begins with its own dash.",
        "10:5: there is no key 'exepct' in a step; did you mean 'expect'?",
        "13:5: 'within' does not go with 'send'; it goes with expect, mark, exit-status, for each.",
        "15:5: 'since' does not go with 'expect'; it goes with mark.",
        "17:5: 'prompt' does not go with 'expect'; it goes with for each.",
        "18:11: expected a text to send, found an empty one; \"\\n\" is the return key.",
        "19:10: expected a text to send, or { text: \"...\", delay: 5ms }, found nothing; a # behind a space begins a comment, and a text with one needs quotes.",
        "20:11: without double quotes \\n is a backslash and an n, not the return key; single quotes say that this is meant.",
        "21:11: expected a text to send, or { text: \"...\", delay: 5ms }, found no text.",
        "22:28: expected a duration such as 500ms, 30s or 2m, found '1'.",
        "22:31: there is no key 'x' in what is sent; there are text, delay.",
        "23:12: expected a duration such as 500ms, 30s or 2m, found 'soon'.",
        "24:13: expected nothing behind 'resume:', found a value.",
        "25:10: expected a duration such as 500ms, 30s or 2m, found nothing.",
        "26:11: expected a duration such as 500ms, 30s or 2m, found '0s'.",
        "27:10: expected a vCPU's number from 0 to 4095, found 'x'.",
        "28:10: expected a mark's name, found nothing; a # behind a space begins a comment, and a text with one needs quotes.",
        "29:11: expected a mark's name on one line, found 'a\\nb' with a line's end or another control character in it; a block's last line end goes with |- or >-.",
        "30:18: expected a status from 0 to 63, found '64'.",
        "31:18: expected a status from 0 to 63, found '010'.",
        "32:18: expected a status from 0 to 63, found '-1'.")]
    [InlineData(
        "kernel: k\nnmi: 3\nsteps:\n  nmi: 2",
        "2:1: there is no key 'nmi' in a script; there are name, kernel, initrd, cmdline, memory, cpus, boot, hypervisor, irqchip, clock, acpi, exit-port, exit-map, panic-text, timeout, matrix, steps, verdict, requires, prompt, problems, ignore, watch.",
        "4:3: expected a list of steps, found a map with the key 'nmi'.")]
    [InlineData(
        "kernel: k\nsteps:\n  - nmi: 1",
        "3:5: expected a vCPU below 1, the number of 'cpus', found 1.")]
    [InlineData(
        "kernel: k\nsteps:\n- a\n - b",
        "3:3: expected a step such as 'expect: \"login:\"', found 'a - b'.")]
    [InlineData(
        "kernel: k\nsteps: {expect: a}",
        "2:8: expected a list of steps, found a map with the key 'expect'.")]
    public void Step_ThatCannotBeRead_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: {any: [/a: b/]}",
        "3:20: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, found a map with the key '/a'; a text that begins with { or has ': ' in it needs quotes.")]
    [InlineData(
        "kernel: k\nsteps:\n  - expect: { any: [], within: 1s }\n  - expect: { any: [] }\n  - expect: {}\n  - expect: { al: [a] }\n  - expect: { text: [] }\n  - expect: { any: a }\n  - expect: [a-z]\n  - expect: # \n  - expect: null\n  - expect: \"\"\n  - expect: //\n  - expect: a\n  - expect: b\n  - reject: { all: [a] }\n  - expect: !foo",
        "3:13: expected one key of text, any, all, found 2.",
        "3:24: there is no key 'within' in a pattern; there are text, any, all.",
        "4:20: expected at least one pattern, found none.",
        "5:13: expected one key of text, any, all, found 0.",
        "6:15: there is no key 'al' in a pattern; did you mean 'all'?",
        "7:21: expected a text, found a list; a text that begins with [ needs quotes.",
        "8:20: expected a list of patterns, found 'a'.",
        "9:13: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, or { any: [...] }, found a list; a text that begins with [ needs quotes.",
        "10:12: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, or { any: [...] }, found nothing; a # behind a space begins a comment, and a text with one needs quotes.",
        "11:13: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, or { any: [...] }, found null, which is nothing in YAML; the word itself needs quotes.",
        "12:13: an empty pattern is found before the console has said anything; write the text to wait for.",
        "13:13: // also matches the empty text, which is everywhere; write what must be there.",
        "16:15: there is no key 'all' in a pattern; there are text, any.",
        "17:13: '!foo' is a tag, which means nothing in a script; a text that begins with ! needs quotes.",
        "17:13: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, or { any: [...] }, found nothing; a # behind a space begins a comment, and a text with one needs quotes.")]
    [InlineData(
        "kernel: k\nsteps:\n  - within: 1s\n    nmi: 2\n  - expect: { al: [a] }\n  - expect: {/a: b/}\n  - expect: {any: {a: b}}\n  - reject: {any: [{any: [a]}, {text: \"\"}, {text: a, x: b}]}\n  - &p {pause: }\n  - *p\n  - {mark: a, within: 1s}\n  - [{nmi: 1}]",
        "3:5: 'within' does not go with 'nmi'; it goes with expect, mark, exit-status, for each.",
        "4:5: expected a vCPU below 1, the number of 'cpus', found 2.",
        "5:15: there is no key 'al' in a pattern; did you mean 'all'?",
        "6:14: there is no key '/a' in a pattern; there are text, any, all.",
        "7:19: expected a list of patterns, found a map with the key 'a'.",
        "8:20: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, found a map with the key 'any'; a text that begins with { or has ': ' in it needs quotes.",
        "8:32: an empty pattern is found before the console has said anything; write the text to wait for.",
        "8:44: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, found a map with the key 'text'; a text that begins with { or has ': ' in it needs quotes.",
        "12:5: expected a step such as 'expect: \"login:\"', found a list.")]
    public void Pattern_ThatIsNone_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(
        "kernel: k\nsteps:\n  - mark: a\n    since: b\n  - mark: a\n    within: 1s\n    since: c\n  - exit-status: 3\n  - resume:\n  - pause:\n  - pause: 1s",
        "3:5: expected an earlier mark behind 'since', found 'b'; there is none.",
        "4:12: 'since' says from where 'within' is measured, but there is no 'within'.",
        "5:5: expected an earlier mark behind 'since', found 'c'; there are a.",
        "5:5: the mark 'a' was already set in line 3.",
        "8:5: 'exit-status 3' ends the run: expected it as the last step, found 3 behind it.",
        "9:5: the machine is running here; 'resume' goes behind a 'pause' without a duration.",
        "10:5: the machine stands still from here to the end; 'resume' is missing.",
        "11:5: the machine already stands still since line 10.")]
    public void Order_ThatMakesNoSense_IsAFaultOfTheStep(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(
        "kernel: k\nsteps:\n  - for each: [ls]\n  - for each: []\n    prompt: a\n  - for each: ls\n    prompt: a\n  - for each: [\"a\\nb\", {run: ls, status: 256, expect: {any: [a]}, within: x, foo: 1}, {status: 1}, 7]\n    prompt: b",
        "3:5: expected 'prompt: ...' beside 'for each' or at the top of the script, such as prompt: \"# \"; found none.",
        "4:15: expected at least one command, found none.",
        "6:15: expected a list of commands, found 'ls'.",
        "8:16: expected a command, or { run: \"...\", status: 0, expect: ..., within: 10s } on one line, found 'a\\nb' with a line's end or another control character in it; a block's last line end goes with |- or >-.",
        "8:42: expected a status from 0 to 255, found '256'.",
        "8:55: expected a pattern, such as \"login:\", /Linux version [0-9]+/ or { text: \"/dev/\" }, found a map with the key 'any'; a text that begins with { or has ': ' in it needs quotes.",
        "8:75: expected a duration such as 500ms, 30s or 2m, found 'x'.",
        "8:78: there is no key 'foo' in a command; there are run, status, expect, within.",
        "8:87: expected a command, or { run: \"...\", status: 0, expect: ..., within: 10s }, found a map with the key 'status'; a text that begins with { or has ': ' in it needs quotes.")]
    public void ForEach_ThatCannotBeRun_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData("/(/")]
    [InlineData("/(?=a)b/")]
    [InlineData("/(a)\\1/")]
    [InlineData("/((a{1000}){1000}){1000}/")]
    public void Regex_ThatCannotBeSearchedFor_IsAFaultAtThePattern(string pattern)
    {
        var fault = Assert.Single(Reading.Faults($"kernel: k\nsteps:\n  - expect: '{pattern}'"));
        Assert.StartsWith("t.vmtest.yaml:3:13: ", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Pattern_LongerThanAMatch_IsAFault() => Reading.AssertFaults(
        $"kernel: k\nsteps:\n  - expect: {new string('x', 4096)}\n  - expect: {new string('x', 4097)}",
        "4:13: a pattern has at most 4096 characters; this one has 4097.");

    [Fact]
    public void RegularExpressions_OfAScriptAreBoundedInAll()
    {
        var steps = string.Concat(Enumerable.Range(0, 70).Select(i => $"  - expect: /{i:d4}{new string('x', 1000)}/\n"));
        Reading.AssertFaults(
            $"kernel: k\nsteps:\n{steps}",
            [.. Enumerable.Range(68, 5).Select(line => $"{line}:13: expected at most 65536 characters of regular expressions in a script, found more.")]);
        Reading.Case($"kernel: k\nsteps:\n{string.Concat(Enumerable.Repeat($"  - expect: /{new string('x', 1000)}/\n", 70))}");
    }

    [Theory]
    [InlineData("poweroff", 0)]
    [InlineData("guest-status", 1)]
    [InlineData("[panic, guest-status]", 63)]
    public void ExitStatus_ThatAgreesWithTheVerdict_IsFine(string verdict, int status) =>
        Reading.Case($"kernel: k\nverdict: {verdict}\nsteps:\n  - exit-status: {status}");

    [Fact]
    public void StepWithAFault_IsNotTakenForAMissingOne() => Reading.AssertFaults(
        "kernel: k\nsteps:\n  - pause: x\n  - resume:\n  - mark:\n  - mark: b\n    within: 1s\n    since: a",
        "3:12: expected a duration such as 500ms, 30s or 2m, found 'x'.",
        "5:10: expected a mark's name, found nothing; a # behind a space begins a comment, and a text with one needs quotes.");
}
