using System.Diagnostics;
using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>A paused machine stands still and stays alive.</summary>
[Collection(KvmDevice.Name)]
public class PauseTests
{
    private static readonly byte[] Exiting = TinyKernel.Build([.. TinyCode.Say, .. TinyCode.SpinOut]);
    private static readonly byte[] Halting = TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Halt]);

    // Longer than the halt monitor takes.
    private static readonly TimeSpan AWhile = TimeSpan.FromMilliseconds(250);

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Paused_TheGuestStandsStill(Backend backend)
    {
        using var rig = new MachineRig(backend, Exiting, vcpus: backend.IsKvm() ? 2 : 1);
        rig.StartAndHear();
        Assert.True(rig.Machine.Pause());
        Assert.True(rig.Machine.Pause());
        var before = rig.Machine.Progress().Total;
        var time = rig.Clock?.NowNs;
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Progress().Total != before, AWhile), "the guest went on");
        Assert.Equal(time, rig.Clock?.NowNs);
        rig.Machine.Resume();
        Assert.True(SpinWait.SpinUntil(() => rig.Machine.Progress().Total.Exits > before.Exits + 100, MachineRig.Limit), "the guest does not go on");
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void PausedBeforeTheRun_NothingIsExecuted(Backend backend)
    {
        using var rig = new MachineRig(backend, Halting);
        Assert.True(rig.Machine.Pause());
        rig.Start();
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Verdict is not null || rig.Console.Bytes != 0, AWhile), "the guest runs in a pause");
        rig.Machine.Resume();
        rig.EndedWith(VerdictKind.Halted);
        Assert.Equal(1, rig.Console.Bytes);
    }

    /// <summary>Paused on its own thread, in the middle of the output that is the last thing it does.</summary>
    [Theory]
    [OnSoft]
    [OnKvm]
    public void PausedGuest_IsNotHaltedUntilItRuns(Backend backend)
    {
        using var rig = new MachineRig(backend, Halting);
        var paused = 0;
        rig.Console.OnByte = () => Volatile.Write(ref paused, rig.Machine.Pause() ? 1 : -1);
        rig.StartAndHear();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref paused) != 0, MachineRig.Limit));
        Assert.Equal(1, paused);
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Verdict is not null, AWhile), "a paused machine is not halted");
        rig.Machine.Resume();
        rig.EndedWith(VerdictKind.Halted);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void End_EndsAPausedMachineAtOnce(Backend backend)
    {
        using var rig = new MachineRig(backend, Exiting);
        rig.StartAndHear();
        Assert.True(rig.Machine.Pause());
        rig.Machine.End(new Verdict(VerdictKind.Interrupted, "the end"), postMortem: true);
        Assert.NotNull(rig.End().PostMortem);
        Assert.True(rig.Machine.Pause());
        rig.Machine.Resume();
    }

    /// <summary>By a flag in its clock's page, for the watchdog that would take the gap for a hang.</summary>
    [Theory]
    [InlineData(Backend.Soft)]
    [OnKvm]
    public void GuestWithKvmclock_IsToldOfThePause(Backend backend)
    {
        // mov ecx, system time; mov eax, its page | 1; xor edx, edx; wrmsr; say; wait: test byte [page + flags], stopped; jz wait; exit
        using var rig = new MachineRig(backend, TinyKernel.Build(
        [
            0xb9, 0x01, 0x4d, 0x56, 0x4b, 0xb8, 0x01, 0x10, 0x10, 0x00, 0x31, 0xd2, 0x0f, 0x30, .. TinyCode.Say,
            0xf6, 0x05, 0x1d, 0x10, 0x10, 0x00, 0x02, 0x74, 0xf7, .. TinyCode.Exit(21),
        ]));
        rig.StartAndHear();
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Verdict is not null, AWhile), "the guest was told of a pause that was none");
        Assert.True(rig.Machine.Pause());
        rig.Machine.Resume();
        Assert.Equal(21, rig.End().Verdict.Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void TimeLimit_PassesDuringAPause(Backend backend)
    {
        using var rig = new MachineRig(backend, Exiting, timeout: TimeSpan.FromMilliseconds(300));
        rig.StartAndHear();
        Assert.True(rig.Machine.Pause());
        var outcome = rig.End();
        Assert.Equal(VerdictKind.Timeout, outcome.Verdict.Kind);
        Assert.InRange(Stopwatch.GetElapsedTime(outcome.FirstEntryTimestamp, outcome.EndTimestamp), TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(1.3));
    }

    [Fact]
    public void VcpuThatWaitsForAReader_CannotBePaused()
    {
        using var release = new ManualResetEventSlim();
        using var rig = new MachineRig(Backend.Soft, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Exit(5)]));
        rig.Console.OnByte = release.Wait;
        rig.OnReleaseOutput = release.Set;
        rig.StartAndHear();
        var start = Stopwatch.GetTimestamp();
        Assert.False(rig.Machine.Pause());
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
        release.Set();
        Assert.Equal(5, rig.End().Verdict.Status);
    }

    [Fact]
    public void WaitForTheHost_StandsStillInAPauseAndEndsForAnNmi()
    {
        using var rig = new MachineRig(Backend.SoftVirtual, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin], TinyCode.Exit(9)));
        long asked = 0;
        rig.Console.OnByte = () =>
        {
            while (rig.Machine.MayWait())
            {
                Interlocked.Increment(ref asked);
                Thread.Yield();
            }
        };
        rig.StartAndHear();
        Assert.True(rig.Machine.Pause());
        var before = Interlocked.Read(ref asked);
        Assert.False(SpinWait.SpinUntil(() => Interlocked.Read(ref asked) > before + 1, TimeSpan.FromMilliseconds(50)), "the wait went on in a pause");
        rig.Machine.Resume();
        Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref asked) > before + 10, MachineRig.Limit), "the wait did not go on behind the pause");
        Assert.True(rig.Machine.InjectNmi(0));
        Assert.Equal(9, rig.End().Verdict.Status);
    }
}
