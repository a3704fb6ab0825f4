namespace HvRunner.Testing.Tests.Scripts;

/// <summary>What is wrong with the keys, steps and matrix of a script. Each fault word for word, with its place; every one of a script in one go.</summary>
public class ScriptFaultTests
{
    [Theory]
    [InlineData(
        "kernle: k",
        "1:1: there is no key 'kernle' in a script; did you mean 'kernel'?",
        "1:1: expected 'kernel: FILE', in the script or in its matrix, found none.")]
    [InlineData(
        "kernel: k\n--memory: 1G\nCpus: 2\nnonsense: 1\nconsole: none",
        "2:1: there is no key '--memory' in a script; did you mean 'memory'?",
        "3:1: there is no key 'Cpus' in a script; did you mean 'cpus'?",
        "4:1: there is no key 'nonsense' in a script; there are name, kernel, initrd, cmdline, memory, cpus, boot, hypervisor, irqchip, clock, acpi, exit-port, exit-map, panic-text, timeout, matrix, steps, verdict, requires, prompt, problems, ignore, watch.",
        "5:1: 'console' is an option of 'hvrun run' alone: the test itself reads the console and writes the reports.")]
    [InlineData(
        "kernel:\nname: \"\"\nmemory: [1]\ncpus: {a: b}\ncmdline: |\n  console=ttyS0\ntimeout: 5",
        "1:8: expected a value of 'kernel', found nothing; a # behind a space begins a comment, and a text with one needs quotes.",
        "2:7: expected a name of 1 to 4096 characters, found none.",
        "3:9: expected a value of 'memory', found a list; a text that begins with [ needs quotes.",
        "4:7: expected a value of 'cpus', found a map with the key 'a'; a text that begins with { or has ': ' in it needs quotes.",
        "5:10: expected a value of 'cmdline' on one line, found 'console=ttyS0\\n' with a line's end or another control character in it; a block's last line end goes with |- or >-.",
        "7:10: expected a duration such as 500ms, 30s or 2m, found '5'.")]
    public void Key_ThatIsWrong_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(
        "kernel: k\nverdict: poweroff\nsteps:\n  - exit-status: 3",
        "2:10: 'exit-status 3' in line 4 ends with the verdict guest-status, found poweroff.")]
    [InlineData(
        "kernel: k\nverdict: []\nrequires: kvmm\nignore: [panik, oom, oom]\nwatch: [panic, oom]\nproblems: BUG",
        "2:10: expected at least one verdict, found none; without the key it is poweroff.",
        "3:11: expected a requirement (hypervisor, user-space, kvm, whp, soft, hardware), found 'kvmm'; did you mean 'kvm'?",
        "4:10: expected a kind of kernel report (panic, oops, bug, warning, hung-task, rcu-stall, soft-lockup, hard-lockup, lockdep, oom, workqueue-stall, kmemleak), found 'panik'; did you mean 'panic'?",
        "4:17: 'oom' stands under 'ignore' and under 'watch'.",
        "4:22: 'oom' stands here twice.",
        "4:22: 'oom' stands under 'ignore' and under 'watch'.",
        "5:9: expected a kind of kernel report (warning, oom, kmemleak), found 'panic'.",
        "6:11: expected a list of patterns, found 'BUG'.")]
    [InlineData(
        "kernel: k\nverdict: [powerof, {a: b}]",
        "2:11: expected a verdict (poweroff, guest-status, usage, bad-input, no-input, no-hypervisor, internal, no-permission, reset, panic, triple-fault, watchdog, halted, cpu-error, timeout, interrupted), found 'powerof'; did you mean 'poweroff'?",
        "2:20: expected a verdict, found a map with the key 'a'; a text that begins with { or has ': ' in it needs quotes.")]
    public void Name_ThatNobodyKnows_ListsWhatIsExpected(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Theory]
    [InlineData(
        "matrix: { kernel: [a, b], irqchip: [a, a], cpus: 3, cpsu: [1], memory: [], timeout: [1s, x], console: [none] }\nirqchip: user\ntimeout: 1s",
        "1:27: 'irqchip' varies here, but line 2 gives it one value for all.",
        "1:40: 'a' stands twice under 'irqchip': two cases would have the same name.",
        "1:50: expected a list with at least one value, such as [1, 2].",
        "1:53: there is no key 'cpsu' in a matrix; did you mean 'cpus'?",
        "1:72: expected a list with at least one value, such as [1, 2].",
        "1:76: 'timeout' varies here, but line 3 gives it one value for all.",
        "1:90: expected a duration such as 500ms, 30s or 2m, found 'x'.",
        "1:94: there is no key 'console' in a matrix; there are kernel, initrd, cmdline, memory, cpus, boot, hypervisor, irqchip, clock, acpi, exit-port, exit-map, panic-text, timeout.")]
    [InlineData(
        "kernel: k\nmatrix: [a]",
        "2:9: expected a map such as { irqchip: [kernel, user] }, found a list.")]
    [InlineData(
        "matrix:",
        "1:1: expected 'kernel: FILE', in the script or in its matrix, found none.")]
    [InlineData(
        "kernel: k\nmatrix:\n  cpus: [x, 2]\n  clock: [virtual]\n  hypervisor: [soft, kvm]\nsteps:\n  - nmi: 2",
        "1:1: expected one with soft.",
        "3:10: expected a number, found 'x'.",
        "4:11: virtual was expected together with soft.",
        "7:5: expected a vCPU below 2, the number of 'cpus', found 2.")]
    public void Matrix_ThatGivesNoCases_IsAFaultAtItsPlace(string yaml, params string[] faults) => Reading.AssertFaults(yaml, faults);

    [Fact]
    public void Matrix_OfTooManyCases_IsAFaultOfTheMatrix()
    {
        var ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
        Assert.Equal(1000, Reading.Cases($"kernel: k\nmatrix: {{ cpus: {ten}, memory: {ten}, boot: {ten} }}").Count);
        Reading.AssertFaults(
            $"kernel: k\nmatrix: {{ cpus: {ten}, memory: {ten}, boot: {ten}, irqchip: [a, b] }}",
            "2:9: expected at most 1000 cases, found 10 x 10 x 10 x 2 combinations.");
        var axes = string.Join(", ", new[] { "initrd", "memory", "cpus", "boot", "clock", "irqchip", "exit-port", "exit-map", "panic-text", "cmdline" }.Select(name => $"{name}: [{string.Join(", ", Enumerable.Range(0, 500))}]"));
        Assert.Contains("expected at most 1000 cases", Assert.Single(Reading.Faults($"kernel: k\nmatrix: {{ {axes} }}")), StringComparison.Ordinal);
    }

    [Fact]
    public void Cases_OfOneName_AreAFaultOfTheMatrix() => Reading.AssertFaults(
        "kernel: k\nmatrix: { cmdline: ['a, boot=b', a], boot: [c, 'b, boot=c'] }",
        "2:9: two cases have the name 't [cmdline=a, boot=b, boot=c]'.");

    [Fact]
    public void OptionFault_OfManyCases_IsToldOnceAtTheOption() => Reading.AssertFaults(
        "kernel: k\ncpus: many\nmatrix:\n  memory: [1G, 2G]\n  hypervisor: [kvm, soft]\n  clock: [virtual, real]",
        "1:1: expected one with soft.",
        "2:7: expected a number, found 'many'.",
        "6:11: virtual was expected together with soft.");
}
