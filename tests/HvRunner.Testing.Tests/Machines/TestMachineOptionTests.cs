using HvRunner.Abstractions;
using static HvRunner.Fakes.TinyCode;
using static HvRunner.Testing.Tests.Machines.TinyGuest;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>What is wrong with a machine's options and files is told before it exists, all in one go.</summary>
public class TestMachineOptionTests
{
    private static readonly TestMachineOptions Wrong = new() { Kernel = "/nowhere/vmlinux", Hypervisor = "soft", Memory = "16M" };

    [Fact]
    public async Task Faults_OfOptionsAndFilesAreToldTogether()
    {
        var faults = await FaultsOf(Wrong with
        {
            Initrd = "/nowhere/initrd",
            Memory = "much",
            Cpus = 0,
            Timeout = TimeSpan.Zero,
            KernelReports = new HashSet<string> { "panic", "fire" },
            Options = new Dictionary<string, string> { ["colour"] = "red", ["cpus"] = "2", ["timeout"] = "1s", ["exit-port"] = "front" },
        });
        string[] expected = ["colour: ", "cpus: expected in the property", "timeout: expected in the property", "timeout: expected a time above zero", "kernel reports: ", "memory: ", "cpus: expected a number", "exit-port: ", "/nowhere/vmlinux", "/nowhere/initrd"];
        Assert.All(expected, text => Assert.Contains(faults, fault => fault.Contains(text, StringComparison.Ordinal)));
        Assert.Equal(expected.Length, faults.Count);
    }

    [Fact]
    public async Task Kernel_ThatIsNotNamedIsAFault() => Assert.Contains("kernel: expected a file", (await FaultsOf(Wrong with { Kernel = "" }))[0], StringComparison.Ordinal);

    [Fact]
    public async Task Kernel_ThatIsNoneIsAFault()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "no kernel");
        Assert.Single(await FaultsOf(Wrong with { Kernel = file }));
        File.Delete(file);
    }

    [Fact]
    public async Task Timeout_OfNoLimitIsAFault() => Assert.Contains(await FaultsOf(Wrong with { Timeout = Timeout.InfiniteTimeSpan }), fault => fault.StartsWith("timeout: ", StringComparison.Ordinal));

    [Fact]
    public async Task Options_ReachTheMachine()
    {
        await using var vm = await StartAsync([0xb0, 7, 0xe6, 0x99, 0xeb, 0xfe], options => options with { Memory = "32M", Options = new Dictionary<string, string> { ["exit-port"] = "0x99", ["exit-map"] = "qemu" } });
        Assert.Equal(15, (await vm.WaitForEndAsync()).Status);
        Assert.Equal((32UL << 20, "soft"), (vm.Report.MemoryBytes, vm.Report.Hypervisor!.Name));
    }

    [Fact]
    public async Task Limits_OfAnyLengthAreTaken()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Exit(0)], options => options with { Timeout = TimeSpan.MaxValue });
        await vm.ExpectAsync("ready", TimeSpan.MaxValue);
        await vm.WaitForEndAsync(Timeout.InfiniteTimeSpan);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.ExpectAsync("x", TimeSpan.FromSeconds(-2)));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => vm.ExpectAnyAsync([]));
        await Assert.ThrowsAsync<FormatException>(() => vm.ExpectAsync("/(/"));
    }

    [Fact]
    public async Task Start_CancelledBeforehandBuildsNothing() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => TestMachine.StartAsync(Wrong, new CancellationToken(canceled: true)));

    private static async Task<IReadOnlyList<string>> FaultsOf(TestMachineOptions options) =>
        [.. (await Assert.ThrowsAsync<InvalidInputException>(() => TestMachine.StartAsync(options))).Faults.Select(fault => fault.Sentence)];
}
