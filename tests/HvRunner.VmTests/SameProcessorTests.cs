using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Points;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary>
/// guests/processor passes the same points on KVM and on hvrun's own processor. On an ordinary KVM that is all of them. A KVM that runs ring 0 by an
/// instruction emulator departs from the manuals in many points and is lost in some: there, what is the same is compared, and the rest is what
/// <c>guests/processor/software-assisted-kvm</c> lists, no more and no less. HVRUN_DEVIATIONS=FILE writes a row for each deviation found, for that
/// file; its last two columns are a person's to write.
/// </summary>
public sealed class SameProcessorTests(ITestOutputHelper output)
{
    // CPUID decides about a tenth of the points.
    internal const int FewestCompared = 700;

    [OrdinaryKvmFact]
    public async Task OrdinaryKvm_PassesEveryPoint()
    {
        (await RunAsync("kvm")).Ended(0, "poweroff");
        var compared = await CheckAsync([]);
        Assert.True(compared >= FewestCompared, $"only {compared} points were compared");
    }

    [SoftwareAssistedKvmFact]
    public async Task SoftwareAssistedKvm_DeviatesAsListed() =>
        await CheckAsync(File.Exists(SoftwareAssistedKvmFactAttribute.Table) ? KnownDeviations.Parse(File.ReadLines(SoftwareAssistedKvmFactAttribute.Table)) : []);

    [Fact]
    public async Task SectionsAlone_GiveThePointsOfTheWhole()
    {
        var whole = PointOutput.Parse((await RunAsync("soft")).Ended(0, "poweroff").Text);
        var parts = new List<Point>();
        foreach (var section in whole.Sections)
        {
            parts.AddRange(PointOutput.Parse(await Soft(section, [])).Points);
        }

        Assert.True(whole is { IsWhole: true, Sections.Count: 19 });
        Assert.Equal(whole.Points, parts);
    }

    [Fact]
    public async Task PointThatIsLeftOut_ChangesNoOther()
    {
        var all = PointOutput.Parse(await Soft("exceptions", []));
        var some = PointOutput.Parse(await Soft("exceptions", [7, 30]));
        Assert.True(some.IsWhole);
        Assert.Equal([7, 30], Enumerable.Range(1, some.Points.Count).Where(number => some.Points[number - 1].IsLeftOut));
        Assert.Equal(all.Points, some.Points.Select(point => point with { IsLeftOut = false }));
    }

    [Fact]
    public async Task UnknownSection_IsRefused() => (await RunAsync("soft", "section=nonesuch")).Ended(63, "guest-status");

    [Fact]
    public async Task MachineThatIsLostMidway_IsComparedInAllOtherPoints()
    {
        // hvrun's own processor, but for two points that end it and one that no leaving out helps against.
        async Task<string> Lossy(string section, IReadOnlyList<int> leftOut)
        {
            var lines = (await Soft(section, leftOut)).Split('\n');
            var lost = section == "stacks" ? 12 : new[] { 4, 20 }.Except(leftOut).Append(int.MaxValue).First();
            return string.Join('\n', lines.TakeWhile(line => !line.StartsWith($"ok {lost} ", StringComparison.Ordinal)).Append("ok"));
        }

        var comparison = new PointComparison([]);
        await CompareAsync(comparison, Lossy, ["gates", "stacks"]);
        Assert.Equal(3, comparison.Faults().Count);
        Assert.Equal(
            ["left out | gates: SS and ESP of the caller lie above them", "left out | gates: 64-bit, a gate of DPL 0", "lost behind | stacks: on its IST stack"],
            comparison.Rows.Select(row => row[..row.LastIndexOf(" | ends", StringComparison.Ordinal)]));
        Assert.Equal(28 + 11, comparison.Compared);
    }

    private async Task<int> CheckAsync(IReadOnlyList<KnownDeviation> known)
    {
        var sections = PointOutput.Parse((await RunAsync("soft")).Ended(0, "poweroff").Text).Sections;
        Assert.NotEmpty(sections);
        var comparison = new PointComparison(known);
        await CompareAsync(comparison, (section, leftOut) => TextAsync("kvm", section, leftOut), sections);
        var faults = comparison.Faults();
        output.WriteLine($"{comparison.Compared} points compared, {comparison.Rows.Count} known or new deviations");
        Artifacts.Measured($"guests/processor on KVM and soft: {comparison.Compared} points compared, {comparison.Rows.Count} not the same");
        if (Environment.GetEnvironmentVariable("HVRUN_DEVIATIONS") is { Length: > 0 } path)
        {
            await File.WriteAllLinesAsync(path, comparison.Rows);
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
        return comparison.Compared;
    }

    private static async Task CompareAsync(PointComparison comparison, SectionRun.Machine machine, IReadOnlyList<string> sections)
    {
        foreach (var section in sections)
        {
            var run = await SectionRun.SurviveAsync(machine, section);
            comparison.Add(section, run, await run.RepeatAsync(Soft, section));
        }
    }

    private static Task<string> Soft(string section, IReadOnlyList<int> leftOut) => TextAsync("soft", section, leftOut);

    private static async Task<string> TextAsync(string hypervisor, string section, IReadOnlyList<int> leftOut) =>
        (await RunAsync(hypervisor, $"section={section}", $"leave-out={string.Join(',', leftOut)}")).Text;

    // Long enough that a slow machine is not taken for one that hangs: the points under way would be left out for nothing.
    private static Task<HvrunResult> RunAsync(string hypervisor, params string[] words) => HvrunProcess.RunAsync(
        ["run", "--hypervisor", hypervisor, "--memory", "16M", "--timeout", "10s", Artifacts.Guest("processor"), "--", .. words]);
}
