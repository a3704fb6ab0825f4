using System.Text.Json;
using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Reports;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

/// <summary>The report's fields, as the interface names them: scripts rest on each.</summary>
public class RunReportJsonTests
{
    private static readonly string[] ExitNames =
    [
        "portIn", "portOut", "mmioRead", "mmioWrite", "msrRead", "msrWrite", "cpuid", "halt", "interruptWindow", "completedInstruction", "other",
    ];

    [Fact]
    public void FullReport_HasEveryField()
    {
        var state = new ProcessorState { Rip = 0xffffffff81000000, Cr2 = 0x1000 };
        state[GeneralRegister.R15] = 0x15;
        var report = Write(new RunReport
        {
            Version = "0.1.0",
            Verdict = new Verdict(VerdictKind.GuestStatus, "the guest reported status 300", 300, 63),
            Kernel = new KernelReport("../vmlinux", "ELF64 x86-64", "gzip", "pvh", 0x1000000),
            Hypervisor = new HypervisorReport("kvm", 12, true, "kernel"),
            Vcpus = 2,
            MemoryBytes = 5UL << 30,
            StartTimestamp = 0,
            Marks = [new ReportMark("up", 1_500), new ReportMark("up", 3_000_000_000)],
            Outcome = Outcome(new PostMortem(
                "why", [new VcpuPostMortem(0, state, [0xf4], "hlt", "start+0x5"), new VcpuPostMortem(1, new ProcessorState(), [], null, null)], ["one", "two\u0001"])),
        });
        Assert.Equal("0.1.0", report.GetProperty("hvrun").GetString());
        Assert.Equal("guest-status", report.GetProperty("verdict").GetString());
        Assert.Equal(63, report.GetProperty("exitStatus").GetInt32());
        Assert.Equal(300, report.GetProperty("guestStatus").GetInt32());
        var kernel = report.GetProperty("kernel");
        Assert.Equal(
            ["../vmlinux", "ELF64 x86-64", "gzip", "pvh", "0x1000000"],
            new[] { "path", "format", "compression", "boot", "entry" }.Select(name => kernel.GetProperty(name).GetString()));
        var hypervisor = report.GetProperty("hypervisor");
        Assert.Equal(("kvm", 12, true, "kernel"), (
            hypervisor.GetProperty("name").GetString(), hypervisor.GetProperty("apiVersion").GetInt32(),
            hypervisor.GetProperty("softwareAssisted").GetBoolean(), hypervisor.GetProperty("irqchip").GetString()));
        Assert.Equal("real", hypervisor.GetProperty("clock").GetString());
        Assert.Equal((2, 5L << 30), (report.GetProperty("vcpus").GetInt32(), report.GetProperty("memoryBytes").GetInt64()));
        var timings = report.GetProperty("timings");
        Assert.Equal((1500, 2_000_000), (timings.GetProperty("startToFirstEntry").GetInt64(), timings.GetProperty("firstEntryToEnd").GetInt64()));
        Assert.Equal((812, 93_000_000), (timings.GetProperty("lastSecond").GetProperty("exits").GetInt64(), timings.GetProperty("lastSecond").GetProperty("instructions").GetInt64()));
        Assert.Equal(
            [("up", 1_500L), ("up", 3_000_000_000L)],
            timings.GetProperty("marks").EnumerateArray().Select(mark => (mark.GetProperty("name").GetString()!, mark.GetProperty("microseconds").GetInt64())));
        var exits = report.GetProperty("exits");
        Assert.Equal(Enumerable.Range(1, ExitNames.Length).Select(i => 2L * i), ExitNames.Select(name => exits.GetProperty(name).GetInt64()));
        Assert.Equal((7, 8), (report.GetProperty("console").GetProperty("bytesOut").GetInt64(), report.GetProperty("console").GetProperty("bytesIn").GetInt64()));
        CheckPostMortem(report.GetProperty("postMortem"));
    }

