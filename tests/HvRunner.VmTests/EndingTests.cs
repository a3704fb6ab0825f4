using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// What of a guest's end a script cannot see: how long it took, standard error, and where consoles go. That each end has its own verdict and exit
/// status is told by the scripts in tests/vm/endings.
/// </summary>
public sealed class EndingTests
{
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
