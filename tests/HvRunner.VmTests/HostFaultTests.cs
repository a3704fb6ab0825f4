using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>What the host refuses beside the run, a full disk or a closed standard error, never takes the guest's verdict away.</summary>
public sealed class HostFaultTests
{
    [VmTheory]
    [InlineData("2>/dev/full", "poweroff", 0)]
    [InlineData("2>/dev/full", "halt", 84)]
    [InlineData("2>&-", "poweroff", 0)]
    [InlineData("2>&-", "halt", 84)]
    public async Task StandardError_ThatTakesNothingLeavesTheStatus(string redirection, string ending, int status)
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending(ending)) { Redirections = redirection });
        result.True(result.Status == status, $"status {status} was expected");
        Assert.Equal($"endings: {ending}\n", result.Text);
    }

    [Fact]
    public async Task StandardError_ThatTakesNothingLeavesTheStatusOfARefusal()
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart("run", "/nonexistent/kernel") { Redirections = "2>/dev/full" });
        result.True(result.Status == 66, "status 66 was expected");
    }

    [VmFact]
    public async Task ClosedStandardInput_IsNotReplacedByAFileThatHvrunOpens()
    {
        var start = new HvrunStart("run", "--memory", "16M", "--timeout", "500ms", Artifacts.Guest("echo")) { Redirections = "<&-" };
        Assert.Equal("echo: ready\n", (await HvrunProcess.RunAsync(start)).Ended(124, "timeout").Text);
    }

    [VmFact]
    public async Task ClosedStandardOutput_IsNotReplacedByAFileThatHvrunOpens()
    {
        using var directory = new TemporaryDirectory();
        var log = directory.File("trace");
        await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending("poweroff", "--trace", log)) { Redirections = ">&-" });
        Assert.DoesNotContain("endings: poweroff", File.ReadAllText(log), StringComparison.Ordinal);
    }

    [VmTheory]
    [InlineData("--trace")]
    [InlineData("--log")]
    [InlineData("--report")]
    public async Task FullDisk_LeavesTheVerdict(string option)
    {
        var result = (await Guests.EndAsync("status:7", option, "/dev/full")).Ended(7, "guest-status");
        result.Says("No space left on device");
        result.True(!result.Error.Contains("   at ", StringComparison.Ordinal), "a sentence was expected, not a stack trace");
    }

    [VmFact]
    public async Task FullDisk_EndsATraceOfAnySize()
    {
        (await HvrunProcess.RunAsync(["run", "--memory", "16M", "--trace", "/dev/full", Artifacts.Guest("demo")])).Ended(0, "poweroff");
    }

    [VmFact]
    public async Task FullDisk_UnderTheConsoleEndsTheRun()
    {
        (await Guests.EndAsync("spin", "--console", "file:/dev/full")).Ended(130, "interrupted");
    }

    [VmTheory]
    [InlineData("0x3f8")]
    [InlineData("0x60")]
    [InlineData("0x41")]
    public async Task ExitPort_OnADevicesPortIsRefused(string port)
    {
        (await Guests.EndAsync("poweroff", "--exit-port", port)).Ended(64, "usage").Says("--exit-port");
    }
}
