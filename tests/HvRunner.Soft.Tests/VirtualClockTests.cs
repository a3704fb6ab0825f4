using HvRunner.Abstractions;

namespace HvRunner.Soft.Tests;

/// <summary>Time as a function of instructions and device accesses.</summary>
public sealed class VirtualClockTests
{
    // sti; hlt; jmp to the hlt
    private static readonly byte[] Idle = [0xfb, 0xf4, 0xeb, 0xfd];

    [Fact]
    public void Instruction_TakesANanosecond()
    {
        var clock = new VirtualClock();

        // mov ecx, 1000; loop to itself; out 0x10, al
        using var guest = new SoftGuest([0xb9, 0xe8, 3, 0, 0, 0xe2, 0xfe, 0xe6, 0x10], clock);
        var controller = new Controller { OnOut = (_, _) => guest.Vcpu.RequestStop() };
        guest.Run(controller);
        Assert.Equal(1002 + VirtualClock.AccessNs, clock.NowNs);
        Assert.Equal(VirtualClock.DefaultStart.AddTicks(20), clock.WallClock.GetUtcNow());
    }

    [Fact]
    public void Access_TakesAMicrosecondMore()
    {
        var clock = new VirtualClock();

        // in al, 0x11; out 0x12, al; mov [Device], al; mov al, [Device]; out 0x10, al
        using var guest = new SoftGuest([0xe4, 0x11, 0xe6, 0x12, 0xa2, 0, 0, 0, 0xd0, 0xa0, 0, 0, 0, 0xd0, 0xe6, 0x10], clock);
        var moments = new List<long>();
        var controller = new Controller { OnMmioWrite = (_, _) => moments.Add(clock.NowNs) };
        controller.OnOut = (port, _) =>
        {
            moments.Add(clock.NowNs);
            if (port == 0x10)
            {
                guest.Vcpu.RequestStop();
            }
        };
        guest.Run(controller);
        Assert.Equal(5 + (5 * VirtualClock.AccessNs), clock.NowNs);

        // The device sees the end of its access.
        Assert.Equal([2, 3, 5], moments.Select(moment => moment / VirtualClock.AccessNs));
    }

    [Fact]
    public void Timer_IsNotLateForAccessesBeforeIt()
    {
        var clock = new VirtualClock();

        // in al, 0x10; jmp to it: 1002 ns a round
        using var guest = new SoftGuest([0xe4, 0x10, 0xeb, 0xfc], clock);
        var fired = new List<long>();
        IDeadlineTimer? again = null;
        using var timer = again = clock.Timers.CreateTimer(deadline =>
        {
            fired.Add(clock.NowNs - deadline);
            if (fired.Count == 100)
            {
                guest.Vcpu.RequestStop();
            }

            again!.Arm(deadline + 12_345);
        });
        timer.Arm(12_345);
        guest.Run(new Controller());
        Assert.All(fired, late => Assert.InRange(late, 0, VirtualClock.AccessNs + 2));
        Assert.Contains(fired, late => late != 0);
    }

