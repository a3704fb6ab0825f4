using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>Each way in which a guest can end has its own verdict and exit status (guests/endings).</summary>
public sealed class EndingTests
{
    [VmTheory]
    [InlineData("poweroff", 0, "poweroff")]
    [InlineData("status:1", 1, "guest-status")]
    [InlineData("status:5", 5, "guest-status")]
    [InlineData("status:62", 62, "guest-status")]
    [InlineData("status:63", 63, "guest-status")]
    [InlineData("status:64", 63, "guest-status")]
    [InlineData("status:255", 63, "guest-status")]
    [InlineData("status:70000", 63, "guest-status")]
    [InlineData("status:0", 0, "poweroff")]
    [InlineData("nonesuch", 63, "guest-status")]
    [InlineData("reset-kbc", 80, "reset")]
    [InlineData("reset-cf9", 80, "reset")]
    [InlineData("pvpanic", 81, "panic")]
    [InlineData("triple", 82, "triple-fault")]
    [InlineData("halt", 84, "halted")]
    [InlineData("halt-loop", 84, "halted")]
    [InlineData("mmio-unclaimed", 0, "poweroff")]
    [InlineData("panic-text-halt", 84, "halted")]
    public async Task Ending_HasItsVerdict(string ending, int status, string verdict)
    {
        var result = (await Guests.EndAsync(ending)).Ended(status, verdict);
        result.Prints(ending == "nonesuch" ? "endings: end= must name one of" : $"endings: {ending.Split(':')[0]}\n");
        result.True(!result.Text.Contains("had no effect", StringComparison.Ordinal), "the ending was expected to have an effect");
    }

    [VmTheory]
    [InlineData("status:0", 1)]
    [InlineData("status:10", 21)]
    [InlineData("status:31", 63)]
    [InlineData("status:32", 63)]
    [InlineData("status:255", 63)]
    public async Task QemuExitMap_DoublesTheValueAndAddsOne(string ending, int status)
    {
        (await Guests.EndAsync(ending, "--exit-map", "qemu")).Ended(status, "guest-status");
    }

    [VmFact]
    public async Task ExitPort_MovesWhereItIsTold()
    {
        // The guest's exit port is then nobody's, so it halts.
        (await Guests.EndAsync("status:5", "--exit-port", "0x600")).Ended(84, "halted");
        (await Guests.EndAsync("status:5", "--exit-port", "244")).Ended(5, "guest-status");
    }

    [VmFact]
    public async Task ExitPort_None_LeavesTheGuestWithoutOne()
    {
        (await Guests.EndAsync("status:5", "--exit-port", "none")).Ended(84, "halted");
    }

    [VmTheory]
    [InlineData("spin")]
    [InlineData("spin-out")]
    [InlineData("idle")]
    public async Task Timeout_EndsAGuestThatDoesNotEnd(string ending)
    {
        var result = (await Guests.EndAsync(ending, "--timeout", "300ms")).Ended(124, "timeout");
        result.True(result.Duration >= TimeSpan.FromMilliseconds(300), "the time limit was expected to pass first");
        result.True(result.Duration < TimeSpan.FromMilliseconds(1300), "the end was expected within a second of the time limit");
    }

    [VmFact]
    public async Task Timeout_LeavesAGuestAloneThatEndsEarlier()
    {
        var result = (await Guests.EndAsync("poweroff", "--timeout", "20s")).Ended(0, "poweroff");
        result.True(result.Duration < TimeSpan.FromSeconds(5), "the guest's own end was expected to count");
    }

    [VmFact]
    public async Task BadInstruction_IsTheGuestsFaultOnlyWhereAProcessorSaysSo()
    {
        var result = await Guests.EndAsync("bad-instruction");
        if (result.Status == 62)
        {
            result.Ended(62, "guest-status").Prints("bad-instruction had no effect");
            return;
        }

        // An emulator that lacks it, or a processor, for which it is #UD; the guest has no handler.
        if (ThisHost.IsSoftwareAssisted)
        {
            result.Ended(85, "cpu-error").Says("sha1rnds4 xmm0,xmm1");
        }
        else
        {
            result.Ended(82, "triple-fault");
        }
    }

    [VmTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Cpus_AreAsManyAsAskedFor(int count)
    {
        var result = await HvrunProcess.RunAsync([.. Guests.Ending("cpus", "--cpus", $"{count}"), $"cpus={count}"]);
        result.Ended(0, "poweroff").Prints($"cpus: {count}\n");
    }

    [VmFact]
    public async Task Halted_NeedsEveryProcessorToHalt()
    {
        // The others never started: they wait for a start-up interrupt that nobody can send.
        (await Guests.EndAsync("halt", "--cpus", "4")).Ended(84, "halted");
    }

    [VmFact]
    public async Task DebugConsole_IsOnStandardErrorBehindGuest()
    {
        var result = (await Guests.EndAsync("debugcon")).Ended(0, "poweroff");
        Assert.Equal(
            ["guest: endings: a first line to the debug console", "guest: endings: a second line to the debug console"],
            result.ErrorLines[..^1]);
    }

    [VmFact]
    public async Task DebugConsole_GoesToAFile()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("debug");
        var result = (await Guests.EndAsync("debugcon", "--debug-console", $"file:{file}")).Ended(0, "poweroff");
        Assert.Single(result.ErrorLines);
        Assert.Equal("endings: a first line to the debug console\nendings: a second line to the debug console\n", File.ReadAllText(file));
    }

    [VmFact]
    public async Task DebugConsole_None_LeavesThePortOut()
    {
        var result = (await Guests.EndAsync("debugcon", "--debug-console", "none")).Ended(62, "guest-status");
        Assert.Single(result.ErrorLines);
    }

    [VmFact]
    public async Task Console_GoesToAFile()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("console");
        var result = (await Guests.EndAsync("poweroff", "--console", $"file:{file}")).Ended(0, "poweroff");
        Assert.Empty(result.Output);
        Assert.Equal("endings: poweroff\n", File.ReadAllText(file));
    }

    [VmFact]
    public async Task Console_None_DropsTheOutput()
    {
        Assert.Empty((await Guests.EndAsync("flood:100000", "--console", "none")).Ended(0, "poweroff").Output);
    }
}
