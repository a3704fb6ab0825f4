using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;
using static HvRunner.Chipset.Tests.Timers.HpetFixture;

namespace HvRunner.Chipset.Tests.Timers;

public sealed class HpetTests : IDisposable
{
    private readonly HpetFixture _ = new();

    public void Dispose() => _.Dispose();

    [Fact]
    public void Capabilities_SayThreeTimers64BitsLegacyRouteAnd10Ns()
    {
        Assert.Equal(0x0098_9680_8086_a201UL, _.Read(0));
        Assert.Equal(10_000_000u, _.Read32(4));
        Assert.Equal(Hpet.EventTimerBlockId, _.Read32(0));
    }

    [Fact]
    public void TimerCapabilities_OfferTheirPinsPeriodic64BitAndNoMessages()
    {
        for (var timer = 0; timer < 3; timer++)
        {
            Assert.Equal(0x0030_0000_0000_0030UL, _.Read(ConfigurationOf(timer)));
            _.Write32(ConfigurationOf(timer), 0x4000);
            Assert.Equal(0x30u, _.Read32(ConfigurationOf(timer)));
            _.Write(0x110 + (0x20 * (ulong)timer), ulong.MaxValue);
            Assert.Equal(0UL, _.Read(0x110 + (0x20 * (ulong)timer)));
        }
    }

    [Fact]
    public void PowerOn_IsHaltedAtZeroWithComparatorsOfAllOnes()
    {
        _.Tick(1000);
        Assert.Equal(0UL, _.Read(Counter));
        Assert.Equal(0UL, _.Read(HpetFixture.Configuration));
        Assert.Equal(ulong.MaxValue, _.Read(ComparatorOf(2)));
        Assert.Null(_.Queue.NextDeadlineNs);
    }

    [Fact]
    public void MainCounter_RunsWhileEnabledOnly()
    {
        _.Start();
        _.Tick(123);
        Assert.Equal(123UL, _.Read(Counter));
        _.Write32(HpetFixture.Configuration, 0);
        _.Tick(1000);
        Assert.Equal(123UL, _.Read(Counter));
        _.Start();
        _.Tick(1);
        Assert.Equal(124UL, _.Read(Counter));
    }

