using System.Text;
using HvRunner.Machine.Verdicts;
using static HvRunner.Fakes.TinyCode;
using static HvRunner.Testing.Tests.Machines.TinyGuest;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>What a test does to a machine: typing, pausing, the NMI button, from several threads too.</summary>
public class TestMachineControlTests
{
    [GuestFact("echo")]
    public async Task Send_ReachesAGuestThatReadsByInterrupt()
    {
        await using var vm = await TestMachine.StartAsync(Options(BuiltGuest.Path("echo")));
        await vm.ExpectAsync("echo: ready\n");
        var text = string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i}\n"));
        await vm.SendAsync(text);
        await vm.ExpectAsync("line 499\n");
        await vm.SendAsync("\u0004");
        Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
        Assert.Equal(Encoding.UTF8.GetByteCount(text) + 1, vm.Report.Outcome!.ConsoleBytesIn);
    }

    /// <summary>Such a guest would end, or its time would go on, before a test has typed; it is kept waiting instead, so the run is the same whatever the test takes.</summary>
    [GuestTheory("echo")]
    [InlineData(0)]
    [InlineData(100)]
    public async Task Send_ReachesAGuestOfAVirtualClockHoweverLateItComes(int delayMs)
    {
        await using var vm = await TestMachine.StartAsync(Options(BuiltGuest.Path("echo")) with { Options = new Dictionary<string, string> { ["clock"] = "virtual" } });
        await vm.ExpectAsync("echo: ready\n");
        for (var i = 0; i < 5; i++)
        {
            await Task.Delay(delayMs);
            await vm.SendAsync($"{i}!");
            await vm.ExpectAsync($"{i}!");
        }

        await Task.Delay(delayMs);
        Assert.Null(vm.Verdict);
        await vm.SendAsync("\u0004");
        Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
        Assert.Equal("virtual", vm.Report.Hypervisor!.Clock);
    }

    [Fact]
    public async Task Send_OfAPolledGuestOnAVirtualClockReachesIt()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo], options => options with { Options = new Dictionary<string, string> { ["clock"] = "virtual" } });
        await vm.ExpectAsync("ready\n");
        await Task.Delay(50);
        await vm.SendAsync("abc\u0004");
        await vm.ExpectAsync("abc");
        Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task Send_IsUtf8()
    {
        await using var vm = await StartAsync(Echo);
        await vm.SendAsync("größe ☃\n");
        await vm.ExpectAsync("größe ☃\n");
    }

    [Fact]
    public async Task Pause_KeepsTheGuestFromSpeaking()
    {
        await using var vm = await StartAsync(Echo);
        await vm.SendAsync("a");
        await vm.ExpectAsync("a");
        Assert.True(await vm.PauseAsync());
        await vm.SendAsync("b");
        await FailureOf(vm.ExpectAsync("b", within: TimeSpan.FromMilliseconds(50)));
        vm.Resume();
        await vm.ExpectAsync("b");
    }

    [Fact]
    public async Task Pause_DoesNotStopTheTimeLimit()
    {
        await using var vm = await StartAsync(Spin, options => options with { Timeout = TimeSpan.FromMilliseconds(200) });
        Assert.True(await vm.PauseAsync());
        Assert.Equal(VerdictKind.Timeout, (await vm.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task Nmi_ReachesTheVcpu()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Spin], onNmi: [.. Say("pressed\n"), .. Exit(42)]);
        await vm.ExpectAsync("ready");
        Assert.False(vm.InjectNmi(1));
        Assert.True(vm.InjectNmi());
        await vm.ExpectAsync("pressed");
        Assert.Equal(42, (await vm.WaitForEndAsync()).Status);
    }

    [Fact]
    public async Task End_WithInterruptsOffIsHalted()
    {
        await using var vm = await StartAsync([.. Say("bye\n"), .. Halt]);
        Assert.Equal(VerdictKind.Halted, (await vm.WaitForEndAsync()).Kind);
        Assert.Single(vm.Report.Outcome!.PostMortem!.Vcpus);
        Assert.Equal(["bye"], vm.LastLines());
    }

    [Fact]
    public async Task WaitForEnd_DoesNotKeepOthersWaiting()
    {
        await using var vm = await StartAsync([.. Say("ready\n"), .. Echo]);
        var end = vm.WaitForEndAsync();
        await vm.ExpectAsync("ready");
        await vm.SendAsync("more");
        await vm.ExpectAsync("more");
        Assert.Contains("passed while waiting for the guest to end", await FailureOf(vm.WaitForEndAsync(TimeSpan.FromMilliseconds(20))), StringComparison.Ordinal);
        Assert.False(end.IsCompleted);
        await vm.SendAsync("\u0004");
        Assert.Equal(VerdictKind.PowerOff, (await end).Kind);
        Assert.Equal(VerdictKind.PowerOff, (await vm.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task Console_IsReadThoughNobodyWaits()
    {
        // 256 KiB: several times what lies between guest and reader.
        await using var vm = await StartAsync([0xb9, 0, 0, 0x04, 0, .. Say("x"), 0xe2, 0xfd, .. Exit(9)]);
        Assert.True(SpinWait.SpinUntil(() => vm.Verdict is not null, Limit));
        Assert.Equal(9, (await vm.WaitForEndAsync()).Status);
        Assert.Equal(256 * 1024, vm.Report.Outcome!.ConsoleBytesOut);
    }

    /// <summary>Nothing is lost, met twice or stuck, whoever calls what; then all of it in the midst of the machine's end.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Callers_MayBeMany(int seed)
    {
        await using var vm = await StartAsync(Echo);
        var starts = await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + caller);
            var found = new List<long>();
            for (var i = 0; i < 40; i++)
            {
                using var source = new CancellationTokenSource();
                var match = vm.ExpectAsync("<>");
                var cancelled = vm.ExpectAsync("never", cancellation: source.Token);
                await vm.SendAsync("<>");
                source.CancelAfter(random.Next(3));
                switch (random.Next(6))
                {
                    case 0: vm.InjectNmi(); break;
                    case 1: await vm.PauseAsync(); break;
                    case 2: await vm.GetSubCasesAsync(); break;
                    case 3: vm.LastLines(); break;
                    default: break;
                }

                vm.Resume();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
                vm.Resume();
                while (!match.IsCompleted)
                {
                    // Another caller may have paused meanwhile.
                    await Task.WhenAny(match, Task.Delay(1));
                    vm.Resume();
                }

                found.Add((await match).Start);
            }

            return found;
        })));
        Assert.Equal(Enumerable.Range(0, 8 * 40).Select(i => 2L * i), starts.SelectMany(found => found).Order());
    }

    private static TestMachineOptions Options(string kernel) => new() { Kernel = kernel, Hypervisor = "soft", Memory = "16M", Timeout = Limit };
}
