using System.Globalization;
using System.Text.Json;
using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The report: one JSON object with every field of the interface, whatever the end.</summary>
public sealed class ReportTests
{
    private static readonly string[] ExitKinds =
    [
        "portIn", "portOut", "mmioRead", "mmioWrite", "msrRead", "msrWrite", "cpuid", "halt", "interruptWindow", "completedInstruction", "other",
    ];

    [VmTheory]
    [InlineData("poweroff", 0, "poweroff")]
    [InlineData("status:300", 63, "guest-status")]
    [InlineData("reset-kbc", 80, "reset")]
    [InlineData("pvpanic", 81, "panic")]
    [InlineData("triple", 82, "triple-fault")]
    [InlineData("watchdog:0", 83, "watchdog")]
    [InlineData("halt", 84, "halted")]
    [InlineData("spin", 124, "timeout")]
    [InlineData("idle", 124, "timeout")]
    public async Task Report_HasEveryField(string ending, int status, string verdict)
    {
        var (result, report) = await RunAsync(Guests.Ending(ending, "--timeout", "300ms", "--cpus", "2"));
        result.Ended(status, verdict);
        Assert.Matches(@"^\d+\.\d+\.\d+", Text(report, "hvrun"));
        Assert.Equal(verdict, Text(report, "verdict"));
        Assert.Equal(status, report.GetProperty("exitStatus").GetInt32());
        CheckGuestStatus(report.GetProperty("guestStatus"), ending);

        var kernel = report.GetProperty("kernel");
        Assert.Equal(Artifacts.Guest("endings"), Text(kernel, "path"));
        Assert.Equal("ELF32 i386", Text(kernel, "format"));
        Assert.Equal(JsonValueKind.Null, kernel.GetProperty("compression").ValueKind);
        Assert.Equal("pvh", Text(kernel, "boot"));
        Assert.InRange(Number(Text(kernel, "entry")), 0x10_0000UL, 0x20_0000UL);

        var hypervisor = report.GetProperty("hypervisor");
        Assert.Equal("kvm", Text(hypervisor, "name"));
        Assert.Equal(12, hypervisor.GetProperty("apiVersion").GetInt32());
        Assert.Contains(hypervisor.GetProperty("softwareAssisted").ValueKind, (JsonValueKind[])[JsonValueKind.Null, JsonValueKind.True, JsonValueKind.False]);
        Assert.Contains(Text(hypervisor, "irqchip"), (string[])["kernel", "split", "user"]);

        Assert.Equal(2, report.GetProperty("vcpus").GetInt32());
        Assert.Equal(16L << 20, report.GetProperty("memoryBytes").GetInt64());

        var timings = report.GetProperty("timings");
        Assert.InRange(timings.GetProperty("startToFirstEntry").GetInt64(), 100, 5_000_000);
        Assert.InRange(timings.GetProperty("firstEntryToEnd").GetInt64(), status == 124 ? 300_000 : 10, 1_300_000);
        Assert.Equal(0, timings.GetProperty("marks").GetArrayLength());

        var exits = report.GetProperty("exits");
        Assert.All(ExitKinds, kind => Assert.InRange(exits.GetProperty(kind).GetInt64(), 0, 1_000_000));
        Assert.InRange(exits.GetProperty("portOut").GetInt64(), result.Output.Length, result.Output.Length + 60);
        Assert.InRange(exits.GetProperty("portIn").GetInt64(), 1, 1000);

        var console = report.GetProperty("console");
        Assert.Equal(result.Output.Length, console.GetProperty("bytesOut").GetInt64());
        Assert.Equal(0, console.GetProperty("bytesIn").GetInt64());
        CheckPostMortem(report.GetProperty("postMortem"), status is >= 81 and <= 85 or 124, ending, result.LostRegisters);
    }

    [VmTheory]
    [InlineData("halt")]
    [InlineData("halt-loop")]
    public async Task Halt_IsFoundWithin200Milliseconds(string ending)
    {
        var (_, report) = await RunAsync(Guests.Ending(ending));
        var alone = report.GetProperty("timings").GetProperty("firstEntryToEnd").GetInt64();
        var (_, quick) = await RunAsync(Guests.Ending("poweroff"));
        var before = quick.GetProperty("timings").GetProperty("firstEntryToEnd").GetInt64();
        Artifacts.Measured($"{ending}: verdict {(alone - before) / 1000.0:F1} ms after the halt");
        Assert.InRange(alone - before, 0, 200_000);
    }

