using HvRunner.Abstractions;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine.Tests;

public class HaltMonitorTests
{
    private static readonly VcpuActivity Running = new(false, false, false, false);
    private static readonly VcpuActivity Dead = new(true, false, false, false);
    private static readonly VcpuActivity Idle = new(true, false, true, false);
    private static readonly VcpuActivity NotStarted = new(false, true, false, false);
    private static readonly VcpuActivity WakesByNmi = new(true, false, false, true);

    private readonly FakeVcpu[] _vcpus = [new(0), new(1)];
    private readonly RunControl _control = new(ExitMap.Raw);
    private readonly Irqchip _irqchip = new();
    private readonly Ending _ending;
    private bool _deviceMayInterrupt = true;
    private readonly HaltMonitor _monitor;

    public HaltMonitorTests()
    {
        _ending = new Ending(_control);
        _monitor = new HaltMonitor(_vcpus, _irqchip, _control, () => _deviceMayInterrupt);
    }

    public static TheoryData<VcpuActivity, VcpuActivity, bool> Machines => new()
    {
        { Dead, Dead, true },
        { Dead, NotStarted, true },
        { Dead, Idle, false },
        { Idle, NotStarted, false },
        { Dead, Running, false },
        { Running, NotStarted, false },
        { Dead, WakesByNmi, false },
    };

    [Theory]
    [MemberData(nameof(Machines))]
    public void TwoAgreeingRounds_Decide(VcpuActivity first, VcpuActivity second, bool halted)
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (first, second);
        for (var i = 0; i < 5; i++)
        {
            _monitor.Look();
            AnswerKicks();
        }