    [Fact]
    public void EarlyEnd_HasEveryFieldAsNullOrZero()
    {
        var report = Write(new RunReport { Version = "0.1.0", Verdict = new Verdict(VerdictKind.Usage, "two \"faults\"\n"), StartTimestamp = 0 });
        Assert.Equal(("usage", 64), (report.GetProperty("verdict").GetString(), report.GetProperty("exitStatus").GetInt32()));
        foreach (var name in new[] { "guestStatus", "kernel", "hypervisor", "vcpus", "memoryBytes", "memoryHash", "postMortem" })
        {
            Assert.Equal(JsonValueKind.Null, report.GetProperty(name).ValueKind);
        }

        Assert.Equal(JsonValueKind.Null, report.GetProperty("timings").GetProperty("startToFirstEntry").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("timings").GetProperty("firstEntryToEnd").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("timings").GetProperty("lastSecond").ValueKind);
        Assert.Empty(report.GetProperty("timings").GetProperty("marks").EnumerateArray());
        Assert.All(ExitNames, name => Assert.Equal(0, report.GetProperty("exits").GetProperty(name).GetInt64()));
        Assert.Equal(0, report.GetProperty("console").GetProperty("bytesOut").GetInt64());
    }

    [Fact]
    public void InstructionsThatNobodyCounts_AreNull()
    {
        var outcome = Outcome(new PostMortem("why", [], [])) with { LastSecond = new GuestProgress(5, null) };
        var report = Write(new RunReport { Version = "0.1.0", Verdict = outcome.Verdict, StartTimestamp = 0, Outcome = outcome });
        var second = report.GetProperty("timings").GetProperty("lastSecond");
        Assert.Equal((5, JsonValueKind.Null), (second.GetProperty("exits").GetInt64(), second.GetProperty("instructions").ValueKind));
    }

    [Fact]
    public void UnknownAssistance_IsNull()
    {
        var report = Write(new RunReport
        {
            Version = "0.1.0",
            Verdict = Verdict.OfGuestValue(ulong.MaxValue, ExitMap.Raw),
            StartTimestamp = 0,
            Hypervisor = new HypervisorReport("kvm", 12, null, "kernel"),
            Kernel = new KernelReport("a", "b", null, "pvh", ulong.MaxValue),
        });
        Assert.Equal(JsonValueKind.Null, report.GetProperty("hypervisor").GetProperty("softwareAssisted").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("kernel").GetProperty("compression").ValueKind);
        Assert.Equal(ulong.MaxValue, report.GetProperty("guestStatus").GetUInt64());
    }

    private static void CheckPostMortem(JsonElement postMortem)
    {
        Assert.Equal("why", postMortem.GetProperty("reason").GetString());
        Assert.Equal(["one", "two\u0001"], postMortem.GetProperty("consoleTail").EnumerateArray().Select(line => line.GetString()));
        var vcpus = postMortem.GetProperty("vcpus").EnumerateArray().ToList();
        Assert.Equal(("hlt", "start+0x5"), (vcpus[0].GetProperty("instruction").GetString(), vcpus[0].GetProperty("symbol").GetString()));
        Assert.Equal(JsonValueKind.Null, vcpus[1].GetProperty("instruction").ValueKind);
        Assert.Equal(JsonValueKind.Null, vcpus[1].GetProperty("symbol").ValueKind);
        var registers = vcpus[0].GetProperty("registers");
        Assert.Equal("0xffffffff81000000", registers.GetProperty("rip").GetString());
        Assert.Equal(("0x15", "0x1000"), (registers.GetProperty("r15").GetString(), registers.GetProperty("cr2").GetString()));
        foreach (var register in Enum.GetNames<GeneralRegister>())
        {
            Assert.StartsWith("0x", registers.GetProperty(register.ToLowerInvariant()).GetString(), StringComparison.Ordinal);
        }
    }

    /// <summary>Two vCPUs with 1, 2, 3, ... exits of each kind in the report's order.</summary>
    private static RunOutcome Outcome(PostMortem postMortem)
    {
        static ExitCounts Counts() => new()
        {
            PortIn = 1,
            PortOut = 2,
            MmioRead = 3,
            MmioWrite = 4,
            MsrRead = 5,
            MsrWrite = 6,
            Cpuid = 7,
            Halt = 8,
            InterruptWindow = 9,
            CompletedInstruction = 10,
            Other = 11,
        };
        var second = System.Diagnostics.Stopwatch.Frequency;
        return new RunOutcome
        {
            Verdict = new Verdict(VerdictKind.Halted),
            FirstEntryTimestamp = second * 15 / 10_000,
            EndTimestamp = (second * 15 / 10_000) + (2 * second),
            Vcpus = [Counts(), Counts()],
            LastSecond = new GuestProgress(812, 93_000_000),
            ConsoleBytesOut = 7,
            ConsoleBytesIn = 8,
            PostMortem = postMortem,
        };
    }

    private static JsonElement Write(RunReport report)
    {
        using var stream = new MemoryStream();
        RunReportJson.Write(stream, report);
        Assert.Equal((byte)'\n', stream.ToArray()[^1]);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
