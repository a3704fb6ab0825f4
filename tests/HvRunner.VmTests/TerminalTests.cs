using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Harness.Interop;

namespace HvRunner.VmTests;

/// <summary>Standard input as a terminal: raw while the guest runs, as it was afterwards, with hvrun's own keys behind Ctrl-A.</summary>
public sealed class TerminalTests
{
    private const string ControlA = "\u0001";
    private const string ControlC = "\u0003";
    private const string ControlD = "\u0004";

    [VmFact]
    public async Task ControlAX_EndsTheMachine()
    {
        using var terminal = new PseudoTerminal();
        using var process = await StartEchoAsync(terminal);
        terminal.Type(ControlA + "x");
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        Assert.Equal("echo: ready\n", result.Text);
    }

    [VmFact]
    public async Task ControlAH_ShowsTheKeys()
    {
        using var terminal = new PseudoTerminal();
        using var process = await StartEchoAsync(terminal);
        terminal.Type(ControlA + "h");
        await process.WaitForErrorAsync("Ctrl-A x ends the machine");
        terminal.Type("still here" + ControlD);
        (await process.EndAsync()).Ended(0, "poweroff").Prints("echo: ready\nstill here");
    }

    [VmFact]
    public async Task ControlAControlA_SendsOneControlA()
    {
        using var terminal = new PseudoTerminal();
        using var process = await StartEchoAsync(terminal);
        terminal.Type("a" + ControlA + ControlA + "z" + ControlD);
        Assert.Equal("echo: ready\na" + ControlA + "z", (await process.EndAsync()).Ended(0, "poweroff").Text);
    }

    [VmFact]
    public async Task ControlC_ReachesTheGuest()
    {
        using var terminal = new PseudoTerminal();
        using var process = await StartEchoAsync(terminal);
        terminal.Type("a" + ControlC + "\r\u0011\u0013\u001a\u007fz" + ControlD);
        Assert.Equal("echo: ready\na" + ControlC + "\r\u0011\u0013\u001a\u007fz", (await process.EndAsync()).Ended(0, "poweroff").Text);
    }

    [VmTheory]
    [InlineData("keys")]
    [InlineData("signal")]
    [InlineData("guest")]
    public async Task Settings_AreRawDuringTheRunAndRestoredAfterwards(string end)
    {
        using var terminal = new PseudoTerminal();

        // A terminal that nobody has open forgets its settings.
        using var open = File.OpenHandle(terminal.Path, FileMode.Open, FileAccess.ReadWrite);
        var before = await terminal.SettingsAsync();
        using var process = await StartEchoAsync(terminal);
        Assert.NotEqual(before, await terminal.SettingsAsync());
        switch (end)
        {
            case "keys":
                terminal.Type(ControlA + "x");
                break;
            case "signal":
                process.Signal(Libc.SIGTERM);
                break;
            default:
                terminal.Type(ControlD);
                break;
        }

        var status = end == "guest" ? 0 : 130;
        (await process.EndAsync()).Ended(status, status == 0 ? "poweroff" : "interrupted");
        Assert.Equal(before, await terminal.SettingsAsync());
    }

    [VmFact]
    public async Task Settings_AreLeftAloneByAWrongCommandLine()
    {
        using var terminal = new PseudoTerminal();
        using var open = File.OpenHandle(terminal.Path, FileMode.Open, FileAccess.ReadWrite);
        var before = await terminal.SettingsAsync();
        (await HvrunProcess.RunAsync(new HvrunStart("run", "/nonexistent/kernel") { Redirections = $"<{terminal.Path}" })).Ended(66, "no-input");
        Assert.Equal(before, await terminal.SettingsAsync());
    }

    private static async Task<HvrunProcess> StartEchoAsync(PseudoTerminal terminal)
    {
        var process = HvrunProcess.Start(new HvrunStart("run", "--memory", "16M", Artifacts.Guest("echo")) { Redirections = $"<{terminal.Path}" });
        await process.WaitForOutputAsync("echo: ready\n");
        return process;
    }
}
