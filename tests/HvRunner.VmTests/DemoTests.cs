using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary><c>hvrun demo</c>, and what hvrun says of itself.</summary>
public sealed class DemoTests
{
    [VmFact]
    public async Task Demo_ShowsTheStartInfoAndPowersOff()
    {
        var result = (await HvrunProcess.RunAsync("demo")).Ended(0, "poweroff");
        result.Prints("Hello from inside a virtual machine.");
        result.Prints("0x336ec578");
        result.Prints("hello from hvrun");
        result.Prints("timer: 10 ticks of 10 ms by IRQ 0");
        result.True(result.Text.EndsWith("\ndemo: ends with status 0\n", StringComparison.Ordinal), "the guest's last line was expected");
    }

    [VmFact]
    public async Task Demo_PutsOnlyTheGuestsBytesOnStandardOutput()
    {
        var result = (await HvrunProcess.RunAsync("demo")).Ended(0, "poweroff");
        result.True(!result.Text.Contains("hvrun:", StringComparison.Ordinal), "none of hvrun's own words was expected on standard output");
        result.True(result.Output.All(value => value is (byte)'\n' or (>= 0x20 and < 0x7f)), "plain ASCII was expected");
        result.True(result.Text.Split('\n').All(line => line.Length <= 78), "lines of at most 78 columns were expected");
        result.True(result.ErrorLines.Length == 1, "nothing but the verdict was expected on standard error");
    }

    [VmFact]
    public async Task Demo_NeedsNoStandardInput()
    {
        (await HvrunProcess.RunAsync(new HvrunStart("demo") { Redirections = "<&-" })).Ended(0, "poweroff");
    }

    [Fact]
    public async Task RunHelp_NamesEveryOption()
    {
        var result = await HvrunProcess.RunAsync("run", "--help");
        Assert.Equal(0, result.Status);
        foreach (var option in new[]
        {
            "--initrd", "--cmdline", "--memory", "--cpus", "--boot", "--hypervisor", "--irqchip", "--clock", "--console", "--debug-console", "--timeout",
            "--exit-port", "--exit-map", "--report", "--panic-text", "--trace", "--trace-filter", "--log", "-v",
        })
        {
            result.Prints($" {option}");
        }

        result.Prints("512M");
        result.Prints("0xf4");
        Assert.Empty(result.Error);
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("run", "--memory")]
    [InlineData("inspect", "--json")]
    [InlineData("doctor", "--json")]
    public async Task Help_ExplainsTheCommand(string command, string option = "--help")
    {
        var result = await HvrunProcess.RunAsync(command, "--help");
        Assert.Equal(0, result.Status);
        result.Prints("Usage:");
        result.Prints($"hvrun {command}");
        result.Prints(option);
    }

    [Fact]
    public async Task Help_NamesTheCommands()
    {
        var result = await HvrunProcess.RunAsync("--help");
        Assert.Equal(0, result.Status);
        Assert.All(["demo", "run", "inspect", "doctor"], result.Prints);
    }

    [Fact]
    public async Task NoCommand_IsAWrongCommandLine()
    {
        var result = (await HvrunProcess.RunAsync()).Ended(64, "usage");
        Assert.Empty(result.Output);
        result.Says("--help");
    }

    [Fact]
    public async Task Version_IsOneLine()
    {
        var result = await HvrunProcess.RunAsync("--version");
        Assert.Equal(0, result.Status);
        Assert.Matches(@"\A\d+\.\d+\.\d+\S*\n\z", result.Text);
        Assert.Empty(result.Error);
    }
}
