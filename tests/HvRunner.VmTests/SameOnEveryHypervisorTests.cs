using System.Text.RegularExpressions;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>A guest does the same on KVM and on hvrun's own processor: the console byte for byte, the status and the verdict.</summary>
public sealed partial class SameOnEveryHypervisorTests
{
    public static TheoryData<string, string> Runs => new()
    {
        { "minimal", string.Empty },
        { "boot-state", string.Empty },
        { "port-loop", string.Empty },
        { "endings", "end=poweroff" },
        { "endings", "end=status:5" },
        { "endings", "end=status:70000" },
        { "endings", "end=reset-kbc" },
        { "endings", "end=reset-cf9" },
        { "endings", "end=pvpanic" },
        { "endings", "end=triple" },
        { "endings", "end=halt" },
        { "endings", "end=halt-loop" },
        { "endings", "end=mmio-unclaimed" },
        { "endings", "end=debugcon" },
        { "endings", "end=flood:100000" },
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
        // Which instructions there are is the processor's to say; those that both have give the same.
        var onKvm = PointsOf((await RunAsync("kvm", "instructions", string.Empty)).Ended(0, "poweroff"));
        var onSoft = PointsOf((await RunAsync("soft", "instructions", string.Empty)).Ended(0, "poweroff"));
        Assert.Equal(onKvm.Intersect(onSoft), onSoft.Intersect(onKvm));
        Assert.True(onSoft.Count >= 30, "most instructions were expected on the soft processor");
    }

    private static Task<HvrunResult> RunAsync(string hypervisor, string guest, string words) => HvrunProcess.RunAsync(
        ["run", "--hypervisor", hypervisor, "--memory", "16M", "--timeout", "20s", Artifacts.Guest(guest), "--", words]);

    private static string VerdictOf(HvrunResult result) => VerdictLine().Match(result.ErrorLines[^1]).Groups["name"].Value;

    private static List<string> PointsOf(HvrunResult result)
    {
        result.True(!result.Text.Contains("not ok", StringComparison.Ordinal), "no failed point was expected");
        return [.. Point().Matches(result.Text).Select(match => match.Groups["text"].Value).Where(text => !text.Contains("# SKIP", StringComparison.Ordinal))];
    }

    [GeneratedRegex(@"^hvrun: verdict: (?<name>[a-z-]+)")]
    private static partial Regex VerdictLine();

    [GeneratedRegex(@"^ok \d+ - (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Point();
}