    [Fact]
    public void MainCounter_IsSetInHalvesWhileHaltedAndHas64Bits()
    {
        _.Write32(Counter, 0xffff_fff0);
        _.Write32(Counter + 4, 0x12);
        _.Start();
        _.Tick(0x20);
        Assert.Equal(0x13_0000_0010UL, _.Read(Counter));
        Assert.Equal(0x13u, _.Read32(Counter + 4));
        _.Write(Counter, 0);
        Assert.Equal(0x13_0000_0010UL, _.Read(Counter));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 2)]
    [InlineData(2, 4)]
    [InlineData(4, 8)]
    [InlineData(1, 4)]
    public void Access_OfOtherWidthOrAlignment_IsRefused(ulong offset, int length)
    {
        Assert.Equal(IoStatus.BadAccess, _.Hpet.Read(offset, new byte[length]));
        Assert.Equal(IoStatus.BadAccess, _.Hpet.Write(offset, new byte[length]));
    }

    [Fact]
    public void OneShot_EdgeRisesOnceWhenTheCounterReachesTheComparator()
    {
        _.Write32(ConfigurationOf(0), Enable | Route(20));
        _.Write(ComparatorOf(0), 1000);
        _.Start();
        _.Tick(999);
        Assert.False(_.Pin20.Asserted);
        _.Tick(1);
        Assert.True(_.Pin20.Asserted);
        _.Tick(1_000_000_000);
        Assert.Equal(1, _.Pin20.RisingEdges);
        Assert.Equal(0UL, _.Read(Status));
        _.Write(ComparatorOf(0), _.Read(Counter) + 50);
        _.Tick(50);
        Assert.Equal(2, _.Pin20.RisingEdges);
    }

    [Fact]
    public void OneShot_ComparatorThatWasPassed_WaitsForTheWrap()
    {
        _.Start();
        _.Tick(5000);
        _.Write32(ConfigurationOf(0), Enable | Mode32 | Route(20));
        _.Write32(ComparatorOf(0), 4999);
        _.Tick(0xffff_fffe);
        Assert.Equal(0, _.Pin20.RisingEdges);
        _.Tick(1);
        Assert.Equal(1, _.Pin20.RisingEdges);
        _.Tick(0x1_0000_0000);
        Assert.Equal(2, _.Pin20.RisingEdges);
    }

    [Fact]
    public void Mode32_ComparesTheLowHalfAndCutsTheComparator()
    {
        _.Write(Counter, 0x5_0000_0000);
        _.Write(ComparatorOf(1), 0x1234_0000_0100);
        _.Write32(ConfigurationOf(1), Enable | Mode32 | Route(21));
        Assert.Equal(0x100UL, _.Read(ComparatorOf(1)));
        _.Write32(ComparatorOf(1) + 4, 7);
        Assert.Equal(0x100UL, _.Read(ComparatorOf(1)));
        _.Start();
        _.Tick(0x100);
        Assert.Equal(1, _.Pin21.RisingEdges);
    }

    [Fact]
    public void Periodic_VAL_SET_WritesTheAccumulatorAndTheNextWriteThePeriod()
    {
        // As Linux does it: the first match, then the period.
        _.Start();
        _.Tick(100);
        _.Write32(ConfigurationOf(0), Enable | Periodic | SetValue | Mode32 | Route(20));
        _.Write32(ComparatorOf(0), 10_100);
        _.Write32(ComparatorOf(0), 20_000);
        Assert.Equal(10_100u, _.Read32(ComparatorOf(0)));
        _.Tick(9_999);
        Assert.Equal(0, _.Pin20.RisingEdges);
        _.Tick(1);
        Assert.Equal(1, _.Pin20.RisingEdges);
        Assert.Equal(30_100u, _.Read32(ComparatorOf(0)));
        _.Tick(200_000);
        Assert.Equal(11, _.Pin20.RisingEdges);
        Assert.Equal(230_100u, _.Read32(ComparatorOf(0)));
    }

    [Fact]
    public void Periodic_WithoutVAL_SET_WritesThePeriodOnly()
    {
        _.Write(ComparatorOf(0), 500);
        _.Write32(ConfigurationOf(0), Enable | Periodic | Route(20));
        _.Write(ComparatorOf(0), 10_000);
        Assert.Equal(500UL, _.Read(ComparatorOf(0)));
        _.Start();
        _.Tick(500);
        Assert.Equal(10_500UL, _.Read(ComparatorOf(0)));
    }

    [Fact]
    public void Periodic_LateHost_MakesOneEdgeAndKeepsThePhase()
    {
        StartPeriodic(10_000);
        _.Queue.Jump(10 * 35_000);
        _.Queue.Advance(0);
        Assert.Equal(1, _.Pin20.RisingEdges);
        _.Tick(4_999);
        Assert.Equal(1, _.Pin20.RisingEdges);
        _.Tick(1);
        Assert.Equal(2, _.Pin20.RisingEdges);
    }

    [Fact]
    public void Periodic_ShortestPeriod_InterruptsEvery50MicrosecondsAtMost()
    {
        StartPeriodic(1);
        _.Tick(1_000_000);
        Assert.InRange(_.Pin20.RisingEdges, 195, 202);
        Assert.Equal(1_000_001UL, _.Read(ComparatorOf(0)));
    }

    [Fact]
    public void Periodic_OfPeriod0_MatchesOnce()
    {
        _.Write32(ConfigurationOf(0), Enable | Periodic | Route(20));
        _.Write32(ConfigurationOf(0), Enable | Periodic | SetValue | Route(20));
        _.Write(ComparatorOf(0), 100);
        _.Write(ComparatorOf(0), 0);
        _.Start();
        _.Tick(100_000);
        Assert.Equal(1, _.Pin20.RisingEdges);
    }

    [Fact]
    public void Level_HoldsTheLineUntilTheStatusBitIsWritten()
    {
        _.Write32(ConfigurationOf(2), Enable | Level | Periodic | SetValue | Route(21));
        _.Write(ComparatorOf(2), 10_000);
        _.Start();
        _.Tick(10_000);
        Assert.True(_.Pin21.Asserted);
        Assert.Equal(4UL, _.Read(Status));
        Assert.Null(_.Queue.NextDeadlineNs);
        _.Tick(30_000);
        _.Write(Status, 3);
        Assert.True(_.Pin21.Asserted);
        _.Write(Status, 4);
        Assert.False(_.Pin21.Asserted);
        Assert.Equal(0UL, _.Read(Status));
        _.Tick(10_000);
        Assert.True(_.Pin21.Asserted);
        Assert.Equal(2, _.Pin21.RisingEdges);
    }

    [Fact]
    public void Level_MatchWithoutEnable_ShowsInTheStatusAlone()
    {
        _.Write32(ConfigurationOf(0), Level | Route(20));
        _.Write(ComparatorOf(0), 100);
        _.Start();
        Assert.Null(_.Queue.NextDeadlineNs);
        _.Tick(100);
        Assert.Equal(1UL, _.Read(Status));
        Assert.False(_.Pin20.Asserted);
        _.Write32(ConfigurationOf(0), Level | Enable | Route(20));
        Assert.True(_.Pin20.Asserted);
    }

    [Fact]
    public void Halted_InterruptsNothing()
    {
        _.Write32(ConfigurationOf(2), Enable | Level | Route(21));
        _.Write(ComparatorOf(2), 10);
        _.Start();
        _.Tick(10);
        Assert.True(_.Pin21.Asserted);
        _.Write32(HpetFixture.Configuration, 0);
        Assert.False(_.Pin21.Asserted);
        Assert.Null(_.Queue.NextDeadlineNs);
    }

    [Fact]
    public void Route_NotOffered_ReadsBackAsItWas()
    {
        _.Write32(ConfigurationOf(0), Enable | Route(21));
        _.Write32(ConfigurationOf(0), Enable | Route(9));
        Assert.Equal(0x30 | Enable | Route(21), _.Read32(ConfigurationOf(0)));
    }

    [Fact]
    public void Route_Changes_MovesTheLevelToTheOtherPin()
    {
        _.Write32(ConfigurationOf(0), Enable | Level | Route(20));
        _.Write(ComparatorOf(0), 10);
        _.Start();
        _.Tick(10);
        _.Write32(ConfigurationOf(0), Enable | Level | Route(21));
        Assert.False(_.Pin20.Asserted);
        Assert.True(_.Pin21.Asserted);
    }

    [Fact]
    public void LegacyReplacement_Timer0IsIrq0AndTimer1IsIrq8()
    {
        for (var timer = 0; timer < 3; timer++)
        {
            _.Write32(ConfigurationOf(timer), Enable | Route(20));
            _.Write(ComparatorOf(timer), 100 * (ulong)(timer + 1));
        }

        _.Start(legacy: true);
        _.Tick(100);
        Assert.Equal((1, 0, 0), (_.Irq0.RisingEdges, _.Irq8.RisingEdges, _.Pin20.RisingEdges));
        _.Tick(100);
        Assert.Equal((1, 1, 0), (_.Irq0.RisingEdges, _.Irq8.RisingEdges, _.Pin20.RisingEdges));
        _.Tick(100);
        Assert.Equal((1, 1, 1), (_.Irq0.RisingEdges, _.Irq8.RisingEdges, _.Pin20.RisingEdges));
    }

    [Fact]
    public void LegacyReplacement_CutsThe8254AndTheClockOff()
    {
        _.Hpet.PitInput.Set(true);
        _.Hpet.RtcInput.Set(true);
        Assert.True(_.Irq0.Asserted && _.Irq8.Asserted);
        _.Start(legacy: true);
        Assert.False(_.Irq0.Asserted || _.Irq8.Asserted);
        _.Hpet.PitInput.Set(false);
        _.Hpet.PitInput.Set(true);
        Assert.False(_.Irq0.Asserted);
        _.Start(legacy: false);
        Assert.True(_.Irq0.Asserted && _.Irq8.Asserted);
        _.Hpet.RtcInput.Set(false);
        Assert.False(_.Irq8.Asserted);
    }

    [Fact]
    public void Reset_PutsEverythingBack()
    {
        StartPeriodic(10_000);
        _.Tick(10_000);
        Assert.True(_.Pin20.Asserted);
        _.Hpet.Reset();
        Assert.False(_.Pin20.Asserted);
        Assert.Null(_.Queue.NextDeadlineNs);
        Assert.Equal(0UL, _.Read(Counter));
        Assert.Equal(0x30u, _.Read32(ConfigurationOf(0)));
    }

    [Fact]
    public void SavedState_GoesOnInAnotherBlockAtAnotherTime()
    {
        StartPeriodic(10_000);
        _.Tick(15_000);
        using var other = new HpetFixture();
        other.Tick(777);
        other.Hpet.LoadState(_.Hpet.SavedState());
        Assert.Equal(15_000UL, other.Read(Counter));
        Assert.True(other.Pin20.Asserted);
        other.Tick(5_000);
        Assert.Equal(2, other.Pin20.RisingEdges);
        Assert.Equal(30_000UL, other.Read(ComparatorOf(0)));
    }

    private void StartPeriodic(uint period)
    {
        _.Write32(ConfigurationOf(0), Enable | Periodic | SetValue | Route(20));
        _.Write(ComparatorOf(0), period);
        _.Start();
    }
}
