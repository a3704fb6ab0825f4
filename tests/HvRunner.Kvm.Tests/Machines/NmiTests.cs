using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>The button on the box.</summary>
[Collection(KvmDevice.Name)]
public class NmiTests
{
    [Theory]
    [OnSoft]
    [OnKvm]
    public void Nmi_ReachesAGuestThatRuns(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin], TinyCode.Exit(42)));
        rig.StartAndHear();
        Assert.True(rig.Machine.InjectNmi(0));
        Assert.Equal(42, rig.End().Verdict.Status);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Nmi_InAPauseComesBehindIt(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin], TinyCode.Exit(42)));
        rig.StartAndHear();
        Assert.True(rig.Machine.Pause());
        Assert.True(rig.Machine.InjectNmi(0));
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Verdict is not null, TimeSpan.FromMilliseconds(100)), "the NMI was taken in the pause");
        rig.Machine.Resume();
        Assert.Equal(42, rig.End().Verdict.Status);
    }

    /// <summary>On a virtual clock such a guest has ended before anybody could press a button.</summary>
    [Theory]
    [InlineData(Backend.Soft)]
    [OnKvm]
    public void Nmi_WakesAGuestThatHaltedWithInterruptsOff(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Halt], TinyCode.SayAndReturn));
        rig.StartAndHear();
        for (var i = 2; i < 6; i++)
        {
            Assert.True(rig.Machine.InjectNmi(0));
            rig.Console.AwaitBytes(i);
        }

        rig.EndedWith(VerdictKind.Halted);
        Assert.Equal(5, rig.Console.Bytes);
    }

    /// <summary>A processor that waits for its start-up takes none, and must not lose its rest over one.</summary>
    [Theory]
    [OnKvm]
    public void Nmi_ForAVcpuThatWasNeverStartedIsNothing(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin], TinyCode.SayAndReturn), vcpus: 2);
        rig.StartAndHear();
        Assert.True(rig.Machine.InjectNmi(1));
        Assert.False(SpinWait.SpinUntil(() => rig.Machine.Verdict is not null, TimeSpan.FromMilliseconds(250)));
        rig.Machine.Interrupt("enough");
        Assert.InRange(rig.End().Vcpus[1].Total, 0, 100);
        Assert.Equal(1, rig.Console.Bytes);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Nmi_ForAVcpuThatIsNotThereIsRefused(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Exit(3)]));
        Assert.False(rig.Machine.InjectNmi(-1) || rig.Machine.InjectNmi(1) || rig.Machine.InjectNmi(int.MaxValue));
        rig.Start();
        Assert.Equal(3, rig.End().Verdict.Status);
        Assert.True(rig.Machine.InjectNmi(0));
    }
}
