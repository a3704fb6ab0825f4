using System.Globalization;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The trace of what crosses the guest's border, and hvrun's own log.</summary>
public sealed class TraceTests
{
    [VmFact]
    public async Task Trace_HasPortsAndInterruptsWithTimesAndDevices()
    {
        var lines = await TraceAsync();
        Assert.Contains(lines, line => line.Contains(" port ", StringComparison.Ordinal) && line.EndsWith(" com1", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains(" port ", StringComparison.Ordinal) && line.EndsWith(" exit", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains(" interrupt line 0 high pit", StringComparison.Ordinal));

        // One vCPU's lines are in order; the timer's come from a thread of their own and may lag.
        var times = lines.Where(line => line.Contains(" vcpu0 ", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Trim().Split(' ')[0], CultureInfo.InvariantCulture)).ToList();
        Assert.InRange(times[0], 0, 1_000_000);
        Assert.Equal(times.Order(), times);
        Assert.InRange(times[^1] - times[0], 90_000, 5_000_000);
    }

    [VmFact]
    public async Task TraceFilter_ByDevice_LeavesTheOthersOut()
    {
        var lines = await TraceAsync("--trace-filter", "com1");
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.EndsWith(" com1", line, StringComparison.Ordinal));
    }

    [VmFact]
    public async Task TraceFilter_ByKind_LeavesTheOthersOut()
    {
        Assert.All(await TraceAsync("--trace-filter", "port"), line => Assert.Contains(" port ", line, StringComparison.Ordinal));
        var interrupts = await TraceAsync("--trace-filter", "interrupt");
        Assert.True(interrupts.Count(line => line.EndsWith(" interrupt line 0 high pit", StringComparison.Ordinal)) >= 10);
        Assert.All(interrupts, line => Assert.Contains(" interrupt ", line, StringComparison.Ordinal));
    }

    [VmFact]
    public async Task TraceFilter_ByKindAndDevice_NeedsBoth()
    {
        Assert.All(await TraceAsync("--trace-filter", "port,pit"), line =>
        {
            Assert.Contains(" port ", line, StringComparison.Ordinal);
            Assert.EndsWith(" pit", line, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task TraceFilter_ThatIsUnknownIsRefused()
    {
        using var directory = new TemporaryDirectory();
        var result = await HvrunProcess.RunAsync("run", "--trace", directory.File("trace"), "--trace-filter", "com9", Artifacts.Guest("demo"));
        result.Ended(64, "usage").Says("'com9'");
        result.Says("com1");
        result.Says("interrupt");
    }

    [VmFact]
    public async Task Trace_ShowsUnclaimedMemory()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("trace");
        (await Guests.EndAsync("mmio-unclaimed", "--trace", file, "--trace-filter", "mmio")).Ended(0, "poweroff");
        var lines = File.ReadAllLines(file);
        Assert.Equal(5, lines.Length);
        Assert.All(lines, line => Assert.Contains("0xd0000000", line, StringComparison.Ordinal));
    }

    [VmFact]
    public async Task Trace_OfARunThatIsInterruptedIsThere()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("trace");
        (await Guests.EndAsync("spin", "--trace", file, "--timeout", "100ms")).Ended(124, "timeout");
        Assert.NotEmpty(File.ReadAllLines(file));
    }

    [VmFact]
    public async Task Log_GoesToItsFile()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("log");
        var result = (await Guests.EndAsync("poweroff", "--log", file)).Ended(0, "poweroff");
        Assert.Single(result.ErrorLines);
        Assert.Contains("endings.elf", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [VmFact]
    public async Task Verbose_ShowsTheLogOnStandardError()
    {
        var result = (await Guests.EndAsync("poweroff", "-v")).Ended(0, "poweroff");
        Assert.Equal("endings: poweroff\n", result.Text);
        result.True(result.ErrorLines.Length > 1, "the log was expected on standard error");
        result.True(result.ErrorLines.All(line => line.StartsWith("hvrun: ", StringComparison.Ordinal)), "hvrun's prefix was expected on each line");
    }

    private static async Task<string[]> TraceAsync(params string[] options)
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("trace");
        (await HvrunProcess.RunAsync(["run", "--memory", "16M", "--trace", file, .. options, Artifacts.Guest("demo")])).Ended(0, "poweroff");
        return await File.ReadAllLinesAsync(file);
    }
}
