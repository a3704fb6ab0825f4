namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the 8259A's data sheet each: priorities, EOI commands, modes, poll.</summary>
public sealed class Pic8259PriorityTests : PicFixture
{
    private byte Take(int irq)
    {
        Raise(irq);
        return Pic.Acknowledge();
    }

    [Fact]
    public void FullyNested_LowerNumberGoesFirst()
    {
        Initialize();
        Raise(6);
        Raise(3);
        Assert.Equal(0x33, Pic.Acknowledge());
    }

    [Fact]
    public void FullyNested_ServiceHoldsBackItsOwnAndLowerLevels()
    {
        Initialize();
        Take(3);
        Lower(3);
        Raise(3);
        Raise(5);
        Assert.False(Intr.Asserted);
        Raise(1);
        Assert.True(Intr.Asserted);
        Assert.Equal(0x31, Pic.Acknowledge());
        Assert.Equal(0x0a, Isr(Master));
    }

    [Fact]
    public void NonSpecificEoi_EndsTheHighest()
    {
        Initialize();
        Take(5);
        Take(1);
        Master.Out(0, NonSpecificEoi);
        Assert.Equal(0x20, Isr(Master));
        Master.Out(0, NonSpecificEoi);
        Assert.Equal(0x00, Isr(Master));
    }

    [Fact]
    public void SpecificEoi_EndsItsLevel()
    {
        Initialize();
        Take(5);
        Take(1);
        Master.Out(0, 0x65);
        Assert.Equal(0x02, Isr(Master));
    }

