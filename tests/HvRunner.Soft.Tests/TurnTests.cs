using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>Several vCPUs that run in turn: starts, kicks, sleep, stops, and that a run with a virtual clock is a function of its input.</summary>
public sealed class TurnTests
{
    private const uint Counter = 0x500;
    private const uint Rounds = 30_000;

    // mov ecx, 30000; lock inc dword [0x500]; loop; out 0x10, al; cli; hlt
    private static readonly byte[] CountAndTell = [0xb9, 0x30, 0x75, 0, 0, 0xf0, 0xff, 0x05, 0, 5, 0, 0, 0xe2, 0xf7, 0xe6, 0x10, 0xfa, 0xf4];

    // The same in real mode: mov cx, 30000; lock inc dword [0x500]; loop; out 0x10, al; cli; hlt
    private static readonly byte[] RealCountAndTell = [0xb9, 0x30, 0x75, 0xf0, 0x66, 0xff, 0x06, 0, 5, 0xe2, 0xf8, 0xe6, 0x10, 0xfa, 0xf4];

    private static readonly byte[] Spin = [0xeb, 0xfe];

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(16)]
    public void Vcpus_CountTogetherWithLockedInstructions(int vcpus)
    {
        using var machine = new SoftMachine(vcpus, CountAndTell, RealCountAndTell);
        EndWhenAllHaveTold(machine);
        StartOthers(machine);
        machine.Run();
        Assert.Equal(Rounds * (uint)vcpus, machine.Read32(Counter));
    }

    [Fact]
    public void Vcpu_WaitsForItsStart_AndBeginsAtThePage()
    {
        using var machine = new SoftMachine(2, Spin, [0xe6, 0x10, 0xeb, 0xfe]);
        using var started = new ManualResetEventSlim();
        machine.Controllers[1].OnOut = (_, _) => started.Set();
        machine.Run(() =>
        {
            Assert.False(started.Wait(50));
            machine.Controllers[1].StartUps.Enqueue(8);
            machine.Vcpus[1].Kick();
            Assert.True(started.Wait(5000));
            machine.StopAll();
        });
        var state = machine.StateOf(1);
        Assert.Equal((0x800, 0x8000UL, 2UL), (state[SegmentName.Cs].Selector, state[SegmentName.Cs].Base, state.Rip));
        Assert.Equal(0UL, state.Cr0 & 1);
    }

    [Fact]
    public void Vcpu_ThatNobodyStarts_SaysThatItWaits()
    {
        using var machine = new SoftMachine(2, Spin, Spin);
        Assert.True(machine.Vcpus[1].GetActivity().WaitingForSipi);
        Assert.False(machine.Vcpus[0].GetActivity().WaitingForSipi);
    }

    [Fact]
    public void Init_StopsAProcessorUntilItsNextStart()
    {
        using var machine = new SoftMachine(2, Spin, [0xe6, 0x10, 0xeb, 0xfe]);
        using var started = new SemaphoreSlim(0);
        machine.Controllers[1].OnOut = (_, _) => started.Release();
        machine.Run(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                machine.Controllers[1].Init = true;
                machine.Controllers[1].StartUps.Enqueue(8);
                machine.Vcpus[1].Kick();
                Assert.True(started.Wait(5000), $"start {i} did not come");
                Assert.False(started.Wait(1));
            }

            machine.StopAll();
        });
    }

    [Fact]
    public void Kicks_AreAnsweredBySleepersAndByThoseWithoutATurn()
    {
        using var machine = new SoftMachine(3, Spin, [0xfb, 0xf4, 0xeb, 0xfc]);
        using var kicked = new SemaphoreSlim(0);
        foreach (var controller in machine.Controllers)
        {
            controller.OnKicked = () => kicked.Release();
        }

        machine.Controllers[1].StartUps.Enqueue(8);
        machine.Run(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                machine.Vcpus[i % 3].Kick();
                Assert.True(kicked.Wait(5000), $"kick {i} was lost");
            }

            machine.StopAll();
        });
    }

    [Fact]
    public void Kick_IsAnsweredWhileAnotherIsHeldInItsOwn()
    {
        using var machine = new SoftMachine(2, Spin, Spin);
        using var held = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        using var other = new ManualResetEventSlim();
        machine.Controllers[0].OnKicked = () =>
        {
            held.Set();
            release.Wait(5000);
        };
        machine.Controllers[1].OnKicked = other.Set;
        machine.Controllers[1].StartUps.Enqueue(8);
        machine.Run(() =>
        {
            machine.Vcpus[0].Kick();
            Assert.True(held.Wait(5000));
            machine.Vcpus[1].Kick();
            Assert.True(other.Wait(5000), "a vCPU without a turn did not answer");
            release.Set();
            machine.StopAll();
        });
    }

    [Fact]
    public void Stop_EndsAllAtAnyMoment()
    {
        var random = new Random(3);
        for (var round = 0; round < 60; round++)
        {
            using var machine = new SoftMachine(4, Spin, round % 2 == 0 ? Spin : [0xf4, 0xeb, 0xfd]);
            StartOthers(machine);
            var exits = machine.Run(() =>
            {
                Thread.SpinWait(random.Next(200_000));
                machine.StopAll();
            });
            Assert.All(exits, exit => Assert.Equal(VcpuExitKind.Stopped, exit.Kind));
        }
    }

    [Fact]
    public void VirtualClock_AllAsleepForGood_IsHalted()
    {
        using var machine = new SoftMachine(3, [0xfa, 0xf4], [0xfa, 0xf4], new VirtualClock());
        StartOthers(machine);
        foreach (var controller in machine.Controllers)
        {
            controller.OnKicked = () => { };
        }

        VcpuExit? halted = null;
        machine.OnExit = exit =>
        {
            if (exit.Kind == VcpuExitKind.Halted)
            {
                halted = exit;
                machine.StopAll();
            }
        };
        machine.Run();
        Assert.NotNull(halted);
    }

    [Fact]
    public void VirtualClock_TwoRunsAreTheSame_WhoeverKicks()
    {
        (long NowNs, string Order, uint Count) Run(bool withKicks)
        {
            var clock = new VirtualClock();
            using var machine = new SoftMachine(4, CountAndTell, RealCountAndTell, clock);
            var order = new List<string>();
            EndWhenAllHaveTold(machine, vcpu => order.Add($"{vcpu}@{clock.NowNs}"));
            StartOthers(machine);
            using var ended = new ManualResetEventSlim();
            var kicker = new Thread(() =>
            {
                for (var i = 0; withKicks && !ended.IsSet; i++)
                {
                    machine.Vcpus[i % 4].Kick();
                    Thread.Yield();
                }
            });
            kicker.Start();
            machine.Run();
            ended.Set();
            kicker.Join();
            return (clock.NowNs, string.Join(' ', order), machine.Read32(Counter));
        }

        var first = Run(withKicks: false);
        Assert.Equal(first, Run(withKicks: false));
        Assert.Equal(first, Run(withKicks: true));
    }

    private static void StartOthers(SoftMachine machine)
    {
        foreach (var controller in machine.Controllers.Skip(1))
        {
            controller.StartUps.Enqueue(8);
        }
    }

    private static void EndWhenAllHaveTold(SoftMachine machine, Action<int>? told = null)
    {
        var missing = machine.Vcpus.Count;
        for (var i = 0; i < machine.Vcpus.Count; i++)
        {
            var vcpu = i;
            machine.Controllers[i].OnOut = (_, _) =>
            {
                told?.Invoke(vcpu);
                if (Interlocked.Decrement(ref missing) == 0)
                {
                    machine.StopAll();
                }
            };
        }
    }
}
