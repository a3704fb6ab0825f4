using System.Text.Json;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>Instructions that some KVMs refuse are completed by hvrun, with the results that a processor has (guests/instructions, TAP).</summary>
public sealed class InstructionTests
{
    [VmFact]
    public async Task RefusedInstructions_AreCompletedAndCounted()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("report.json");
        var result = (await HvrunProcess.RunAsync("run", "--memory", "128M", "--timeout", "20s", "--report", file, Artifacts.Guest("instructions"))).Ended(0, "poweroff");
        var points = result.Text.Split('\n').Count(line => line.StartsWith("ok ", StringComparison.Ordinal));
        result.True(points >= 20 && result.Text.EndsWith($"\n1..{points}\n", StringComparison.Ordinal), "a point for each instruction and their plan were expected");
        result.True(!result.Text.Contains("not ok", StringComparison.Ordinal), "no failed point was expected");

        using var report = JsonDocument.Parse(await File.ReadAllBytesAsync(file));
        var completed = report.RootElement.GetProperty("exits").GetProperty("completedInstruction").GetInt64();
        var assisted = report.RootElement.GetProperty("hypervisor").GetProperty("softwareAssisted").GetBoolean();

        // Where the processor runs the guest itself, there is nothing to complete.
        Assert.Equal(assisted, completed >= points / 2);
    }

    [VmFact]
    public async Task RefusedInstructions_AreInTheTrace()
    {
        using var directory = new TemporaryDirectory();
        var trace = directory.File("trace");
        var report = directory.File("report.json");
        (await HvrunProcess.RunAsync(
            "run", "--memory", "128M", "--trace", trace, "--trace-filter", "instruction", "--report", report, Artifacts.Guest("instructions"))).Ended(0, "poweroff");
        using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(report));
        var lines = await File.ReadAllLinesAsync(trace);
        Assert.Equal(document.RootElement.GetProperty("exits").GetProperty("completedInstruction").GetInt64(), lines.Length);
        Assert.All(lines, line => Assert.Matches(@"^ *\d+ vcpu0 instruction 0x[0-9a-f]+ [0-9A-F]{2,30}$", line));
    }
}