    [VmFact]
    public async Task Exits_CountWhatTheGuestDid()
    {
        var (_, report) = await RunAsync(Guests.Ending("mmio-unclaimed"));
        var exits = report.GetProperty("exits");
        Assert.Equal(4, exits.GetProperty("mmioRead").GetInt64());
        Assert.Equal(1, exits.GetProperty("mmioWrite").GetInt64());
    }

    [VmFact]
    public async Task Report_OfAWrongCommandLineSaysSo()
    {
        var (result, report) = await RunAsync("run", "--memory", "1K", Artifacts.Guest("endings"));
        result.Ended(64, "usage");
        CheckUnstarted(report, 64, "usage");
    }

    [VmFact]
    public async Task Report_OfAnUnknownOptionSaysSo()
    {
        var (result, report) = await RunAsync("run", "--frobnicate", Artifacts.Guest("endings"));
        result.Ended(64, "usage");
        CheckUnstarted(report, 64, "usage");
    }

    [VmFact]
    public async Task Report_OfAMissingKernelSaysSo()
    {
        var (result, report) = await RunAsync("run", "/nonexistent/kernel");
        result.Ended(66, "no-input");
        CheckUnstarted(report, 66, "no-input");
    }

    [VmFact]
    public async Task Report_ThatCannotBeWrittenIsSaid()
    {
        var result = await Guests.EndAsync("poweroff", "--report", "/nonexistent/report");
        result.Says("/nonexistent/report");
        Assert.Contains(result.Verdict, (string[])["poweroff", "usage"]);
    }

    private static void CheckGuestStatus(JsonElement status, string ending)
    {
        if (ending is "poweroff" || ending.StartsWith("status:", StringComparison.Ordinal))
        {
            Assert.Equal(ending == "poweroff" ? 0 : int.Parse(ending.Split(':')[1], CultureInfo.InvariantCulture), status.GetInt32());
        }
        else
        {
            Assert.Equal(JsonValueKind.Null, status.ValueKind);
        }
    }

    private static void CheckPostMortem(JsonElement postMortem, bool expected, string ending, bool lostRegisters)
    {
        if (!expected)
        {
            Assert.Equal(JsonValueKind.Null, postMortem.ValueKind);
            return;
        }

        Assert.NotEmpty(Text(postMortem, "reason"));
        var vcpus = postMortem.GetProperty("vcpus");
        Assert.Equal(2, vcpus.GetArrayLength());
        foreach (var vcpu in vcpus.EnumerateArray())
        {
            Assert.All(
                ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r15", "rip", "rflags", "cr0", "cr2", "cr3", "cr4", "efer", "cs", "ss"],
                register => Number(Text(vcpu.GetProperty("registers"), register)));
            Assert.Contains(vcpu.GetProperty("instruction").ValueKind, (JsonValueKind[])[JsonValueKind.String, JsonValueKind.Null]);
            Assert.Contains(vcpu.GetProperty("symbol").ValueKind, (JsonValueKind[])[JsonValueKind.String, JsonValueKind.Null]);
        }

        if (!lostRegisters)
        {
            Assert.InRange(Number(Text(vcpus[0].GetProperty("registers"), "rip")), 0x10_0000UL, 0x20_0000UL);
            Assert.NotEmpty(Text(vcpus[0], "instruction"));
            Assert.Matches("^[a-z_]+(\\+0x[0-9a-f]+)?$", Text(vcpus[0], "symbol"));
        }

        Assert.Equal([$"endings: {ending.Split(':')[0]}"], postMortem.GetProperty("consoleTail").EnumerateArray().Select(line => line.GetString()!));
    }

    private static void CheckUnstarted(JsonElement report, int status, string verdict)
    {
        Assert.Equal(status, report.GetProperty("exitStatus").GetInt32());
        Assert.Equal(verdict, Text(report, "verdict"));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("postMortem").ValueKind);
        Assert.All(ExitKinds, kind => Assert.Equal(0, report.GetProperty("exits").GetProperty(kind).GetInt64()));
    }

    private static async Task<(HvrunResult Result, JsonElement Report)> RunAsync(params string[] arguments)
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("report.json");
        var result = await HvrunProcess.RunAsync([arguments[0], "--report", file, .. arguments[1..]]);
        result.True(File.Exists(file), "a report was expected");
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return (result, document.RootElement.Clone());
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static ulong Number(string text)
    {
        Assert.StartsWith("0x", text, StringComparison.Ordinal);
        return ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