        Assert.Equal(halted, _ending.HasEnded);
        Assert.Equal(halted ? VerdictKind.Halted : null, _control.Verdict?.Kind);
    }

    [Fact]
    public void InterruptsOn_IsAHaltWhenNothingCouldInterrupt()
    {
        _deviceMayInterrupt = false;
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Idle, Dead);
        _monitor.Look();
        LookTwice();
        Assert.Equal(VerdictKind.Halted, _control.Verdict?.Kind);
        Assert.Contains("no timer is armed", _control.Verdict!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void InterruptsOn_AnInterruptThatWaitsKeepsTheMachineAlive()
    {
        _deviceMayInterrupt = false;
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Dead, Idle with { InterruptWake = true });
        for (var i = 0; i < 5; i++)
        {
            _monitor.Look();
            AnswerKicks();
        }

        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void InterruptsOn_DeviceThatMayInterruptWhenTheRoundsBegin_IsBelieved()
    {
        AskAll(Idle, NotStarted);

        // Its interrupt may be under way by now.
        _deviceMayInterrupt = false;
        AnswerKicks();
        _monitor.Look();
        AnswerKicks();
        Assert.False(_ending.HasEnded);
        _monitor.Look();
        AnswerKicks();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void VcpuThatRanUnseenBetweenTheRounds_SpoilsThem()
    {
        _deviceMayInterrupt = false;
        AskAll(Idle with { Entries = 7 }, Idle with { Entries = 100 });
        Report(0);
        Report(1);

        // It took an interrupt and sent the other one before it halted again.
        _vcpus[1].Activity = Idle with { Entries = 101 };
        _monitor.Look();
        AnswerKicks();
        Assert.False(_ending.HasEnded);
        LookTwice();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void AccessDuringTheLastRound_SpoilsIt()
    {
        _deviceMayInterrupt = false;
        AskAll(Idle, Idle);
        AnswerKicks();
        _monitor.Look();
        Report(0);

        // It armed a timer, say.
        _vcpus[1].Counts.PortOut++;
        Report(1);
        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void Halt_IsFoundByTheThirdLook()
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Dead, Dead);
        _monitor.Look();
        Assert.Equal(0, _vcpus[0].Kicks);
        _monitor.Look();
        Assert.Equal(1, _vcpus[0].Kicks);
        AnswerKicks();
        Assert.False(_ending.HasEnded);
        _monitor.Look();
        Assert.Equal(2, _vcpus[0].Kicks);
        AnswerKicks();
        Assert.True(_ending.HasEnded);
        Assert.True(4 * HaltMonitor.Interval < TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public void Asking_LastsFromTheKickToTheAnswer()
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Running, Running);
        _monitor.Look();
        Assert.False(_monitor.IsAsking(0));
        _monitor.Look();
        Assert.True(_monitor.IsAsking(0));
        Report(0);
        Assert.False(_monitor.IsAsking(0));
        Assert.True(_monitor.IsAsking(1));
    }

    [Fact]
    public void OneRound_IsNotEnough()
    {
        AskAll(Dead, Dead);
        Report(0);
        Report(1);
        Assert.Equal([1, 1], _vcpus.Select(vcpu => vcpu.Kicks));
        Assert.False(_ending.HasEnded);

        // Woken by the other after it had answered.
        _vcpus[0].Activity = Running;
        _monitor.Look();
        Report(0);
        Report(1);
        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void BusyGuest_IsNotKicked()
    {
        for (var i = 0; i < 5; i++)
        {
            _vcpus[1].Counts.PortOut++;
            _monitor.Look();
        }

        Assert.Equal([0, 0], _vcpus.Select(vcpu => vcpu.Kicks));
    }

    [Fact]
    public void KicksThemselves_DoNotCountAsWork()
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Dead, Dead);
        _monitor.Look();
        _vcpus[0].Counts.Other++;
        _monitor.Look();
        Assert.Equal(1, _vcpus[0].Kicks);
    }

    [Fact]
    public void WorkDuringARound_SpoilsIt()
    {
        AskAll(Dead, Dead);
        Report(0);
        _vcpus[1].Counts.PortOut++;
        _monitor.Look();
        Report(1);
        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void UnansweredRound_IsWaitedFor()
    {
        AskAll(Dead, Dead);
        Report(0);
        Report(0);
        for (var i = 0; i < 5; i++)
        {
            _monitor.Look();
        }

        Assert.Equal([1, 1], _vcpus.Select(vcpu => vcpu.Kicks));
        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void AnswerThatNobodyAskedFor_IsIgnored()
    {
        _monitor.Report(0, Dead);
        _monitor.Report(1, Dead);
        Assert.False(_ending.HasEnded);
    }

    [Fact]
    public void IoApicThatDeliversNmi_KeepsTheMachineAlive()
    {
        _irqchip.NonMaskable = true;
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Dead, Dead);
        for (var i = 0; i < 5; i++)
        {
            _monitor.Look();
            AnswerKicks();
        }

        Assert.False(_ending.HasEnded);
        _irqchip.NonMaskable = false;
        LookTwice();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void Forget_MakesTheAnswersOfARoundUnasked()
    {
        AskAll(Dead, Dead);
        Report(0);
        _monitor.Forget();
        Report(1);
        Assert.False(_monitor.IsAsking(0) || _monitor.IsAsking(1) || _ending.HasEnded);
    }

    [Fact]
    public void Forget_BeginsAnewAndFindsAHaltAfterIt()
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (Dead, Dead);
        _monitor.Look();
        _monitor.Forget();
        _monitor.Look();
        Assert.Equal(0, _vcpus[0].Kicks);
        LookTwice();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void Forget_BetweenTheRoundsMakesTheFirstOneWorthNothing()
    {
        AskAll(Dead, Dead);
        AnswerKicks();
        _monitor.Forget();
        LookTwice();
        Assert.False(_ending.HasEnded);
        _monitor.Look();
        AnswerKicks();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void WorkBetweenTheRounds_SpoilsThem()
    {
        AskAll(Dead, Dead);
        AnswerKicks();
        _vcpus[1].Counts.PortOut++;
        LookTwice();
        Assert.False(_ending.HasEnded);
        _monitor.Look();
        AnswerKicks();
        Assert.True(_ending.HasEnded);
    }

    [Fact]
    public void Wake_SpoilsTheRoundInWhichSomebodyHasAnswered()
    {
        AskAll(Dead, Dead);
        AnswerKicks();
        _monitor.Look();
        Report(0);
        _monitor.Wake(() => _vcpus[0].Activity = WakesByNmi);
        Report(1);
        Assert.False(_ending.HasEnded);
        for (var i = 0; i < 5; i++)
        {
            _monitor.Look();
            AnswerKicks();
        }

        Assert.False(_ending.HasEnded);
    }

    /// <summary>The first round, which the second look without an exit begins.</summary>
    private void AskAll(VcpuActivity first, VcpuActivity second)
    {
        (_vcpus[0].Activity, _vcpus[1].Activity) = (first, second);
        _monitor.Look();
        _monitor.Look();
    }

    private void LookTwice()
    {
        _monitor.Look();
        AnswerKicks();
        _monitor.Look();
        AnswerKicks();
    }

    private void Report(int index) => _monitor.Report(index, _vcpus[index].Activity);

    /// <summary>Every vCPU answers, if it was asked.</summary>
    private void AnswerKicks()
    {
        Report(0);
        Report(1);
    }

    private sealed class Irqchip : IInKernelIrqchip
    {
        internal bool NonMaskable { get; set; }

        public int LineCount => 24;

        public IInterruptLine GetLine(int gsi) => throw new InvalidOperationException("the monitor drives no wire");

        public bool CanDeliverNonMaskable() => NonMaskable;
    }
}
