using System.Diagnostics;
using HvRunner.Machine.Verdicts;
using static HvRunner.Fakes.TinyCode;
using static HvRunner.Testing.Tests.Machines.TinyGuest;

namespace HvRunner.Testing.Tests.Machines;

/// <summary>A machine is given back whatever it does at that moment, soon, and with everything that it took.</summary>
[Collection(nameof(Matching.ThroughputTests))]
public class TestMachineDisposalTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    public static TheoryData<string> States => ["spins", "speaks", "halts", "ended", "paused", "just started", "virtual and idle", "full of typed text"];

    [Theory]
    [MemberData(nameof(States))]
    public async Task Dispose_IsSoonInEveryState(string state)
    {
        var vm = await InState(state);
        await Dispose(vm);
        Assert.Equal(state switch { "ended" => VerdictKind.PowerOff, "halts" => VerdictKind.Halted, _ => VerdictKind.Interrupted }, vm.Verdict!.Kind);
        Assert.Equal(vm.Verdict, vm.Report.Verdict);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.ExpectAsync("x"));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.WaitForEndAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(vm.PauseAsync);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.SendAsync("x"));
        Assert.Throws<ObjectDisposedException>(vm.Resume);
        Assert.Throws<ObjectDisposedException>(() => vm.InjectNmi());
        await vm.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_EndsWhatIsAwaited()
    {
        var vm = await StartAsync([.. Say("last\nwords"), .. Spin]);
        await vm.ExpectAsync("last");
        var waits = Enumerable.Range(0, 10).Select(i => (Task)(i % 2 == 0 ? vm.ExpectAsync("never") : vm.WaitForEndAsync())).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Dispose(vm)));
        foreach (var wait in waits)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Soon));
        }
    }

    [Fact]
    public async Task Dispose_TellsTheLastLines()
    {
        var lines = new List<string>();
        var vm = await StartAsync([.. Say("first\nlast words"), .. Spin], options => options with { ConsoleLine = lines.Add });
        await vm.ExpectAsync("words");
        await Dispose(vm);
        Assert.Equal(["first", "last words"], lines);
    }

    [Fact]
    public async Task Dispose_AfterAFailureHasAPostMortem()
    {
        var vm = await StartAsync(Spin);
        await FailureOf(vm.ExpectAsync("never", within: TimeSpan.Zero));
        await Dispose(vm);
        Assert.Equal(VerdictKind.Interrupted, vm.Report.Verdict.Kind);
        Assert.Contains("jmp", vm.Report.Outcome!.PostMortem!.Vcpus[0].Instruction, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dispose_InTheMidstOfCallsDoesNoHarm()
    {
        for (var seed = 1; seed <= 30; seed++)
        {
            var vm = await StartAsync(Echo);
            var callers = Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
            {
                var random = new Random((seed * 10) + caller);
                try
                {
                    while (true)
                    {
                        await vm.SendAsync("x");
                        switch (random.Next(4))
                        {
                            case 0: await vm.PauseAsync(); break;
                            case 1: vm.Resume(); break;
                            case 2: vm.InjectNmi(); break;
                            default: await vm.ExpectAsync("x", TimeSpan.FromMilliseconds(1)); break;
                        }
                    }
                }
                catch (ExpectationException)
                {
                    // It was paused, or has ended.
                }
                catch (ObjectDisposedException)
                {
                }
            })).ToArray();
            await Task.Delay(new Random(seed).Next(5));
            await Dispose(vm);
            await Task.WhenAll(callers).WaitAsync(Soon);
        }
    }

    [Fact]
    public async Task Machines_LeaveNothingBehind()
    {
        string[] states = ["spins", "ended", "paused", "virtual and idle"];
        async Task RunMany(int count, int atOnce)
        {
            for (var i = 0; i < count; i += atOnce)
            {
                var machines = await Task.WhenAll(Enumerable.Range(i, atOnce).Select(number => InState(states[number % states.Length])));
                await Task.WhenAll(machines.Select(Dispose));
            }
        }

        await RunMany(8, 8);
        var before = Taken.Now();
        await RunMany(100, 1);
        await RunMany(40, 8);

        // A thread that was joined may still be on its way out of the kernel.
        var after = Taken.Now();
        SpinWait.SpinUntil(() => (after = Taken.Now()) == before, TimeSpan.FromSeconds(2));
        Assert.Equal(before, after);
    }

    private static async Task<TestMachine> InState(string state)
    {
        if (state == "virtual and idle")
        {
            var idle = await StartAsync([.. Say("ready\n"), .. Echo], options => options with { Options = new Dictionary<string, string> { ["clock"] = "virtual" } });
            await idle.ExpectAsync("ready\n");
            return idle;
        }

        var vm = await StartAsync([.. Say("ready\n"), .. state switch { "speaks" => SayForEver('x'), "halts" => Halt, "ended" => Exit(0), _ => Spin }]);
        if (state == "just started")
        {
            return vm;
        }

        await vm.ExpectAsync("ready");
        switch (state)
        {
            case "ended" or "halts":
                await vm.WaitForEndAsync();
                break;
            case "paused":
                Assert.True(await vm.PauseAsync());
                break;
            case "full of typed text":
                await vm.SendAsync(new string('x', 1_000_000));
                break;
            default:
                break;
        }

        return vm;
    }

    private static async Task Dispose(TestMachine vm)
    {
        var began = Stopwatch.GetTimestamp();
        await vm.DisposeAsync().AsTask().WaitAsync(Soon);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, Soon);
    }

    /// <summary>What machines have of the host at this moment.</summary>
    private sealed record Taken(int Descriptors, int Threads)
    {
        internal static Taken Now() => new(
            Directory.GetFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget is { } target &&
                (target.Contains("eventfd", StringComparison.Ordinal) || target.Contains("timerfd", StringComparison.Ordinal) || target.Contains("memfd", StringComparison.Ordinal) || target.Contains("tmp", StringComparison.Ordinal))),
            Directory.GetDirectories("/proc/self/task").Count(IsAMachines));

        private static bool IsAMachines(string task)
        {
            try
            {
                var name = File.ReadAllText(Path.Combine(task, "comm"));
                return name.StartsWith("vcpu", StringComparison.Ordinal) || name.StartsWith("timers", StringComparison.Ordinal) || name.StartsWith("guest-", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                // It ended while the directory was read.
                return false;
            }
        }
    }
}
