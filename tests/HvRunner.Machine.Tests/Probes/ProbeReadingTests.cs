namespace HvRunner.Machine.Tests.Probes;

public sealed class ProbeReadingTests
{
    private static ProbeTalk Started(double byteUs = 12) => new ProbeTalk(byteUs).Say("probe 1");

    [Fact]
    public void SoftwareAssistedHost_IsToldWithItsSpeedAndItsApic()
    {
        var result = Started()
            .Loops(instructionsPerUs: 2)
            .Say("isr lost", "ppr 0", "nested broken", "try popcnt", "try clac", "tried", "done")
            .Read(completed: 2);

        Assert.Null(result.Failure);
        Assert.True(result.SoftwareAssisted);
        Assert.InRange(result.Ring0InstructionsPerSecond!.Value, 1_990_000, 2_010_000);
        Assert.False(result.IsSpeedLowerBound);
        Assert.True(result.InterruptsDelivered);
        Assert.False(result.InServiceBitsKept);
        Assert.False(result.PriorityHeld);
        Assert.True(result.TscAdvances);
        Assert.InRange(result.PortWriteNs!.Value, 10_000, 12_500);
        Assert.Equal(["popcnt", "clac"], result.InstructionsTried);
        Assert.Equal(2, result.CompletedInstructions);
    }

    [Fact]
    public void HardwareHost_IsToldWithALowerBoundOfItsSpeed()
    {
        var result = Started(byteUs: 1)
            .Loops(instructionsPerUs: 3000)
            .Say("isr kept", "ppr 60", "nested held", "try popcnt", "tried", "done")
            .Read();

        Assert.Null(result.Failure);
        Assert.False(result.SoftwareAssisted);
        Assert.True(result.IsSpeedLowerBound);
        Assert.InRange(result.Ring0InstructionsPerSecond!.Value, 990_000_000, 1_010_000_000);
        Assert.True(result.InServiceBitsKept);
        Assert.True(result.PriorityHeld);
    }

    [Fact]
    public void Rules_AreToldAsFarAsTheyWereAsked()
    {
        var result = Started().Say("rule errorsLogged broken", "rule extIntByPin0 kept", "rule nonesuch broken", "rule picPollAcknowledges perhaps", "done").Read();

        Assert.Equal(new Dictionary<string, bool> { ["errorsLogged"] = false, ["extIntByPin0"] = true }, result.InterruptRules);
        Assert.False(result.KeepsEveryInterruptRule);
        Assert.True(Started().Say("rule extIntByPin0 kept", "done").Read().KeepsEveryInterruptRule);
    }

    [Fact]
    public void BusyHost_IsJudgedByItsLeastDisturbedRound()
    {
        var result = Started(byteUs: 1).Loops(instructionsPerUs: 3000, disturbed: 4000).Say("done").Read();

        Assert.False(result.SoftwareAssisted);
    }

    [Theory]
    [InlineData(49, true)]
    [InlineData(51, false)]
    public void Threshold_DividesSoftwareFromHardware(double instructionsPerUs, bool assisted) =>
        Assert.Equal(assisted, Started().Loops(instructionsPerUs).Say("done").Read().SoftwareAssisted);

    [Fact]
    public void CompletedInstruction_MakesAFastHostSoftwareAssisted() =>
        Assert.True(Started().Loops(instructionsPerUs: 3000).Say("try clac", "tried", "done").Read(completed: 1).SoftwareAssisted);

    [Fact]
    public void LongerShortLoop_CountsAsBelowTheResolution()
    {
        var result = Started().Say("loop 2000").Pause(50).Say("end", "loop 12000").Pause(40).Say("end", "done").Read();

        Assert.True(result.IsSpeedLowerBound);
        Assert.False(result.SoftwareAssisted);
    }

    [Fact]
    public void BitWithoutPriority_DoesNotCountAsKept()
    {
        Assert.False(Started().Say("isr kept", "ppr 0", "nested held", "done").Read().InServiceBitsKept);
        Assert.False(Started().Say("isr kept", "nested held", "done").Read().InServiceBitsKept);
    }

    [Fact]
    public void SilentApic_LeavesItsBitsUnknown()
    {
        var result = Started().Loops(2).Say("apic silent", "done").Read();

        Assert.False(result.InterruptsDelivered);
        Assert.Null(result.InServiceBitsKept);
        Assert.Null(result.PriorityHeld);
    }

    [Fact]
    public void InterruptThatNeverCameBack_IsNotDelivered()
    {
        var result = Started().Say("isr kept", "ppr 60", "nested lost", "done").Read();

        Assert.False(result.InterruptsDelivered);
        Assert.Null(result.PriorityHeld);
    }

    [Fact]
    public void StandingCounter_DoesNotAdvance()
    {
        var result = Started().Say("tsc 10").Pause(5000).Say("tsc 10", "done").Read();

        Assert.False(result.TscAdvances);
        Assert.Null(result.TscHertz);
    }

    [Fact]
    public void CounterRate_FollowsFromTheTimeBetweenItsLines()
    {
        var result = new ProbeTalk(0).Say("probe 1", "tsc 0").Pause(10_000).Say($"tsc {26_000_000:x}", "done").Read();

        Assert.InRange(result.TscHertz!.Value, 2_599_000_000, 2_601_000_000);
    }

    [Fact]
    public void TruncatedTalk_TellsWhatItGotTo()
    {
        var result = Started().Loops(2).Say("isr lost", "ppr 0").SayPart("nested bro").Read();

        Assert.Equal("the probe guest stopped half-way", result.Failure);
        Assert.True(result.SoftwareAssisted);
        Assert.False(result.InServiceBitsKept);
        Assert.Null(result.PriorityHeld);
    }

    [Fact]
    public void TalkThatEndsInALoop_LeavesTheSpeedUnknown()
    {
        var result = Started().Say("loop 2000").Pause(1000).Say("end", "loop 12000").Read();

        Assert.NotNull(result.Failure);
        Assert.Null(result.Ring0InstructionsPerSecond);
        Assert.Null(result.SoftwareAssisted);
    }

    [Fact]
    public void Silence_IsAFailure()
    {
        var result = new ProbeTalk(1).Read();

        Assert.Equal("the probe guest did not speak", result.Failure);
        Assert.Null(result.SoftwareAssisted);
    }

    [Theory]
    [InlineData("Linux version 6.1")]
    [InlineData("")]
    [InlineData("probe 2")]
    public void AnotherGuest_IsNotTheProbe(string line) => Assert.Equal("the probe guest did not speak", new ProbeTalk(1).Say(line, "done").Read().Failure);

    [Fact]
    public void Garbage_IsPassedOver()
    {
        var result = Started()
            .Say("loop", "end", "loop x", "end", "loop 99999999999999999999", "end", "tsc zz", "tsc", "ppr -1", "isr maybe", "nested", string.Empty, "\u0001\u007f", "end", "done")
            .Read();

        Assert.Null(result.Failure);
        Assert.Null(result.Ring0InstructionsPerSecond);
        Assert.Null(result.InServiceBitsKept);
        Assert.Null(result.TscAdvances);
        Assert.Null(result.SoftwareAssisted);
    }
}
