using HvRunner.Fakes;

namespace HvRunner.Testing.Xunit.Tests;

/// <summary>A machine that tests share: each sees in its output what the console says while it runs, and what nobody has seen before.</summary>
public class MachineFixtureTests
{
    [Fact]
    public async Task Console_GoesToTheTestThatRuns()
    {
        using var kernel = new KernelFile(TinyCode.Say("booted\n"), TinyCode.Echo);
        var fixture = new Played(kernel.Options);
        await fixture.InitializeAsync();
        await fixture.Machine.ExpectAsync("booted\n");
        var (first, second) = (new TestOfOthers(), new TestOfOthers());
        await Say(fixture.Attach(first), "one");
        first.End();
        await Say(fixture.Machine, "between");
        await Say(fixture.Attach(second), "two");
        await fixture.DisposeAsync();
        Assert.Equal(["booted", "one"], first.Lines);
        Assert.Equal(["between", "two"], second.Lines);
    }

    [Fact]
    public async Task End_IsToldOnce()
    {
        using var kernel = new KernelFile(TinyCode.Say("bye\n"), TinyCode.Exit(3));
        var fixture = new Played(kernel.Options);
        await fixture.InitializeAsync();
        await fixture.Machine.WaitForEndAsync();
        var (first, second) = (new TestOfOthers(), new TestOfOthers());
        fixture.Attach(first);
        first.End();
        fixture.Attach(second);
        await fixture.DisposeAsync();
        Assert.Equal(["bye", "verdict: guest-status (the guest reported status 3)"], first.Lines);
        Assert.Empty(second.Lines);
    }

    [Fact]
    public async Task Lines_ThatNobodySeesAreBounded()
    {
        using var kernel = new KernelFile([0xb9, 0, 0x10, 0, 0], TinyCode.Say("x\n"), [0xe2, 0xf8], TinyCode.Say("end\n"), TinyCode.Exit(0));
        var fixture = new Played(kernel.Options);
        await fixture.InitializeAsync();
        await fixture.Machine.WaitForEndAsync();
        var output = new TestOfOthers();
        fixture.Attach(output);
        await fixture.DisposeAsync();
        Assert.InRange(output.Lines.Count, 100, 300);
        Assert.Equal("end", output.Lines[^2]);
    }

    [Fact]
    public async Task Fixture_ThatCouldNotBootCanBeDisposed()
    {
        var fixture = new Played(new TestMachineOptions { Kernel = "/nowhere" });
        await Assert.ThrowsAnyAsync<Exception>(fixture.InitializeAsync);
        Assert.Throws<InvalidOperationException>(() => fixture.Machine);
        await fixture.DisposeAsync();
    }

    private static async Task Say(TestMachine vm, string text)
    {
        await vm.SendAsync($"{text}\n");
        await vm.ExpectAsync($"{text}\n");

        // A line is told before what comes behind it is looked at.
        await vm.GetSubCasesAsync();
    }

    private sealed class Played(TestMachineOptions options) : MachineFixture
    {
        protected override TestMachineOptions Options => options;
    }
}
