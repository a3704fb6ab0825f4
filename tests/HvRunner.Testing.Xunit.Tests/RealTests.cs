using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Testing.Xunit.Tests;

/// <summary>A machine for the tests below, as a user's class has one.</summary>
public sealed class EchoMachine : MachineFixture
{
    private TestMachineOptions? _options;

    /// <inheritdoc/>
    protected override TestMachineOptions Options => _options!;

    /// <inheritdoc/>
    public override async Task InitializeAsync()
    {
        using var kernel = new KernelFile(TinyCode.Say("ready\n"), TinyCode.Echo);
        _options = kernel.Options;
        await base.InitializeAsync();
        await Machine.ExpectAsync("ready");
    }
}

/// <summary>Both ways on xunit itself: it makes, initializes and disposes them, and its own output is written to.</summary>
public class RealTests(EchoMachine echo, ITestOutputHelper output) : VmTest(output), IClassFixture<EchoMachine>
{
    private readonly TestMachine _echo = echo.Attach(output);

    [Theory]
    [InlineData("one")]
    [InlineData("two")]
    public async Task SharedMachine_GoesOnFromTestToTest(string word)
    {
        await _echo.SendAsync(word);
        await _echo.ExpectAsync(word);
        Assert.Null(_echo.Verdict);
    }

    [Fact]
    public async Task OwnMachine_IsTheTests()
    {
        using var kernel = new KernelFile(TinyCode.Say("hello\n"), TinyCode.Exit(4));
        var vm = await StartAsync(kernel.Options);
        await vm.ExpectAsync("hello");
        Assert.Equal(4, (await vm.WaitForEndAsync()).Status);
    }
}
