using System.Diagnostics;
using System.Globalization;
using HvRunner.Hardware.Tests.Comparison;
using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Xunit.Abstractions;

namespace HvRunner.Hardware.Tests;

/// <summary>Random instances of every form, on the real processor and on ours.</summary>
public class HardwareTests(ITestOutputHelper output)
{
    private const ulong Seed = 20260721;
    private const int UnattendedInstances = 50_000;
    private const int NightlyInstances = 2_000_000;

    [HardwareFact]
    public void Instances_EndInTheExecutorAsOnTheRealProcessor() => Compare(new HostProcess(), new SteppingProcessor(hasTopPage: false));

    [HardwareFact]
    public void Instances_EndTranslatedAsOnTheRealProcessor() => Compare(new HostProcess(), new TranslatingProcessor(hasTopPage: false));

    [KvmHardwareFact]
    public void Instances_EndInTheExecutorAsInRing3OfKvm() => Compare(new KvmProcessor(), new SteppingProcessor());

    [KvmHardwareFact]
    public void Instances_EndTranslatedAsInRing3OfKvm() => Compare(new KvmProcessor(), new TranslatingProcessor());

    private void Compare(IRealProcessor real, IProcessorUnderTest ours)
    {
        using var hardware = real;
        var seed = Number("HVRUN_HARDWARE_SEED", Seed);
        var wanted = (long)Number("HVRUN_HARDWARE_INSTANCES", HardwareHost.IsNightly ? NightlyInstances : (ulong)UnattendedInstances);
        var first = (long)Number("HVRUN_HARDWARE_FIRST", 0);
        var forms = FormTable.Run;
        if (Environment.GetEnvironmentVariable("HVRUN_HARDWARE_FORMS") is { Length: > 0 } text)
        {
            forms = [.. forms.Where(form => form.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase))];
        }

        Assert.True(first != 0 || wanted >= forms.Length * 10 || forms.Length != FormTable.Run.Length, "too few instances for every form to come up");
        var match = new Match(hardware, ours, seed, forms);
        var watch = Stopwatch.StartNew();
        for (var batch = first / GuestLayout.MaximumBatch; match.Instances < wanted; batch++)
        {
            match.Run(batch);
        }

        var report = Report.Write(match, seed, forms, watch.Elapsed);
        output.WriteLine(report.Summary);
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, $"forms-{real.Name}-{ours.Name}.txt"), report.Summary);
        Assert.True(report.Failures.Count == 0, $"{report.Failures.Count} forms do not agree, seed {seed}:\n{string.Join('\n', report.Failures)}");
    }

    private static ulong Number(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
