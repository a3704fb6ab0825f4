using System.Diagnostics;
using System.Text.Json;
using HvRunner.VmTests.Harness;
using Xunit.Abstractions;

namespace HvRunner.VmTests;

/// <summary>Linux boots from its PVH entry to its init; where KVM delivers system calls, init also ends the machine.</summary>
public sealed class LinuxTests(ITestOutputHelper output)
{
    [VmFact]
    public async Task Linux_ReachesItsInit()
    {
        using var directory = new TemporaryDirectory();
        var report = directory.File("report.json");
        using var process = HvrunProcess.Start(new HvrunStart(
            "run", "--memory", "128M", "--initrd", Artifacts.Initramfs, "--timeout", "300s", "--report", report, Artifacts.Linux)
        {
            Limit = TimeSpan.FromSeconds(320),
        });
        await process.WaitForOutputAsync("Run /init as init process");
        var reached = $"Linux: Run /init as init process after {process.Elapsed.TotalSeconds:F1} s";
        output.WriteLine(reached);
        Artifacts.Measured(reached);

        var result = await process.EndAsync();
        result.Prints("Linux version 6.1.");
        result.Prints("Booting paravirtualized kernel on KVM");
        result.True(
            result.Text.Split('\n').Any(line => line.Contains("ttyS0 at I/O 0x3f8 (irq = 4", StringComparison.Ordinal) && line.Contains("is a 16550A", StringComparison.Ordinal)),
            "the serial port was expected to be recognized");

        // init's own line shows that system calls work; then it ends the machine. Where they do not, it dies of its first one.
        var initRan = result.Text.Contains("hvrun: Linux 6.1.", StringComparison.Ordinal) && result.Text.Contains(" reached init after ", StringComparison.Ordinal);
        using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(report));
        var postMortem = document.RootElement.GetProperty("postMortem");
        if (initRan)
        {
            result.Ended(0, "poweroff");
            Assert.Equal(JsonValueKind.Null, postMortem.ValueKind);
        }
        else
        {
            CheckPanic(result, document.RootElement);
        }
    }

    [VmFact]
    public async Task Linux_IsInterruptedWhileItBoots()
    {
        using var process = HvrunProcess.Start("run", "--memory", "128M", "--cmdline", "console=ttyS0 earlyprintk=ttyS0", Artifacts.Linux);
        await process.WaitForOutputAsync("Linux version 6.1.");
        var sent = Stopwatch.GetTimestamp();
        process.Signal(Harness.Interop.Libc.SIGTERM);
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(Stopwatch.GetElapsedTime(sent) < TimeSpan.FromSeconds(1), "the end was expected within a second of the signal");
    }

    private static void CheckPanic(HvrunResult result, JsonElement report)
    {
        result.Ended(81, "panic");
        result.Prints("Kernel panic - not syncing: Attempted to kill init!");
        result.Says("Kernel panic - not syncing");
        Assert.Matches("hvrun: vCPU 0: rip [0-9a-f]{16}  [a-zA-Z_][a-zA-Z0-9_.]*", result.Error);
        Assert.Matches("hvrun:   instruction: [a-z]+", result.Error);
        var postMortem = report.GetProperty("postMortem");
        Assert.NotEmpty(postMortem.GetProperty("vcpus")[0].GetProperty("symbol").GetString()!);
        Assert.Contains(
            postMortem.GetProperty("consoleTail").EnumerateArray(),
            line => line.GetString()!.Contains("---[ end Kernel panic", StringComparison.Ordinal));
        Assert.InRange(report.GetProperty("exits").GetProperty("portOut").GetInt64(), result.Output.Length, 10_000_000);

        // Only a KVM that runs ring 0 by software refuses instructions, and only there do system calls fail.
        Assert.NotEqual(0, report.GetProperty("exits").GetProperty("completedInstruction").GetInt64());
    }
}