    [Fact]
    public void NoOperation_ChangesNothing()
    {
        Initialize();
        Take(5);
        Master.Out(0, 0x45);
        Assert.Equal(0x20, Isr(Master));
        Raise(6);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void RotateOnNonSpecificEoi_MakesTheEndedLevelLowest()
    {
        Initialize();
        Take(4);
        Master.Out(0, 0xa0);
        Assert.Equal(0, Isr(Master));
        Raise(3);
        Raise(6);
        Assert.Equal(0x36, Pic.Acknowledge());
    }

    [Fact]
    public void RotateOnNonSpecificEoi_WithNothingInServiceKeepsTheOrder()
    {
        Initialize();
        Master.Out(0, 0xa0);
        Raise(6);
        Raise(3);
        Assert.Equal(0x33, Pic.Acknowledge());
    }

    [Fact]
    public void RotateOnSpecificEoi_MakesTheNamedLevelLowest()
    {
        Initialize();
        Take(4);
        Master.Out(0, 0xe4);
        Assert.Equal(0, Isr(Master));
        Raise(4);
        Lower(4);
        Raise(4);
        Raise(3);
        Raise(7);
        Assert.Equal(0x37, Pic.Acknowledge());
    }

    [Fact]
    public void SetPriority_NamesTheLowest()
    {
        Initialize();
        Master.Out(0, 0xc5);
        Raise(0);
        Raise(6);
        Assert.Equal(0x36, Pic.Acknowledge());
    }

    [Fact]
    public void NonSpecificEoi_FollowsTheRotatedOrder()
    {
        Initialize();
        Take(6);
        Take(1);
        Master.Out(0, 0xc5);
        Master.Out(0, NonSpecificEoi);
        Assert.Equal(0x02, Isr(Master));
    }

    [Fact]
    public void AutomaticEoi_LeavesNothingInService()
    {
        Initialize(masterIcw4: 0x03);
        Assert.Equal(0x33, Take(3));
        Assert.Equal(0, Isr(Master));
        Raise(6);
        Assert.True(Intr.Asserted);
    }

    [Fact]
    public void RotateInAutomaticEoi_MakesTheAcknowledgedLevelLowestUntilCleared()
    {
        Initialize(masterIcw4: 0x03);
        Master.Out(0, 0x80);
        Take(3);
        Raise(1);
        Raise(4);
        Assert.Equal(0x34, Pic.Acknowledge());
        Master.Out(0, 0x00);
        Raise(5);
        Assert.Equal(0x35, Pic.Acknowledge());
        Raise(6);
        Lower(5);
        Raise(5);
        Assert.Equal(0x35, Pic.Acknowledge());
    }

    [Fact]
    public void SpecialMask_MaskedServiceHoldsNothingBack()
    {
        Initialize();
        Take(3);
        Master.Out(1, 0x08);
        Raise(6);
        Assert.False(Intr.Asserted);
        Master.Out(0, 0x68);
        Assert.True(Intr.Asserted);
        Assert.Equal(0x36, Pic.Acknowledge());
    }

    [Fact]
    public void SpecialMask_IsOnlyChangedWithItsEnableBit()
    {
        Initialize();
        Take(3);
        Master.Out(1, 0x08);
        Raise(6);
        Master.Out(0, 0x28);
        Assert.False(Intr.Asserted);
        Master.Out(0, 0x68);
        Master.Out(0, 0x08);
        Assert.True(Intr.Asserted);
        Master.Out(0, 0x48);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void SpecialMask_NonSpecificEoiLeavesMaskedLevels()
    {
        Initialize();
        Take(5);
        Take(3);
        Master.Out(1, 0x08);
        Master.Out(0, 0x68);
        Master.Out(0, NonSpecificEoi);
        Assert.Equal(0x08, Isr(Master));
        Master.Out(0, NonSpecificEoi);
        Assert.Equal(0x08, Isr(Master));
    }

    [Fact]
    public void SpecialFullyNested_SlaveInServiceMayInterruptItself()
    {
        Initialize(masterIcw4: 0x11);
        Take(12);
        Raise(9);
        Assert.True(Intr.Asserted);
        Assert.Equal(0x39, Pic.Acknowledge());
        Assert.Equal(0x12, Isr(Slave));
    }

    [Fact]
    public void SpecialFullyNested_StillHoldsBackLowerLevels()
    {
        Initialize(masterIcw4: 0x11);
        Take(12);
        Raise(3);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void FullyNested_SlaveInServiceIsLockedOut()
    {
        Initialize();
        Take(12);
        Raise(9);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Poll_IsAnAcknowledge()
    {
        Initialize();
        Raise(4);
        Master.Out(0, 0x0c);
        Assert.Equal(0x84, Master.In(0));
        Assert.Equal(0x10, Isr(Master));
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Poll_AnswersOnEitherPortOnce()
    {
        Initialize();
        Master.Out(1, 0x40);
        Raise(4);
        Master.Out(0, 0x0c);
        Assert.Equal(0x84, Master.In(1));
        Assert.Equal(0x40, Master.In(1));
    }

    [Fact]
    public void Poll_WithoutRequestHasBit7Clear()
    {
        Initialize();
        Master.Out(0, 0x0c);
        Assert.Equal(0x00, Master.In(0) & 0x80);
        Assert.Equal(0x00, Isr(Master));
    }

    [Fact]
    public void Poll_OverridesTheStatusReadOnce()
    {
        Initialize();
        Raise(4);
        Master.Out(0, 0x0f);
        Assert.Equal(0x84, Master.In(0));
        Assert.Equal(0x10, Master.In(0));
    }

    [Fact]
    public void Poll_OfTheSlaveLowersItsOutput()
    {
        Initialize(slaveIcw4: 0x03);
        Raise(9);
        Raise(10);
        Slave.Out(0, 0x0c);
        Assert.Equal(0x81, Slave.In(0));
        Assert.True(Intr.Asserted);
        Slave.Out(0, 0x0c);
        Assert.Equal(0x82, Slave.In(0));
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void ReadSelect_StaysUntilItIsChanged()
    {
        Initialize();
        Take(4);
        Master.Out(0, ReadIsr);
        Assert.Equal(0x10, Master.In(0));
        Master.Out(0, 0x08);
        Assert.Equal(0x10, Master.In(0));
        Master.Out(0, ReadIrr);
        Assert.Equal(0x00, Master.In(0));
    }
}
