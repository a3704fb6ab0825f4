using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// A guest does the same on KVM and on hvrun's own processor: the console byte for byte, the status and the verdict. guests/processor is compared in
/// <see cref="SameProcessorTests"/>, point by point, as some of its points depend on CPUID. Endings that never end, or that depend on what
/// instructions there are, have nothing to compare.
/// </summary>
public sealed partial class SameOnEveryHypervisorTests
{
    public static TheoryData<string, string> Runs => new()
    {
        { "minimal", string.Empty },
        { "boot-state", string.Empty },
        { "port-loop", string.Empty },
        { "port-loop", "kind=in count=1000" },
        { "port-loop", "kind=mmio count=1000" },
        { "port-loop", "kind=nonesuch" },
        { "endings", "end=poweroff" },
        { "endings", "end=status:5" },
        { "endings", "end=status:70000" },
        { "endings", "end=reset-kbc" },
        { "endings", "end=reset-cf9" },
        { "endings", "end=pvpanic" },
        { "endings", "end=triple" },
        { "endings", "end=watchdog" },
        { "endings", "end=watchdog-stop" },
        { "endings", "end=halt" },
        { "endings", "end=halt-loop" },
        { "endings", "end=mmio-unclaimed" },
        { "endings", "end=debugcon" },
        { "endings", "end=flood:100000" },
        { "endings", "end=flood-poll:5000" },
        { "endings", "end=panic-text-halt" },
        { "endings", "end=cpus cpus=1" },
        { "endings", "end=nonesuch" },
    };

    [VmTheory]
    [MemberData(nameof(Runs))]
    public async Task Guest_SaysAndEndsTheSame(string guest, string words)
    {
        var onKvm = await RunAsync("kvm", guest, words);
        var onSoft = await RunAsync("soft", guest, words);
        onSoft.True(onKvm.Status == onSoft.Status, $"the status {onKvm.Status} that KVM gives was expected");
        Assert.Equal(onKvm.Text, onSoft.Text);
        Assert.Equal(VerdictOf(onKvm), VerdictOf(onSoft));
    }

    [OrdinaryKvmFact]
    public async Task Compute_EndsTheSame()
    {
        // Where software runs ring 0 this takes minutes. The guest prints nothing and judges its own results.
        foreach (var hypervisor in new[] { "kvm", "soft" })
        {
            var result = (await RunAsync(hypervisor, "compute", string.Empty)).Ended(0, "poweroff");
            Assert.Empty(result.Text);
        }
    }

    [VmFact]
    public async Task Demo_SaysAndEndsTheSame()
    {
        var onKvm = (await HvrunProcess.RunAsync("demo", "--hypervisor", "kvm")).Ended(0, "poweroff");
        var onSoft = (await HvrunProcess.RunAsync("demo", "--hypervisor", "soft")).Ended(0, "poweroff");
        Assert.Equal(onKvm.Text, onSoft.Text);
    }

    [VmFact]
    public async Task Instructions_PassOnBoth()
    {
        // Which instructions there are is the processor's to say: all points about those that both have, in the same order.
        var onKvm = PointsOf((await RunAsync("kvm", "instructions", string.Empty)).Ended(0, "poweroff"));
        var onSoft = PointsOf((await RunAsync("soft", "instructions", string.Empty)).Ended(0, "poweroff"));
        var absent = onKvm.Concat(onSoft).Where(IsSkipped).SelectMany(point => point.Split(' ')).ToHashSet();
        bool IsOfBoth(string point) => !absent.Contains(point.Split(' ')[0]);
        Assert.Equal(onKvm.Where(IsOfBoth), onSoft.Where(IsOfBoth));
        Assert.True(onSoft.Count(IsOfBoth) >= 25, "most instructions were expected on both");
    }

    [VmFact]
    public async Task Echo_SaysAndEndsTheSame()
    {
        var texts = new List<string>();
        foreach (var hypervisor in new[] { "kvm", "soft" })
        {
            using var process = HvrunProcess.Start(
                new HvrunStart(["run", "--hypervisor", hypervisor, "--memory", "16M", "--timeout", "20s", Artifacts.Guest("echo")]) { KeepInputOpen = true });
            await process.WaitForOutputAsync("echo: ready");
            await process.Input.WriteAsync("one line\nand another\n\u0004"u8.ToArray());
            await process.Input.FlushAsync();
            texts.Add((await process.EndAsync()).Ended(0, "poweroff").Text);
        }

        Assert.Contains("one line\nand another\n", texts[0], StringComparison.Ordinal);
        Assert.Equal(texts[0], texts[1]);
    }

    private static Task<HvrunResult> RunAsync(string hypervisor, string guest, string words) => HvrunProcess.RunAsync(
        ["run", "--hypervisor", hypervisor, "--memory", "16M", "--timeout", "20s", Artifacts.Guest(guest), "--", words]);

    private static string VerdictOf(HvrunResult result) => VerdictLine().Match(result.ErrorLines[^1]).Groups["name"].Value;

    private static List<string> PointsOf(HvrunResult result)
    {
        result.True(!result.Text.Contains("not ok", StringComparison.Ordinal), "no failed point was expected");
        return [.. Point().Matches(result.Text).Select(match => match.Groups["text"].Value)];
    }

    private static bool IsSkipped(string point) => point.Contains("# SKIP", StringComparison.Ordinal);

    [GeneratedRegex(@"^hvrun: verdict: (?<name>[a-z-]+)")]
    private static partial Regex VerdictLine();

    [GeneratedRegex(@"^ok \d+ - (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Point();
}
