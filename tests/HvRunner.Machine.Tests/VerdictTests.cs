using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

public class VerdictTests
{
    [Theory]
    [InlineData(0ul, "poweroff", 0)]
    [InlineData(1ul, "guest-status", 1)]
    [InlineData(63ul, "guest-status", 63)]
    [InlineData(64ul, "guest-status", 63)]
    [InlineData(256ul, "guest-status", 63)]
    [InlineData(1ul << 32, "guest-status", 63)]
    [InlineData(ulong.MaxValue, "guest-status", 63)]
    public void RawMap_IsTheValueSaturated(ulong value, string name, int status) => Check(Verdict.OfGuestValue(value, ExitMap.Raw), value, name, status);

    [Theory]
    [InlineData(0ul, 1)]
    [InlineData(1ul, 3)]
    [InlineData(31ul, 63)]
    [InlineData(32ul, 63)]
    [InlineData(0x7fffffff_fffffffful, 63)]
    [InlineData(1ul << 63, 63)]
    [InlineData(ulong.MaxValue, 63)]
    public void QemuMap_IsTwiceTheValueAndOneSaturated(ulong value, int status) => Check(Verdict.OfGuestValue(value, ExitMap.Qemu), value, "guest-status", status);

    [Theory]
    [InlineData(VerdictKind.PowerOff, "poweroff", 0, false)]
    [InlineData(VerdictKind.Usage, "usage", 64, false)]
    [InlineData(VerdictKind.BadInput, "bad-input", 65, false)]
    [InlineData(VerdictKind.NoInput, "no-input", 66, false)]
    [InlineData(VerdictKind.NoHypervisor, "no-hypervisor", 69, false)]
    [InlineData(VerdictKind.Internal, "internal", 70, false)]
    [InlineData(VerdictKind.NoPermission, "no-permission", 77, false)]
    [InlineData(VerdictKind.Reset, "reset", 80, false)]
    [InlineData(VerdictKind.Panic, "panic", 81, true)]
    [InlineData(VerdictKind.TripleFault, "triple-fault", 82, true)]
    [InlineData(VerdictKind.Watchdog, "watchdog", 83, true)]
    [InlineData(VerdictKind.Halted, "halted", 84, true)]
    [InlineData(VerdictKind.CpuError, "cpu-error", 85, true)]
    [InlineData(VerdictKind.Timeout, "timeout", 124, true)]
    [InlineData(VerdictKind.Interrupted, "interrupted", 130, false)]
    public void Kind_HasItsNameStatusAndPostMortem(VerdictKind kind, string name, int status, bool postMortem)
    {
        var verdict = new Verdict(kind);
        Assert.Equal((name, status, postMortem), (verdict.Name, verdict.Status, verdict.HasPostMortem));
    }

    [Fact]
    public void EveryKind_HasAName() => Assert.All(Enum.GetValues<VerdictKind>(), kind => Assert.NotEmpty(Verdict.NameOf(kind)));

    [Fact]
    public void Control_TheFirstDecisiveEventWins()
    {
        var control = new RunControl(ExitMap.Raw);
        var ending = new Ending(control);
        Assert.Null(control.Verdict);
        control.Reset("keyboard controller");
        control.PowerOff("late");
        control.Panic("later");
        control.ReportStatus(7);
        Assert.Equal(VerdictKind.Reset, control.Verdict!.Kind);
        Assert.Contains("keyboard controller", control.Verdict.Sentence, StringComparison.Ordinal);
        Assert.Equal(1, ending.Count);
    }

    [Fact]
    public void Control_ADecisionStaysWhateverEndsTheRun()
    {
        var control = new RunControl(ExitMap.Raw);
        var ending = new Ending(control);
        control.Decide(new Verdict(VerdictKind.Panic, "first"));
        Assert.False(ending.HasEnded);
        control.Reset("keyboard controller");
        Assert.True(ending.HasEnded);
        Assert.Equal(new Verdict(VerdictKind.Panic, "first"), control.Verdict);
    }

    [Fact]
    public void Control_MapsTheExitPort()
    {
        var control = new RunControl(ExitMap.Qemu);
        control.ReportStatus(0);
        Assert.Equal((VerdictKind.GuestStatus, 1, 0ul), (control.Verdict!.Kind, control.Verdict.Status, control.Verdict.GuestValue!.Value));
    }

    [Fact]
    public void Control_OfManyThreads_EndsOnce()
    {
        for (var round = 0; round < 200; round++)
        {
            var control = new RunControl(ExitMap.Raw);
            var ended = 0;
            VerdictKind? seen = null;
            control.Ended += () =>
            {
                Interlocked.Increment(ref ended);
                seen = control.Verdict!.Kind;
            };
            Parallel.Invoke(() => control.PowerOff("a"), () => control.Reset("b"), () => control.Panic("c"), () => control.ReportStatus(3));
            Assert.Equal(1, ended);
            Assert.Equal(seen, control.Verdict!.Kind);
        }
    }

    private static void Check(Verdict verdict, ulong value, string name, int status)
    {
        Assert.Equal((name, status), (verdict.Name, verdict.Status));
        Assert.Equal(value, verdict.GuestValue);
        Assert.False(string.IsNullOrWhiteSpace(verdict.Sentence));
    }

    [Fact]
    public void PostMortem_IsTheTakenVerdictsOwn()
    {
        var control = new RunControl(ExitMap.Raw);
        Assert.False(control.WantsPostMortem);
        control.End(new Verdict(VerdictKind.Interrupted, "first"));
        control.End(new Verdict(VerdictKind.Interrupted, "second"), postMortem: true);
        control.End(new Verdict(VerdictKind.Panic, "third"));
        Assert.Equal("first", control.Verdict!.Sentence);
        Assert.False(control.WantsPostMortem);
    }

    [Theory]
    [InlineData(VerdictKind.Interrupted, true, true)]
    [InlineData(VerdictKind.Interrupted, false, false)]
    [InlineData(VerdictKind.Timeout, false, true)]
    [InlineData(VerdictKind.Timeout, true, true)]
    public void PostMortem_ComesWithItsKindOrWhenAskedFor(VerdictKind kind, bool asked, bool expected)
    {
        var control = new RunControl(ExitMap.Raw);
        control.End(new Verdict(kind, "the end"), asked);
        Assert.Equal(expected, control.WantsPostMortem);
    }

    [Fact]
    public void PostMortem_OfADecisionLastsToItsEnd()
    {
        var control = new RunControl(ExitMap.Raw);
        control.Decide(new Verdict(VerdictKind.Panic, "first"));
        control.End(new Verdict(VerdictKind.Interrupted, "second"));
        Assert.True(control.WantsPostMortem);
    }
}
