using System.Text.Json;
using System.Text.Json.Nodes;
using HvRunner.VmTests.Harness;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary><c>--hypervisor soft</c>: hvrun's own processor, which every host has, so nothing here is ever skipped.</summary>
public sealed class SoftTests(ITestOutputHelper output)
{
    private static readonly string[] Soft = ["--hypervisor", "soft"];
    private static readonly string[] Virtual = ["--hypervisor", "soft", "--clock", "virtual"];

    [Fact]
    public async Task Demo_RunsWithoutVirtualization() =>
        (await HvrunProcess.RunAsync("demo", "--hypervisor", "soft")).Ended(0, "poweroff").Prints("timer: 10 ticks of 10 ms by IRQ 0");

    [Fact]
    public async Task Environment_ChoosesIt()
    {
        using var directory = new TemporaryDirectory();
        var report = directory.File("report.json");
        var start = new HvrunStart(Guests.Ending("poweroff", "--report", report)) { Environment = new Dictionary<string, string> { ["HVRUN_HYPERVISOR"] = "soft" } };
        (await HvrunProcess.RunAsync(start)).Ended(0, "poweroff");
        var hypervisor = JsonNode.Parse(await File.ReadAllTextAsync(report))!["hypervisor"]!;
        Assert.Equal("soft", (string?)hypervisor["name"]);
        Assert.Equal("user", (string?)hypervisor["irqchip"]);
        Assert.Equal("real", (string?)hypervisor["clock"]);
        Assert.Null(hypervisor["softwareAssisted"]);
    }

    [Theory]
    [InlineData("halt")]
    [InlineData("halt-loop")]
    public async Task Halt_IsFoundSoon(string ending)
    {
        using var directory = new TemporaryDirectory();
        var report = directory.File("report.json");
        (await Guests.EndAsync(ending, [.. Soft, "--timeout", "20s", "--report", report])).Ended(84, "halted");
        var document = JsonNode.Parse(await File.ReadAllTextAsync(report))!;
        Assert.InRange((long)document["timings"]!["firstEntryToEnd"]!, 0, 400_000);
        Assert.InRange((long)document["exits"]!["halt"]!, 1, 2);
    }

    [Theory]
    [InlineData("spin")]
    [InlineData("spin-out")]
    [InlineData("idle")]
    public async Task Timeout_EndsAGuestThatDoesNotEnd(string ending)
    {
        var result = (await Guests.EndAsync(ending, [.. Soft, "--timeout", "300ms"])).Ended(124, "timeout");
        result.True(result.Duration < TimeSpan.FromMilliseconds(1300), "the end was expected within a second of the time limit");
    }

    [Theory]
    [InlineData("demo", "")]
    [InlineData("echo", "four score and seven years ago\n")]
    [InlineData("boot-state", "")]
    [InlineData("processor", "")]
    public async Task VirtualClock_MakesTwoRunsIdentical(string guest, string input) =>
        await CheckIdenticalAsync(["--memory", "32M", "--timeout", "20s"], Artifacts.Guest(guest), [], input);

    [Fact]
    public async Task VirtualClock_MakesTwoBootsOfLinuxIdentical()
    {
        const string Input = "cat /proc/interrupts; date; sleep 3; date; od -x -N 16 /dev/urandom; exit 3\n";
        var text = await CheckIdenticalAsync(["--memory", "128M", "--initrd", Artifacts.Initramfs], Artifacts.Linux, ["hvrun.shell"], Input);
        Assert.Contains("Sat Jan  1 00:00:00 UTC 2000", text, StringComparison.Ordinal);
        Assert.Contains("Sat Jan  1 00:00:03 UTC 2000", text, StringComparison.Ordinal);
    }

    /// <summary>Runs twice with input that arrives differently, and compares everything but the timings. Returns the console.</summary>
    private async Task<string> CheckIdenticalAsync(string[] options, string kernel, string[] words, string input)
    {
        using var directory = new TemporaryDirectory();
        var runs = new List<(HvrunResult Result, JsonNode Report)>();
        foreach (var inPieces in new[] { false, true })
        {
            var file = directory.File($"report{runs.Count}.json");
            using var process = HvrunProcess.Start(new HvrunStart(["run", .. Virtual, "--report", file, .. options, kernel, "--", .. words])
            {
                KeepInputOpen = true,
                Limit = TimeSpan.FromSeconds(90),
            });
            var bytes = System.Text.Encoding.ASCII.GetBytes(input);
            var split = inPieces ? bytes.Length / 3 : bytes.Length;
            await process.Input.WriteAsync(bytes.AsMemory(0, split));
            await process.Input.FlushAsync();
            if (inPieces && bytes.Length != 0)
            {
                await process.UntilStalledAsync();
            }

            await process.Input.WriteAsync(bytes.AsMemory(split));
            process.Input.Close();
            var result = await process.EndAsync();
            var report = JsonNode.Parse(await File.ReadAllTextAsync(file))!;
            output.WriteLine($"{result.Duration.TotalMilliseconds:F0} ms, memory {report["memoryHash"]}");
            report.AsObject().Remove("timings");
            runs.Add((result, report));
        }

        Assert.Equal(runs[0].Result.Text, runs[1].Result.Text);
        Assert.Equal(runs[0].Result.Status, runs[1].Result.Status);
        Assert.Matches("^[0-9a-f]{64}$", (string?)runs[0].Report["memoryHash"]);
        Assert.Equal(runs[0].Report.ToJsonString(), runs[1].Report.ToJsonString());
        Assert.Equal(JsonValueKind.Object, runs[0].Report.GetValueKind());
        return runs[0].Result.Text;
    }
}
