using HvRunner.Testing.Scripts;

namespace HvRunner.Testing.Tests.Scripts;

/// <summary>What a script's keys mean, and how its matrix becomes cases.</summary>
public class ScriptReaderTests
{
    [Fact]
    public void Defaults_ApplyWhereNothingIsWritten()
    {
        var one = Reading.Case("kernel: ../build/vmlinux");
        Assert.Equal(("t", "", "t.vmtest.yaml: t"), (one.FullName, one.Variation, one.Id));
        Assert.Equal(TimeSpan.FromSeconds(60), one.Timeout);
        Assert.Equal(["poweroff"], one.Script.Verdicts);
        Assert.Empty(one.Script.Steps);
        Assert.Empty(one.Script.Requires);
        Assert.Empty(one.Script.Problems);
        Assert.Empty(one.Script.Ignore);
        Assert.Empty(one.Script.Watch);
        Assert.Equal(["kernel"], one.Options.Keys);
    }

    [Fact]
    public void Files_AreRelativeToTheScript()
    {
        var options = Reading.Case("kernel: ../build/vmlinux\ninitrd: /boot/initrd").Options;
        Assert.Equal(new OptionValue("/build/vmlinux", "../build/vmlinux", 1, 9), options["kernel"]);
        Assert.Equal(new OptionValue("/boot/initrd", "/boot/initrd", 2, 9), options["initrd"]);
    }

    [Fact]
    public void Options_AreTextsAsWritten()
    {
        var options = Reading.Case(
            "kernel: k\nmemory: 256M\ncpus: 2\nexit-port: 0xf4\npanic-text: on\ncmdline: \"\"\nboot: pvh\nhypervisor: kvm\nirqchip: kernel\nclock: real\nexit-map: qemu").Options;
        string[] expected = ["k", "256M", "2", "0xf4", "on", "", "pvh", "kvm", "kernel", "real", "qemu"];
        Assert.Equal(expected, options.Values.Select(value => value.Written));
        Assert.Equal(Enumerable.Range(1, expected.Length), options.Values.Select(value => value.Line));
    }

    [Fact]
    public void FoldedCommandLine_IsOneLine() =>
        Assert.Equal("console=ttyS0 panic=-1", Reading.Case("kernel: k\ncmdline: >-\n  console=ttyS0\n  panic=-1\n").Options["cmdline"].Text);

    [Fact]
    public void Key_IsTakenAsWritten()
    {
        var script = Reading.Case(
            "name: 'boots: fast'\nkernel: k\nverdict: [panic, poweroff]\nrequires: kvm\nproblems: [oh no, '/Oops-[0-9]/']\nignore: [bug, oops]\nwatch: oom\nsteps:\n").Script;
        Assert.Equal("boots: fast", script.Name);
        Assert.Equal(["panic", "poweroff"], script.Verdicts);
        Assert.Equal(["kvm"], script.Requires);
        Assert.Equal(["\"oh no\"", "/Oops-[0-9]/"], script.Problems.Select(problem => problem.ToString()));
        Assert.Equal(["bug", "oops"], script.Ignore);
        Assert.Equal(["oom"], script.Watch);
    }

    [Theory]
    [InlineData(0, "poweroff")]
    [InlineData(3, "guest-status")]
    public void ExitStatus_ImpliesTheVerdict(int status, string verdict) =>
        Assert.Equal([verdict], Reading.Case($"kernel: k\nsteps:\n  - exit-status: {status}").Script.Verdicts);

    [Fact]
    public void Matrix_VariesTheLastKeyFastest()
    {
        var cases = Reading.Cases("name: n\nmatrix:\n  kernel: [a, b]\n  irqchip: [kernel, user, split]\n  cpus: [1, 2]\n");
        string[] expected =
        [
            .. from kernel in new[] { "a", "b" } from irqchip in new[] { "kernel", "user", "split" } from cpus in new[] { "1", "2" }
               select $"n [kernel={kernel}, irqchip={irqchip}, cpus={cpus}]",
        ];
        Assert.Equal(expected, cases.Select(one => one.FullName));
        Assert.All(cases, one => Assert.Equal(one.FullName, $"n [kernel={one.Options["kernel"].Written}, irqchip={one.Options["irqchip"].Text}, cpus={one.Options["cpus"].Text}]"));
        Assert.Equal("/scripts/b", cases[^1].Options["kernel"].Text);
        Assert.All(cases, one => Assert.Same(cases[0].Script, one.Script));
    }

    [Fact]
    public void Matrix_MayVaryTheTimeout()
    {
        var cases = Reading.Cases("kernel: k\nmatrix: { timeout: [5s, 1m] }");
        Assert.Equal([5.0, 60.0], cases.Select(one => one.Timeout.TotalSeconds));
        Assert.Equal(["t [timeout=5s]", "t [timeout=1m]"], cases.Select(one => one.FullName));
        Assert.All(cases, one => Assert.DoesNotContain("timeout", one.Options.Keys));
    }

    [Fact]
    public void Nmi_NeedsItsVcpuInEveryCase()
    {
        Reading.Case("kernel: k\ncpus: 2\nsteps:\n  - nmi: 1");
        Reading.AssertFaults("kernel: k\nmatrix: { cpus: [4, 2, 1] }\nsteps:\n  - nmi: 1", "4:5: expected a vCPU below 1, the number of 'cpus', found 1.");
    }

    [Fact]
    public void InterfaceExample_IsRead()
    {
        const string Example = """
            name: kernel reaches its init           # default: the file's name
            kernel: ../build/vmlinux                # paths are relative to the script
            initrd: ../build/initramfs.cpio
            cmdline: console=ttyS0 panic=-1
            memory: 256M
            cpus: 2
            timeout: 60s                            # for the whole script; a step may have its own
            matrix:                                 # one case for each combination
              irqchip: [kernel, user]
            steps:
              - expect: "Linux version"             # a plain string, anywhere in the console's output after the last match
              - expect: /Booting .* on KVM/         # a regular expression
                within: 10s
              - send: "uname -r\n"
              - expect: { any: ["# ", "login:"] }
              - reject: "BUG:"                      # from here to the end, this must not appear
            verdict: poweroff                       # or a list; default poweroff
            requires: [kvm]                         # else the case is skipped, with the reason
            """;
        var cases = Reading.Cases(Example);
        Assert.Equal(["kernel reaches its init [irqchip=kernel]", "kernel reaches its init [irqchip=user]"], cases.Select(one => one.FullName));
        Assert.Equal(
            ["expect \"Linux version\"", "expect /Booting .* on KVM/", "send \"uname -r\\n\"", "expect { any: [\"# \", \"login:\"] }", "reject \"BUG:\""],
            cases[0].Script.Steps.Select(step => step.ToString()));
    }
}
