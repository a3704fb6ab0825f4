using System.Reflection;
using HvRunner.Abstractions;
using HvRunner.Host.Interop;

namespace HvRunner.Kvm.Tests.Live;

/// <summary>Kick and stop requests from other threads, at every moment of a run: none lost, none late for ever, no signal left behind.</summary>
[Collection(KvmDevice.Name)]
public class KickTests
{
    private const int LeastCollections = 20;

    private static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(10);

    private static readonly FieldInfo StopRequested =
        typeof(KvmVcpu).GetField("_stopRequested", BindingFlags.Instance | BindingFlags.NonPublic) ?? throw new MissingFieldException("KvmVcpu._stopRequested");

    public static TheoryData<Doing> Everything => [.. Enum.GetValues<Doing>()];

    [KvmTheory]
    [MemberData(nameof(Everything))]
    public void Kick_IsNeverLost(Doing what)
    {
        using var guest = Guests.That(what);
        using var collections = new Collections();
        var kicked = 0L;
        var run = Start(guest, new Handler { OnPortWrite = (_, _, _) => { }, OnMmioWrite = (_, _) => { }, OnKicked = () => Interlocked.Increment(ref kicked) });
        var random = new Random(20260721);
        for (var round = 1; round <= KvmDevice.Rounds || collections.Count < LeastCollections; round++)
        {
            var before = Interlocked.Read(ref kicked);
            guest.Vcpu.Kick();
            var seen = SpinWait.SpinUntil(() => Interlocked.Read(ref kicked) != before, LostAfter);
            Assert.True(seen || StopFirst(guest, run), $"kick {round} was lost");
            Thread.SpinWait(random.Next(2000));
        }

        guest.Vcpu.RequestStop();
        guest.Join(run);
    }

