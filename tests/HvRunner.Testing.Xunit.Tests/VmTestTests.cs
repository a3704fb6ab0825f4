using HvRunner.Fakes;
using HvRunner.Machine.Verdicts;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit.Tests;

/// <summary>What a test that derives from <see cref="VmTest"/> has: its machines' consoles in its output, and how they ended.</summary>
public class VmTestTests
{
    [Fact]
    public async Task Console_IsInTheOutputAsItComes()
    {
        using var kernel = new KernelFile(TinyCode.Say("one\ntwo\n"), TinyCode.Echo);
        var output = new TestOfOthers();
        var test = new Played(output);
        var vm = await test.Boot(kernel.Options);
        await vm.ExpectAsync("two\n");
        Assert.True(SpinWait.SpinUntil(() => output.Lines.Count == 2, TimeSpan.FromSeconds(5)));
        Assert.Equal(["one", "two"], output.Lines);
        await test.DisposeAsync();
        Assert.Equal(["one", "two", "verdict: interrupted (the test is over)"], output.Lines);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.ExpectAsync("x"));
    }

    [Fact]
    public async Task End_ThatIsBadHasAPostMortem()
    {
        using var kernel = new KernelFile(TinyCode.Say("bye\n"), TinyCode.Halt);
        var output = new TestOfOthers();
        var test = new Played(output);
        Assert.Equal(VerdictKind.Halted, (await (await test.Boot(kernel.Options)).WaitForEndAsync()).Kind);
        await test.DisposeAsync();
        Assert.StartsWith("verdict: halted (", output.Lines[1], StringComparison.Ordinal);
        Assert.StartsWith("vCPU 0: rip ", output.Lines[2], StringComparison.Ordinal);
        Assert.Single(output.Lines, line => line.Contains("bye", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Failure_HasAPostMortemOfAGuestThatStillRan()
    {
        using var kernel = new KernelFile(TinyCode.Spin);
        var output = new TestOfOthers();
        var test = new Played(output);
        var vm = await test.Boot(kernel.Options);
        await Assert.ThrowsAsync<ExpectationException>(() => vm.ExpectAsync("login:", TimeSpan.Zero));
        await test.DisposeAsync();
        Assert.Equal("verdict: interrupted (the test is over)", output.Lines[0]);
        Assert.Contains(output.Lines, line => line.Contains("jmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Machines_AreToldApart()
    {
        using var kernel = new KernelFile(TinyCode.Say("hello\n"), TinyCode.Exit(7));
        var output = new TestOfOthers();
        var heard = new List<string>();
        var test = new Played(output);
        foreach (var vm in (TestMachine[])[await test.Boot(kernel.Options), await test.Boot(kernel.Options with { ConsoleLine = heard.Add })])
        {
            await vm.WaitForEndAsync();
        }

        await test.DisposeAsync();
        const string End = "verdict: guest-status (the guest reported status 7)";
        Assert.Equal(["2| hello", $"2| {End}", "hello", End], output.Lines.Order(StringComparer.Ordinal));
        Assert.Equal(["hello"], heard);
    }

    [Fact]
    public async Task Lines_ThatComeWhenTheTestIsOverDoNoHarm()
    {
        using var kernel = new KernelFile(TinyCode.Echo);
        var output = new TestOfOthers();
        var test = new Played(output);
        var vm = await test.Boot(kernel.Options);
        output.End();
        await vm.SendAsync("late\n");
        await vm.ExpectAsync("late\n");
        await test.DisposeAsync();
        Assert.Empty(output.Lines);
        Assert.False(vm.HasFailed);
    }

    [Fact]
    public async Task Start_BehindTheTestIsRefused()
    {
        using var kernel = new KernelFile(TinyCode.Spin);
        var test = new Played(new TestOfOthers());
        await test.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => test.Boot(kernel.Options));
    }

    private sealed class Played(ITestOutputHelper output) : VmTest(output)
    {
        internal Task<TestMachine> Boot(TestMachineOptions options) => StartAsync(options);
    }
}