    [Fact]
    public void Timer_FiresAtItsInstruction()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest([0xeb, 0xfe], clock);
        var fired = new List<(long Deadline, long Now)>();
        IDeadlineTimer? again = null;
        using var timer = again = clock.Timers.CreateTimer(deadline =>
        {
            fired.Add((deadline, clock.NowNs));
            if (fired.Count == 3)
            {
                guest.Vcpu.RequestStop();
            }

            again!.Arm(deadline + 12_345);
        });
        timer.Arm(12_345);
        guest.Run(new Controller());
        Assert.Equal([(12_345, 12_345), (24_690, 24_690), (37_035, 37_035)], fired);
    }

    [Fact]
    public void Timer_ArmedByADeviceFiresInTime()
    {
        // out 0x10, al; jmp to itself
        var clock = new VirtualClock();
        using var guest = new SoftGuest([0xe6, 0x10, 0xeb, 0xfe], clock);
        long firedAt = 0;
        using var timer = clock.Timers.CreateTimer(_ =>
        {
            firedAt = clock.NowNs;
            guest.Vcpu.RequestStop();
        });
        guest.Run(new Controller { OnOut = (_, _) => timer.Arm(1_050) });
        Assert.Equal(1_050, firedAt);
    }

    [Fact]
    public void Sleep_TakesNoHostTimeAndJumpsToTheDeadline()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest(Idle, clock);
        guest.SetGate(0x20, 0xe6, 0x10, 0xcf);
        var controller = new Controller();
        const long Hour = 3_600_000_000_000;
        using var timer = clock.Timers.CreateTimer(_ =>
        {
            controller.Vectors.Enqueue(0x20);
            guest.Vcpu.Kick();
        });
        timer.Arm(Hour);
        controller.OnOut = (_, _) => guest.Vcpu.RequestStop();
        guest.Run(controller);
        Assert.InRange(clock.NowNs, Hour, Hour + VirtualClock.AccessNs + 10);
    }

    [Fact]
    public void Deadline_AtTheEndOfTimeNeverComes()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest(Idle, clock);
        using var timer = clock.Timers.CreateTimer(_ => Assert.Fail("nothing was expected to fire"));
        timer.Arm(long.MaxValue - 1);
        Assert.Equal(VcpuExitKind.Halted, guest.Run(new Controller()).Kind);
        Assert.InRange(clock.NowNs, 2, 10);
    }

    [Fact]
    public void Sleep_WithNothingArmedIsTheEnd()
    {
        using var guest = new SoftGuest(Idle, new VirtualClock());
        var exit = guest.Run(new Controller());
        Assert.Equal(VcpuExitKind.Halted, exit.Kind);
        Assert.Contains("no timer is armed", exit.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Sleep_WithInterruptsOffIsTheEndAlthoughATimerRuns()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest([0xfa, 0xf4], clock);
        using var timer = clock.Timers.CreateTimer(_ => Assert.Fail("nothing was expected to fire"));
        timer.Arm(1_000_000);
        Assert.Equal(VcpuExitKind.Halted, guest.Run(new Controller()).Kind);
    }

    [Fact]
    public void Idle_LetsInputInBeforeTimeJumps()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest(Idle, clock);
        guest.SetGate(0x24, 0xe6, 0x10, 0xcf);
        var controller = new Controller();
        var left = 3;
        var moments = new List<long>();
        clock.Idle = () =>
        {
            if (left-- == 0)
            {
                return IdleAnswer.Nothing;
            }

            controller.Vectors.Enqueue(0x24);
            guest.Vcpu.Kick();
            return IdleAnswer.InputCame;
        };
        controller.OnOut = (_, _) => moments.Add(clock.NowNs);
        Assert.Equal(VcpuExitKind.Halted, guest.Run(controller).Kind);
        Assert.Equal(3, moments.Count);
        Assert.InRange(moments[^1], 1, (3 * VirtualClock.AccessNs) + 100);
    }

    [Fact]
    public void EqualDeadlines_FireInTheOrderOfTheTimers()
    {
        var clock = new VirtualClock();
        using var guest = new SoftGuest([0xeb, 0xfe], clock);
        var order = new List<int>();
        using var first = clock.Timers.CreateTimer(_ => order.Add(1));
        using var second = clock.Timers.CreateTimer(_ => order.Add(2));
        using var last = clock.Timers.CreateTimer(_ => guest.Vcpu.RequestStop());
        second.Arm(100);
        first.Arm(100);
        last.Arm(101);
        guest.Run(new Controller());
        Assert.Equal([1, 2], order);
    }

    [Fact]
    public void Kicks_ChangeNothing()
    {
        // mov ecx, 500000; loop to itself; rdrand eax; out 0x10, al
        byte[] code = [0xb9, 0x20, 0xa1, 0x07, 0, 0xe2, 0xfe, 0x0f, 0xc7, 0xf0, 0xe6, 0x10];
        (long, ulong) Run(bool withKicks)
        {
            var clock = new VirtualClock();
            using var guest = new SoftGuest(code, clock);
            using var ended = new ManualResetEventSlim();
            var controller = new Controller();
            controller.OnOut = (_, _) =>
            {
                ended.Set();
                guest.Vcpu.RequestStop();
            };
            guest.Run(controller, () =>
            {
                while (withKicks && !ended.Wait(TimeSpan.FromMilliseconds(1)))
                {
                    guest.Vcpu.Kick();
                }
            });
            return (clock.NowNs, guest.State()[GeneralRegister.Rax]);
        }

        Assert.Equal(Run(withKicks: false), Run(withKicks: true));
    }
}
