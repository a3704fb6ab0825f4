using HvRunner.Fakes;
using HvRunner.Kvm.Tests.Live;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Kvm.Tests.Machines;

/// <summary>A run that is ended from outside, and what is known of the guest's last second.</summary>
[Collection(KvmDevice.Name)]
public class EndTests
{
    private static readonly byte[] Spinning = TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Spin]);
    private static readonly byte[] Exiting = TinyKernel.Build([.. TinyCode.Say, .. TinyCode.SpinOut]);

    [Theory]
    [OnSoft]
    [OnKvm]
    public void End_TakesTheVerdictAndLooksAtTheGuest(Backend backend)
    {
        using var rig = new MachineRig(backend, Spinning);
        rig.StartAndHear();
        rig.Machine.End(new Verdict(VerdictKind.Interrupted, "a text appeared that must not"), postMortem: true);
        rig.Machine.End(new Verdict(VerdictKind.Timeout, "too late"));
        var outcome = rig.End();
        Assert.Equal((VerdictKind.Interrupted, 130, "a text appeared that must not"), (outcome.Verdict.Kind, outcome.Verdict.Status, outcome.Verdict.Sentence));
        Assert.Equal("a text appeared that must not", outcome.PostMortem!.Reason);
        Assert.StartsWith("jmp", outcome.PostMortem.Vcpus[0].Instruction, StringComparison.Ordinal);
        Assert.Equal(["!"], outcome.PostMortem.ConsoleTail);
        Assert.True(rig.Machine.MustEnd);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Interrupt_ComesWithoutPostMortem(Backend backend)
    {
        using var rig = new MachineRig(backend, Spinning);
        rig.StartAndHear();
        rig.Machine.Interrupt("enough");
        var outcome = rig.End();
        Assert.Equal((VerdictKind.Interrupted, "enough"), (outcome.Verdict.Kind, outcome.Verdict.Sentence));
        Assert.Null(outcome.PostMortem);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void End_WithAKindThatHasAPostMortemBringsIt(Backend backend)
    {
        using var rig = new MachineRig(backend, Spinning);
        rig.StartAndHear();
        rig.Machine.End(new Verdict(VerdictKind.Timeout, "the step took too long"));
        Assert.Equal("the step took too long", rig.End().PostMortem!.Reason);
    }

    [Fact]
    public void End_DoesNotWaitForAReaderOfTheOutput()
    {
        using var release = new ManualResetEventSlim();
        using var rig = new MachineRig(Backend.Soft, Spinning);
        rig.Console.OnByte = release.Wait;
        rig.OnReleaseOutput = release.Set;
        rig.StartAndHear();
        rig.Machine.End(new Verdict(VerdictKind.Interrupted, "nobody reads"));
        rig.EndedWith(VerdictKind.Interrupted);
        Assert.True(release.IsSet);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Timeout_SaysWhatTheGuestDid(Backend backend)
    {
        using var rig = new MachineRig(backend, Exiting, timeout: TimeSpan.FromMilliseconds(300));
        rig.Start();
        var outcome = rig.End();
        Assert.True(outcome.LastSecond.Exits > 100, $"more exits were expected than {outcome.LastSecond}");
        Assert.Equal($"the time limit of 0.3 s passed; in that time the guest made {outcome.LastSecond}", outcome.Verdict.Sentence);
        Assert.Equal(backend.IsKvm(), outcome.LastSecond.Instructions is null);
        Assert.Equal(outcome.Verdict.Sentence, outcome.PostMortem!.Reason);
    }

    [Fact]
    public void TimeoutOfASecondOrMore_SaysWhatTheLastSecondHeld()
    {
        using var rig = new MachineRig(Backend.Soft, Spinning, timeout: TimeSpan.FromSeconds(1));
        rig.Start();
        Assert.Matches(@"^the time limit of 1 s passed; in its last second the guest made [01] exits? and [\d,]{9,} instructions$", rig.EndedWith(VerdictKind.Timeout).Sentence);
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void Progress_IsSeenWhileTheGuestRuns(Backend backend)
    {
        using var rig = new MachineRig(backend, Exiting);
        Assert.Equal((TimeSpan.Zero, 0), (rig.Machine.Progress().Elapsed, rig.Machine.Progress().Total.Exits));
        rig.StartAndHear();
        var first = rig.Machine.Progress();
        Assert.True(SpinWait.SpinUntil(() => rig.Machine.Progress().Total.Exits > first.Total.Exits + 100, MachineRig.Limit), "no exits are counted");
        var second = rig.Machine.Progress();
        Assert.True(second.Elapsed > first.Elapsed);
        Assert.True(second.LastSecond.Exits <= second.Total.Exits);
        Assert.Equal(backend.IsKvm(), second.Total.Instructions is null);
        Assert.True(backend.IsKvm() || SpinWait.SpinUntil(() => rig.Machine.Progress().Total.Instructions > 10_000, MachineRig.Limit), "no instructions are counted");
    }

    [Theory]
    [OnSoft]
    [OnKvm]
    public void ShortRun_HasAllItDidInItsLastSecond(Backend backend)
    {
        using var rig = new MachineRig(backend, TinyKernel.Build([.. TinyCode.Say, .. TinyCode.Exit(7)]));
        rig.Start();
        var outcome = rig.End();
        Assert.Equal(7, outcome.Verdict.Status);
        Assert.Equal(2, outcome.LastSecond.Exits);
        Assert.Equal(backend.IsKvm() ? null : 7, outcome.LastSecond.Instructions);
    }
}
