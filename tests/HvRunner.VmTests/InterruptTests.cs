using HvRunner.Machine.Probes;
using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Points;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary>
/// guests/interrupts in every mode that this host has: whose interrupt controllers, whose processor, which clock, on 1, 2 and 4 processors. Controllers that are
/// hvrun's own pass every test. Those within a KVM may fail what <c>guests/interrupts/kvm-deviations</c> names, where doctor's probe finds the same defect.
/// </summary>
public sealed class InterruptTests(ITestOutputHelper output)
{
    private const int StatusUsage = 64;
    private const int FewestTests = 300;
    private const string HostHasNoKvm = "no KVM here";

    /// <summary>How many of them the guest is run on.</summary>
    internal static readonly int[] Processors = [1, 2, 4];

    // The hunts of an ordinary run are short; all rounds of all modes take some minutes.
    private static readonly int Rounds = ThisHost.IsNightly ? 100_000 : 200;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(ThisHost.IsNightly ? 15 : 3);

    private static readonly Mode[] Modes =
    [
        new("soft", "user", "real"),
        new("soft", "user", "virtual"),
        new("kvm", "kernel", "real"),
        new("kvm", "split", "real"),
        new("kvm", "user", "real"),
    ];

    /// <summary>What may fail on a KVM.</summary>
    internal static IReadOnlyList<KvmDeviation> Rows() => KvmDeviation.Parse(File.ReadLines(Path.Combine(Artifacts.Root, "guests", "interrupts", "kvm-deviations")));

    /// <summary>The command line of one run; words for the guest may follow.</summary>
    internal static string[] Arguments(Mode mode, int processors, int rounds) =>
    [
        "run", "--hypervisor", mode.Hypervisor, "--irqchip", mode.Irqchip, "--clock", mode.Clock, "--memory", "16M", "--cpus", $"{processors}", "--timeout", $"{Limit.TotalSeconds:F0}s",
        Artifacts.Guest("interrupts"), "--", $"rounds={rounds}", $"cpus={processors}",

        // Where interrupts may stay away for good, they are not awaited for as long.
        .. mode.Irqchip == "user" ? [] : new[] { "patience=1000" },
    ];

    /// <summary>Adds one run of a mode to a table.</summary>
    internal static void Add(ModeTable table, Mode mode, HvrunResult result, IReadOnlySet<string> mayFail)
    {
        var points = PointOutput.Parse(result.Text);
        result.True(points.IsWhole && points.Points.Count >= FewestTests, "a plan that names every point was expected");
        table.Add(mode.ToString(), result.Text, mayFail);
    }

    [Fact]
    public async Task EveryMode_KeepsTheRules()
    {
        var table = new ModeTable();
        var ran = new List<Mode>();
        foreach (var mode in Modes)
        {
            var reason = await RunAsync(mode, table);
            output.WriteLine($"{mode}: {reason ?? "ran"}");
            if (reason is null)
            {
                ran.Add(mode);
            }
        }

        output.WriteLine(table.Render());
        Artifacts.Measured($"guests/interrupts in {ran.Count} modes: {table.Count(ModeOutcome.Ok)} cells ok, {table.Count(ModeOutcome.Deviation)} deviations, {table.Count(ModeOutcome.Skip)} skipped");
        Assert.Contains(Modes[0], ran);
        Assert.Contains(Modes[1], ran);
        Assert.True(table.Failures.Count == 0, string.Join('\n', table.Failures));
    }

    [Fact]
    public async Task RowsOfKvmDeviations_NameTestsAndFindings()
    {
        var result = await HvrunProcess.RunAsync(Start(Modes[1], processors: 2, "leave-out=clocks,storms"));
        string[] findings = [.. InterruptRules.Names, "inServiceBitsKept", "priorityHeld"];
        foreach (var row in Rows())
        {
            result.Prints($" - {row.Test}\n");
            Assert.Contains(row.Finding, findings);
        }
    }

    [Fact]
    public async Task UnknownSection_IsRefused() =>
        (await HvrunProcess.RunAsync(Start(Modes[1], processors: 1, "section=nonesuch"))).Ended(63, "guest-status");

    [Fact]
    public void WorstOutcome_IsTheCells()
    {
        var table = new ModeTable();
        table.Add("m", "ok 1 - a\nok 2 - b # SKIP why\nnot ok 3 - c\nnot ok 4 - d\n", new HashSet<string>(["d"]));
        table.Add("m", "not ok 1 - a\nok 2 - b\n", new HashSet<string>());
        Assert.Equal(["m: a", "m: c"], table.Failures);
        Assert.Equal((ModeOutcome.Ok, ModeOutcome.Deviation, ModeOutcome.Absent), (table["b", "m"], table["d", "m"], table["a", "n"]));
        Assert.Equal("test | m\na    | not ok\nb    | ok\nc    | not ok\nd    | deviation\n", table.Render());
    }

    [Theory]
    [InlineData("kernel | finding | test")]
    [InlineData("kernel | finding | test | | rule")]
    [InlineData("other | finding | test | what | rule")]
    [InlineData("user | finding | test | what | rule")]
    public void RowWithoutItsReasons_IsRefused(string line) => Assert.Throws<FormatException>(() => KvmDeviation.Parse([line]));

    /// <summary>Null when it ran, else why not.</summary>
    private async Task<string?> RunAsync(Mode mode, ModeTable table)
    {
        if (mode.Hypervisor == "kvm" && ThisHost.ReasonToSkip is not null)
        {
            return HostHasNoKvm;
        }

        var mayFail = mode.Hypervisor == "kvm" ? KvmDeviation.MayFail(Rows(), (await HvrunProcess.RunAsync("doctor", "--json")).Text, mode.Irqchip) : [];
        foreach (var processors in Processors)
        {
            var result = await HvrunProcess.RunAsync(Start(mode, processors));
            if (result.Status == StatusUsage)
            {
                return $"not offered: {result.Words}";
            }

            Add(table, mode, result, mayFail);
        }

        return null;
    }

    private static HvrunStart Start(Mode mode, int processors, params string[] words) => new([.. Arguments(mode, processors, Rounds), .. words]) { Limit = Limit + TimeSpan.FromSeconds(20) };

    /// <summary>A way to run the guest.</summary>
    internal sealed record Mode(string Hypervisor, string Irqchip, string Clock)
    {
        public override string ToString() => Clock == "real" ? $"{Hypervisor} {Irqchip}" : $"{Hypervisor} {Irqchip}, {Clock} clock";
    }
}
