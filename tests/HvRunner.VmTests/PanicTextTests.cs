using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>A Linux kernel's console decides the verdict when it says that it panicked; any other kernel may say what it likes.</summary>
public sealed class PanicTextTests
{
    [VmFact]
    public async Task PanicText_EndsALinuxKernel()
    {
        var result = (await RunAsLinuxAsync("panic-text", "--timeout", "20s")).Ended(81, "panic");
        result.True(result.Duration < TimeSpan.FromSeconds(3), "the end was expected with the kernel's last line");
        result.Prints("---[ end Kernel panic - not syncing: test ]---");
        result.Says("Kernel panic - not syncing: test");
        Assert.Matches("hvrun: vCPU 0: rip [0-9a-f]{16}  [a-z_]+", result.Error);
    }

    [VmFact]
    public async Task PanicText_StaysWhenTheKernelHaltsBeforeItsLastLine()
    {
        var result = (await RunAsLinuxAsync("panic-text-halt")).Ended(81, "panic");
        result.True(result.Duration < TimeSpan.FromSeconds(3), "the end was expected with the halt");
    }

    [VmFact]
    public async Task PanicText_Off_MeansNothing()
    {
        (await RunAsLinuxAsync("panic-text", "--panic-text", "off", "--timeout", "300ms")).Ended(124, "timeout");
        (await RunAsLinuxAsync("panic-text-halt", "--panic-text", "off")).Ended(84, "halted");
    }

    [VmFact]
    public async Task LinuxKernel_ThatDoesNotPanicEndsAsUsual()
    {
        (await RunAsLinuxAsync("status:7")).Ended(7, "guest-status");
    }

    private static async Task<HvrunResult> RunAsLinuxAsync(string ending, params string[] options)
    {
        using var directory = new TemporaryDirectory();
        var kernel = directory.File("linux-endings.elf", Guests.EndingsAsLinux());
        return await HvrunProcess.RunAsync(["run", "--memory", "16M", .. options, kernel, "--", $"end={ending}"]);
    }
}
