using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>What hvrun tells of a guest that ended badly: on standard error, and nothing of it for other ends.</summary>
public sealed class PostMortemTests
{
    [VmTheory]
    [InlineData("pvpanic", "end_pvpanic", "")]
    [InlineData("triple", "end_triple+0x", "ud2")]
    [InlineData("watchdog:0", "  wait_ticks+0x|  stub_0+0x|  dispatch+0x|  irq_dispatch+0x|  on_tick+0x", "")]
    [InlineData("halt", "end_halt+0x", "")]
    [InlineData("halt-loop", "halt+0x", "jmp")]
    [InlineData("spin", "end_spin", "jmp")]
    [InlineData("idle", "end_idle+0x", "")]
    public async Task PostMortem_ShowsWhereTheGuestStood(string ending, string symbol, string instruction)
    {
        var result = await Guests.EndAsync(ending, "--timeout", "300ms");
        var lines = result.ErrorLines;
        var first = Assert.Single(lines, line => line.StartsWith("hvrun: vCPU 0: rip ", StringComparison.Ordinal));
        if (!result.LostRegisters)
        {
            // A guest that waits for ticks may be in the handler of one.
            result.True(symbol.Split('|').Any(name => first.Contains(name, StringComparison.Ordinal)), $"the symbol {symbol} was expected");
            result.True(lines.Any(line => line.StartsWith("hvrun:   instruction: " + instruction, StringComparison.Ordinal)), "the instruction was expected");
        }

        foreach (var register in new[] { "rax", "rsp", "r15", "rflags", "cr0", "cr3", "efer", "gdt", "cs" })
        {
            result.Says($" {register} ");
        }

        Assert.Contains("hvrun: last lines of the console:", lines);
        Assert.Contains($"hvrun:   | endings: {ending.Split(':')[0]}", lines);
        result.True(lines.All(line => line.StartsWith("hvrun: ", StringComparison.Ordinal)), "hvrun's prefix was expected on each line");
    }

    [VmFact]
    public async Task PostMortem_ShowsEveryProcessor()
    {
        var result = (await Guests.EndAsync("spin", "--timeout", "200ms", "--cpus", "3")).Ended(124, "timeout");
        Assert.All(["vCPU 0: rip", "vCPU 1: rip", "vCPU 2: rip"], result.Says);
    }

    [VmTheory]
    [InlineData("poweroff")]
    [InlineData("status:5")]
    [InlineData("reset-cf9")]
    public async Task OrdinaryEnd_ShowsTheVerdictAlone(string ending)
    {
        Assert.Single((await Guests.EndAsync(ending)).ErrorLines);
    }

    [VmFact]
    public async Task PostMortem_ComesAlsoWhenStandardOutputGoesElsewhere()
    {
        using var directory = new TemporaryDirectory();
        var result = (await Guests.EndAsync("halt", "--console", $"file:{directory.File("console")}")).Ended(84, "halted");
        result.Says("hvrun:   | endings: halt");
    }
}