    /// <summary>A stop is sticky, as it should be; the test alone takes it back, to have as many rounds on one vCPU as the race needs.</summary>
    [KvmTheory]
    [MemberData(nameof(Everything))]
    public void RequestStop_IsNeverLost(Doing what)
    {
        using var guest = Guests.That(what);
        using var collections = new Collections();
        var handler = new Handler { OnPortWrite = (_, _, _) => { }, OnMmioWrite = (_, _) => { } };
        long begun = 0, ended = 0;
        var run = new Thread(() =>
        {
            for (var round = 1; round <= KvmDevice.Rounds; round++)
            {
                StopRequested.SetValue(guest.Vcpu, false);
                Volatile.Write(ref begun, round);
                if (guest.Vcpu.Run(handler) != new VcpuExit(VcpuExitKind.Stopped))
                {
                    return;
                }

                Volatile.Write(ref ended, round);
            }
        });
        run.Start();
        var random = new Random(20260721);
        for (var round = 1; round <= KvmDevice.Rounds; round++)
        {
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref begun) == round, LostAfter), $"round {round} did not begin");
            Thread.SpinWait(random.Next(2000));
            guest.Vcpu.RequestStop();
            var stopped = SpinWait.SpinUntil(() => Volatile.Read(ref ended) == round, LostAfter);
            Assert.True(stopped || StopFirst(guest, run), $"stop {round} was lost");
        }

        guest.Join(run);
    }

    [KvmFact]
    public void RequestStop_ReachesAVcpuThatWasNeverStarted()
    {
        using var guest = Guests.That(Doing.Spinning, vcpus: 2);
        var exit = guest.OnThread(() =>
        {
            // Long enough for the vCPU to sleep in the kernel; should it not sleep yet, the stop must reach it all the same.
            using var never = new ManualResetEventSlim();
            var stopper = new Thread(() =>
            {
                never.Wait(50);
                guest.Partition.Vcpus[1].RequestStop();
            });
            stopper.Start();
            return guest.Partition.Vcpus[1].Run(new Handler());
        });
        Assert.Equal(VcpuExitKind.Stopped, exit.Kind);
    }

    [KvmFact]
    public void RequestStop_BeforeRun_ExecutesNothing()
    {
        using var guest = Guests.That(Doing.PortLoop);
        guest.Vcpu.RequestStop();
        guest.RunUntilStopped(new Handler());
        Assert.Equal(LiveGuest.Code, guest.State().Rip);
    }

    [KvmFact]
    public void Run_AfterAStop_ReturnsAtOnce()
    {
        using var guest = Guests.That(Doing.PortLoop);
        var writes = 0;
        var handler = new Handler
        {
            OnPortWrite = (_, _, _) =>
            {
                writes++;
                guest.Vcpu.RequestStop();
            },
        };
        guest.OnThread(() =>
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(VcpuExitKind.Stopped, guest.Vcpu.Run(handler).Kind);
            }

            return 0;
        });
        Assert.Equal(1, writes);
    }

    [KvmFact]
    public void Kick_BeforeRun_IsSeenBeforeTheGuestRuns()
    {
        using var guest = Guests.That(Doing.PortLoop);
        var order = new List<string>();
        guest.Vcpu.Kick();
        guest.Vcpu.Kick();
        guest.RunUntilStopped(new Handler
        {
            OnKicked = () => order.Add("kicked"),
            OnPortWrite = (_, _, _) =>
            {
                order.Add("out");
                guest.Vcpu.RequestStop();
            },
        });
        Assert.Equal(["kicked", "out"], order);
    }

    [KvmTheory]
    [InlineData(Doing.HaltedWithInterruptsOff, true, false)]
    [InlineData(Doing.HaltedWithInterruptsOn, true, true)]
    [InlineData(Doing.Spinning, false, false)]
    public void Activity_IsWhatTheGuestDoes(Doing what, bool halted, bool interruptsEnabled)
    {
        using var guest = Guests.That(what);
        VcpuActivity activity = default;
        var looks = 0;
        var run = Start(guest, new Handler
        {
            OnKicked = () =>
            {
                activity = guest.Vcpu.GetActivity();
                Interlocked.Increment(ref looks);
            },
        });

        // The guest needs a moment to get where it stays.
        for (var i = 0; i < 1000 && (activity.Halted != halted || i < 3); i++)
        {
            var before = Volatile.Read(ref looks);
            guest.Vcpu.Kick();
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref looks) != before, LostAfter));
        }

        guest.Vcpu.RequestStop();
        guest.Join(run);
        Assert.Equal(new VcpuActivity(halted, false, interruptsEnabled, false), activity with { Entries = 0 });
        Assert.Equal(halted, activity.Entries != 0);
    }

    [KvmFact]
    public void HandlersException_PassesThroughAndLeavesTheSignalMaskAsItWas()
    {
        using var guest = Guests.That(Doing.PortLoop);
        guest.OnThread(() =>
        {
            var before = SignalMask();
            var thrown = Assert.Throws<TimeZoneNotFoundException>(() => guest.Vcpu.Run(new Handler
            {
                OnPortWrite = (_, _, _) =>
                {
                    // A signal is on its way when the run is left: unblocked it would end the process.
                    guest.Vcpu.Kick();
                    throw new TimeZoneNotFoundException("from the handler");
                },
            }));
            Assert.Equal("from the handler", thrown.Message);
            Assert.Equal(before, SignalMask());
            guest.Vcpu.Kick();
            return 0;
        });
    }

    [KvmFact]
    public void Run_LeavesTheSignalMaskAsItWas()
    {
        using var guest = Guests.That(Doing.PortLoop);
        guest.OnThread(() =>
        {
            var before = SignalMask();
            ulong during = 0;
            guest.Vcpu.Run(new Handler
            {
                OnPortWrite = (_, _, _) =>
                {
                    during = SignalMask();
                    guest.Vcpu.RequestStop();
                },
            });
            Assert.Equal(1UL << (VcpuKickSignal.Number - 1), during ^ before);
            Assert.Equal(before, SignalMask());
            return 0;
        });
    }

    private static Thread Start(LiveGuest guest, Handler handler)
    {
        var run = new Thread(() => guest.Vcpu.Run(handler));
        run.Start();
        return run;
    }

    /// <summary>What was lost is a failure; the guest is brought to an end before it is reported, where it still can be.</summary>
    private static bool StopFirst(LiveGuest guest, Thread run)
    {
        guest.Vcpu.RequestStop();
        run.Join(LiveGuest.Limit);
        return false;
    }

    private static unsafe ulong SignalMask()
    {
        sigset_t mask;
        Assert.Equal(0, Libc.pthread_sigmask(LibcConstants.SIG_BLOCK, null, &mask));
        return mask[0];
    }
}
