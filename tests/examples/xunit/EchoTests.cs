// Boots a kernel that sends back what it is sent (guests/build echo --out DIR), and talks to it. HVRUN_KERNEL says where another one is.
using HvRunner.Machine.Verdicts;
using HvRunner.Testing;
using HvRunner.Testing.Xunit;
using Xunit.Abstractions;

public class EchoTests(ITestOutputHelper output) : VmTest(output)
{
    private static readonly TestMachineOptions Echo = new()
    {
        Kernel = Environment.GetEnvironmentVariable("HVRUN_KERNEL") ?? "../../../../../../artifacts/guests/echo.elf",
        Memory = "16M",
        Hypervisor = "soft",
    };

    [Fact]
    public async Task Kernel_SendsBackWhatItIsSent()
    {
        var vm = await StartAsync(Echo);
        await vm.ExpectAsync("echo: ready");
        await vm.SendAsync("hello 42\n");
        var match = await vm.ExpectAsync(@"/hello (\d+)\n/", within: TimeSpan.FromSeconds(5));
        Assert.Equal("42", match.Groups[1]);

        await vm.SendAsync("\u0004");
        Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
    }
}
