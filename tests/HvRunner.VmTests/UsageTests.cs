using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>A wrong command line or file is refused before a machine exists, with every fault in one go and one verdict as the last line.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("--frobnicate")]
    [InlineData("--memory", "1K")]
    [InlineData("--memory", "2T")]
    [InlineData("--memory", "abc")]
    [InlineData("--memory", "-1")]
    [InlineData("--memory", "16777217")]
    [InlineData("--memory", "99999999999999999999G")]
    [InlineData("--cpus", "0")]
    [InlineData("--cpus", "-1")]
    [InlineData("--cpus", "two")]
    [InlineData("--boot", "linux64")]
    [InlineData("--boot", "")]
    [InlineData("--hypervisor", "whp")]
    [InlineData("--irqchip", "elsewhere")]
    [InlineData("--clock", "virtual")]
    [InlineData("--clock", "slow")]
    [InlineData("--console", "stderr")]
    [InlineData("--console", "file:")]
    [InlineData("--debug-console", "stdout")]
    [InlineData("--timeout", "10")]
    [InlineData("--timeout", "0s")]
    [InlineData("--timeout", "-1s")]
    [InlineData("--timeout", "soon")]
    [InlineData("--exit-port", "0x10000")]
    [InlineData("--exit-port", "f4")]
    [InlineData("--exit-map", "hex")]
    [InlineData("--panic-text", "maybe")]
    [InlineData("--trace-filter", "port")]
    [InlineData("--console", "file:/nonexistent/console")]
    [InlineData("--log", "/nonexistent/log")]
    [InlineData("--trace", "/nonexistent/trace")]
    public async Task WrongOption_IsRefusedByName(string option, string? value = null)
    {
        string[] given = value is null ? [option] : [option, value];
        var result = (await HvrunProcess.RunAsync(["run", .. given, Artifacts.Guest("endings"), "--", "end=poweroff"])).Ended(64, "usage");
        CheckRefusal(result);
        result.Says(option);
    }

    [VmFact]
    public async Task CommandLineThatIsTooLong_IsBadInput()
    {
        var result = await HvrunProcess.RunAsync("run", "--memory", "128M", "--cmdline", new string('x', 2048), Artifacts.Linux);
        result.Ended(65, "bad-input").Says("2047");
    }

    [Fact]
    public async Task Memory_ThatDoesNotFitSaysWhatWasExpected()
    {
        var result = (await HvrunProcess.RunAsync("run", "--memory", "1K", Artifacts.Guest("endings"))).Ended(64, "usage");
        result.Says("16 MiB");
        result.Says("found 1 KiB");
    }

    [Fact]
    public async Task WrongValue_IsRepeated()
    {
        (await HvrunProcess.RunAsync("run", "--timeout", "soon", Artifacts.Guest("endings"))).Ended(64, "usage").Says("'soon'");
        (await HvrunProcess.RunAsync("run", "--boot", "linux64", Artifacts.Guest("endings"))).Ended(64, "usage").Says("'linux64'");
        (await HvrunProcess.RunAsync("run", "--console", "file:/nonexistent/it", Artifacts.Guest("endings"))).Ended(64, "usage").Says("/nonexistent/it");
    }

    [Fact]
    public async Task WrongOptionsOfTheSoftProcessor_AreSaidInOneGo()
    {
        var result = (await HvrunProcess.RunAsync(
            "run", "--hypervisor", "soft", "--irqchip", "kernel", "--cpus", "65", Artifacts.Guest("endings"))).Ended(64, "usage");
        result.Says("--irqchip: the soft processor offers auto, user; found 'kernel'.");
        result.Says("--cpus: the soft processor allows at most 64, found 65.");
        CheckRefusal(result);
    }

    [Fact]
    public async Task UnknownHypervisorInTheEnvironment_IsNamed()
    {
        var start = new HvrunStart(Guests.Ending("poweroff")) { Environment = new Dictionary<string, string> { ["HVRUN_HYPERVISOR"] = "nonsense" } };
        var result = (await HvrunProcess.RunAsync(start)).Ended(64, "usage");
        result.Says("HVRUN_HYPERVISOR: this hvrun offers auto, kvm, soft; found 'nonsense'.");
        CheckRefusal(result);
    }

    [VmFact]
    public async Task RealClock_IsWhatEveryHypervisorHas() =>
        (await Guests.EndAsync("poweroff", "--hypervisor", "kvm", "--clock", "real")).Ended(0, "poweroff");

    [Fact]
    public async Task TwoWrongOptions_AreBothSaid()
    {
        var result = (await HvrunProcess.RunAsync("run", "--memory", "1K", "--cpus", "0", Artifacts.Guest("endings"))).Ended(64, "usage");
        result.Says("--memory:");
        result.Says("--cpus:");
        CheckRefusal(result);
    }

    [Fact]
    public async Task UnknownOptionAndWrongValues_AreAllSaid()
    {
        var result = (await HvrunProcess.RunAsync("run", "--frobnicate", "--memory", "1K", "--cpus", "0", Artifacts.Guest("endings"))).Ended(64, "usage");
        result.Says("--frobnicate");
        result.Says("--memory:");
        result.Says("--cpus:");
    }

    [Fact]
    public async Task WrongOptionAndMissingInitrd_AreBothSaid()
    {
        var result = await HvrunProcess.RunAsync("run", "--memory", "1K", "--initrd", "/nonexistent/initrd", Artifacts.Guest("endings"));
        result.Ended(64, "usage");
        result.Says("--memory:");
        result.Says("/nonexistent/initrd");
    }

    [Fact]
    public async Task MissingKernelAndMissingInitrd_AreBothSaid()
    {
        var result = (await HvrunProcess.RunAsync("run", "--initrd", "/nonexistent/initrd", "/nonexistent/kernel")).Ended(66, "no-input");
        result.Says("/nonexistent/kernel");
        result.Says("/nonexistent/initrd");
        CheckRefusal(result);
    }

    [Fact]
    public async Task MissingValue_IsSaid()
    {
        (await HvrunProcess.RunAsync("run", Artifacts.Guest("endings"), "--memory")).Ended(64, "usage").Says("--memory");
    }

    [Fact]
    public async Task MissingKernelArgument_IsSaid()
    {
        (await HvrunProcess.RunAsync("run", "--cpus", "1")).Ended(64, "usage").Says("KERNEL");
    }

    [Fact]
    public async Task SecondKernel_IsRefused()
    {
        (await HvrunProcess.RunAsync("run", "/nonexistent/one", "/nonexistent/two")).Ended(64, "usage").Says("/nonexistent/two");
    }

    [Fact]
    public async Task UnknownCommand_IsRefused()
    {
        (await HvrunProcess.RunAsync("frobnicate")).Ended(64, "usage").Says("'frobnicate'");
    }

    [Fact]
    public async Task HypervisorFromTheEnvironment_IsCheckedAndNamed()
    {
        var start = new HvrunStart("run", Artifacts.Guest("endings")) { Environment = new Dictionary<string, string> { ["HVRUN_HYPERVISOR"] = "whp" } };
        (await HvrunProcess.RunAsync(start)).Ended(64, "usage").Says("HVRUN_HYPERVISOR");
    }

    [Theory]
    [InlineData("--irqchip", "kernel")]
    [InlineData("--irqchip", "split")]
    [InlineData("--cpus", "2")]
    public async Task WhatTheSoftProcessorLacks_IsRefused(string option, string value) =>
        (await HvrunProcess.RunAsync(Guests.Ending("poweroff", "--hypervisor", "soft", option, value))).Ended(64, "usage").Says($"{option}: ");

    [VmFact]
    public async Task HypervisorOption_OutweighsTheEnvironment()
    {
        var start = new HvrunStart(Guests.Ending("poweroff", "--hypervisor", "kvm"))
        {
            Environment = new Dictionary<string, string> { ["HVRUN_HYPERVISOR"] = "soft" },
        };
        (await HvrunProcess.RunAsync(start)).Ended(0, "poweroff");
    }

    [Fact]
    public async Task Directory_IsNoKernel()
    {
        var result = (await HvrunProcess.RunAsync("run", "/tmp")).Ended(66, "no-input");
        result.Says("directory");
        CheckRefusal(result);
    }

    [Fact]
    public async Task Garbage_IsNoKernel()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("garbage", new byte[1000]);
        var result = (await HvrunProcess.RunAsync("run", file)).Ended(65, "bad-input");
        result.Says(file);
        CheckRefusal(result);
    }

    [Fact]
    public async Task TruncatedKernel_IsMalformed()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("half.elf", File.ReadAllBytes(Artifacts.Guest("endings")).AsSpan(0, 5000));
        CheckRefusal((await HvrunProcess.RunAsync("run", file)).Ended(65, "bad-input"));
    }

    [Fact]
    public async Task BzImage_IsTold()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("bzImage", BzImage());
        var result = (await HvrunProcess.RunAsync("run", file)).Ended(65, "bad-input");
        result.Says("bzImage");
        result.Says("vmlinux");
    }

    [Fact]
    public async Task MalformedKernelAndMissingInitrd_AreBothSaid()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("garbage", new byte[1000]);
        var result = (await HvrunProcess.RunAsync("run", "--initrd", "/nonexistent/initrd", file)).Ended(65, "bad-input");
        result.Says(file);
        result.Says("/nonexistent/initrd");
    }

    [VmFact]
    public async Task InitrdThatDoesNotFit_IsTold()
    {
        using var directory = new TemporaryDirectory();
        var initrd = directory.File("initrd", new byte[20 << 20]);
        var result = await HvrunProcess.RunAsync("run", "--memory", "16M", "--initrd", initrd, Artifacts.Guest("boot-state"));
        Assert.InRange(result.Status, 64, 65);
        result.Ended(result.Status, result.Status == 64 ? "usage" : "bad-input");
        CheckRefusal(result);
    }

    [VmFact]
    public async Task MoreCpusThanTheHostAllows_AreRefused()
    {
        (await HvrunProcess.RunAsync("run", "--cpus", "100000", Artifacts.Guest("endings"))).Ended(64, "usage").Says("--cpus:");
    }

    /// <summary>Nothing ran: no byte of a guest, and quick. The limit leaves room for a busy host.</summary>
    private static void CheckRefusal(HvrunResult result)
    {
        Assert.Empty(result.Output);
        result.True(result.Duration < TimeSpan.FromSeconds(2), "a quick refusal was expected");
        result.True(result.ErrorLines.All(line => line.StartsWith("hvrun: ", StringComparison.Ordinal)), "hvrun's prefix was expected on each line");
        result.True(!result.Error.Contains("   at ", StringComparison.Ordinal), "sentences were expected, not a stack trace");
    }

    /// <summary>As much of a bzImage as makes one recognizable: boot signature and set-up header.</summary>
    internal static byte[] BzImage()
    {
        var image = new byte[8192];
        image[0x1f1] = 4;
        image[0x1fe] = 0x55;
        image[0x1ff] = 0xaa;
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        image[0x206] = 0x0f;
        image[0x207] = 0x02;
        image[0x211] = 1;
        return image;
    }
}
