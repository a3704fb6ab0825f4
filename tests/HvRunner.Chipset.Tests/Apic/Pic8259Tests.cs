using HvRunner.Chipset.Apic;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the 8259A's data sheet each: initialization, triggering, acknowledge, cascade.</summary>
public sealed class Pic8259Tests : PicFixture
{
    [Fact]
    public void PowerOn_RaisesNothingBeforeInitialization()
    {
        Raise(0);
        Raise(8);
        Assert.False(Intr.Asserted);
        Assert.Equal(0, Intr.RisingEdges);
    }

    [Fact]
    public void PowerOn_MaskReadsBack()
    {
        // How Linux finds out that there is a PIC.
        Master.Out(1, 0xfb);
        Assert.Equal(0xfb, Master.In(1));
    }

    [Fact]
    public void Icw2_GivesTheVectorsUpperBits()
    {
        Program(Master, 0x11, 0x47, 0x04, 0x01);
        Raise(3);
        Assert.Equal(0x43, Pic.Acknowledge());
    }

    [Fact]
    public void Icw1_RaisesNothingUntilTheLastWord()
    {
        Program(Master, 0x11, 0x30, 0x04);
        Raise(1);
        Assert.False(Intr.Asserted);
        Master.Out(1, 0x01);
        Assert.True(Intr.Asserted);
    }

    [Fact]
    public void Icw1_WithoutIcw4EndsAfterIcw3AndSwitchesItsFunctionsOff()
    {
        Initialize(masterIcw4: 0x03);
        Program(Master, 0x10, 0x30, 0x04);
        Raise(1);
        Assert.Equal(0x31, Pic.Acknowledge());
        Assert.Equal(0x02, Isr(Master));
    }

    [Fact]
    public void Icw1_SingleLeavesIcw3Out()
    {
        Program(Master, 0x13, 0x30, 0x01);
        Raise(1);
        Assert.Equal(0x31, Pic.Acknowledge());
        Master.Out(1, 0x5a);
        Assert.Equal(0x5a, Master.In(1));
    }

    [Fact]
    public void Icw1_SingleMakesTheCascadeAnOrdinaryInput()
    {
        Initialize();
        Program(Master, 0x13, 0x30, 0x01);
        Raise(8);
        Assert.Equal(0x32, Pic.Acknowledge());
        Assert.Equal(0, Isr(Slave));
    }

    [Fact]
    public void Icw1_ClearsTheMask()
    {
        Initialize();
        Master.Out(1, 0xff);
        Initialize();
        Assert.Equal(0, Master.In(1));
    }

    [Fact]
    public void Icw1_ResetsTheEdgeSense()
    {
        Initialize();
        Raise(1);
        Initialize();
        Assert.False(Intr.Asserted);
        Lower(1);
        Raise(1);
        Assert.True(Intr.Asserted);
    }

    [Fact]
    public void Icw1_MakesLevel7Lowest()
    {
        Initialize();
        Master.Out(0, 0xc3);
        Initialize();
        Raise(4);
        Raise(3);
        Assert.Equal(0x33, Pic.Acknowledge());
    }

    [Fact]
    public void Icw1_ClearsSpecialMaskModeAndSelectsIrr()
    {
        Initialize();
        Master.Out(0, 0x68);
        Master.Out(0, ReadIsr);
        Initialize();
        Raise(1);
        Assert.Equal(0x02, Master.In(0));
        Assert.Equal(0x31, Pic.Acknowledge());
        Master.Out(1, 0x02);
        Raise(3);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Icw1_ClearsServiceAndSlaveIdentity()
    {
        Initialize();
        Raise(1);
        Pic.Acknowledge();
        Program(Master, 0x11);
        Assert.Equal(0, Isr(Master));
        Program(Slave, 0x13, 0x38, 0x01);
        Program(Master, 0x11, 0x30, 0x84, 0x01);
        Raise(7);
        Assert.Equal(0x3f, Pic.Acknowledge());
    }

    [Fact]
    public void Edge_RequestsOnceForEachRise()
    {
        Initialize();
        Raise(1);
        Assert.Equal(0x31, Pic.Acknowledge());
        Master.Out(0, NonSpecificEoi);
        Assert.False(Intr.Asserted);
        Lower(1);
        Raise(1);
        Assert.True(Intr.Asserted);
    }

    [Fact]
    public void Edge_FallBeforeAcknowledgeTakesTheRequestBack()
    {
        Initialize();
        Raise(1);
        Lower(1);
        Assert.Equal(0, Irr(Master));
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Edge_IsRememberedWhileMasked()
    {
        Initialize();
        Master.Out(1, 0x02);
        Raise(1);
        Assert.False(Intr.Asserted);
        Assert.Equal(0x02, Irr(Master));
        Master.Out(1, 0x00);
        Assert.True(Intr.Asserted);
    }

    [Fact]
    public void Level_RequestsAgainWhileItIsUp()
    {
        Initialize();
        Pic.EdgeLevelPorts.Out(0, 0x20);
        Raise(5);
        Assert.Equal(0x35, Pic.Acknowledge());
        Assert.False(Intr.Asserted);
        Master.Out(0, NonSpecificEoi);
        Assert.True(Intr.Asserted);
        Lower(5);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Elcr_HasNoBitsForSystemInterrupts()
    {
        Pic.EdgeLevelPorts.Out(0, 0xff);
        Pic.EdgeLevelPorts.Out(1, 0xff);
        Assert.Equal(0xf8, Pic.EdgeLevelPorts.In(0));
        Assert.Equal(0xde, Pic.EdgeLevelPorts.In(1));
    }

    [Fact]
    public void Irr_ShowsTheLevelOfALevelTriggeredInput()
    {
        Initialize();
        Pic.EdgeLevelPorts.Out(1, 0x04);
        Raise(10);
        Assert.Equal(0x04, Irr(Slave));
        Pic.Acknowledge();
        Assert.Equal(0x04, Irr(Slave));
        Lower(10);
        Assert.Equal(0x00, Irr(Slave));
    }

    [Fact]
    public void Acknowledge_MovesTheEdgeFromIrrToIsr()
    {
        Initialize();
        Raise(4);
        Assert.Equal(0x10, Irr(Master));
        Assert.Equal(0x34, Pic.Acknowledge());
        Assert.Equal(0x00, Irr(Master));
        Assert.Equal(0x10, Isr(Master));
    }

    [Fact]
    public void Mask_ReadsBackAndInhibits()
    {
        Initialize();
        Master.Out(1, 0x10);
        Assert.Equal(0x10, Master.In(1));
        Raise(4);
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Spurious_MasterYieldsLevel7AndNoService()
    {
        Initialize();
        Raise(1);
        Lower(1);
        Assert.Equal(0x37, Pic.Acknowledge());
        Assert.Equal(0, Isr(Master));
    }

    [Fact]
    public void Spurious_SlaveYieldsLevel7AndMasterIsInService()
    {
        // The master's input 3 says that slave 3 is there: it answers, though it requests nothing.
        Program(Master, 0x11, 0x30, 0x08, 0x01);
        Program(Slave, 0x11, 0x38, 0x03, 0x01);
        Raise(3);
        Assert.Equal(0x3f, Pic.Acknowledge());
        Assert.Equal(0x08, Isr(Master));
        Assert.Equal(0, Isr(Slave));
    }

    [Fact]
    public void Cascade_NobodyAnswersForAForeignIdentity()
    {
        Program(Master, 0x11, 0x30, 0x0c, 0x01);
        Program(Slave, 0x11, 0x38, 0x02, 0x01);
        Raise(3);
        Assert.Equal(0xff, Pic.Acknowledge());
        Assert.Equal(0x08, Isr(Master));
    }

    [Fact]
    public void Cascade_SlaveGivesTheVectorAndBothAreInService()
    {
        Initialize();
        Raise(12);
        Assert.Equal(0x04, Irr(Master));
        Assert.Equal(0x3c, Pic.Acknowledge());
        Assert.Equal(0x10, Isr(Slave));
        Assert.Equal(0x04, Isr(Master));
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Cascade_SlaveRequestGoesWithItsInput()
    {
        Initialize();
        Raise(12);
        Lower(12);
        Assert.False(Intr.Asserted);
        Assert.Equal(0, Irr(Master));
    }

    [Fact]
    public void Cascade_NextSlaveRequestIsANewEdgeAfterBothEois()
    {
        Initialize();
        Raise(12);
        Raise(13);
        Pic.Acknowledge();
        Slave.Out(0, NonSpecificEoi);
        Assert.False(Intr.Asserted);
        Master.Out(0, NonSpecificEoi);
        Assert.True(Intr.Asserted);
        Assert.Equal(0x3d, Pic.Acknowledge());
    }

    [Fact]
    public void Cascade_AutomaticEoiDeliversAllThatWait()
    {
        Initialize(0x03, 0x03);
        for (var irq = 8; irq < 16; irq++)
        {
            Raise(irq);
        }

        for (var irq = 8; irq < 16; irq++)
        {
            Assert.True(Intr.Asserted);
            Assert.Equal(0x30 + irq, Pic.Acknowledge());
        }

        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Lines_AreThereForAllButTheCascade()
    {
        for (var irq = 0; irq < 16; irq++)
        {
            if (irq != 2)
            {
                Initialize();
                Raise(irq);
                Assert.Equal(0x30 + irq, Pic.Acknowledge());
                Lower(irq);
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => Pic.GetLine(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Pic.GetLine(16));
    }

    [Fact]
    public void WideAccess_IsARunOfByteAccesses()
    {
        Initialize();
        Master.Write(0, [ReadIsr, 0x77, 0x12, 0x34]);
        Raise(3);
        Pic.Acknowledge();
        var data = new byte[4];
        Assert.Equal(Abstractions.IoStatus.Ok, Master.Read(0, data));
        Assert.Equal([0x08, 0x77, 0xff, 0xff], data);
        Assert.Equal(Abstractions.IoStatus.Unclaimed, Master.Read(Pic8259Pair.RegionSize, data));
        Assert.Equal(Abstractions.IoStatus.Unclaimed, Master.Write(Pic8259Pair.RegionSize, data));
    }

    [Fact]
    public void Reset_IsPowerOn()
    {
        var state = Pic.SavedState();
        Initialize(0x1f, 0x1f);
        Master.Out(0, 0xe3);
        Slave.Out(0, 0x6f);
        Slave.Out(1, 0x18);
        Pic.EdgeLevelPorts.Out(1, 0x04);
        Pic.Reset();
        Assert.Equal(state, Pic.SavedState());
        Assert.False(Intr.Asserted);
    }

    [Fact]
    public void Load_DrivesIntrAndGoesOn()
    {
        Initialize();
        Raise(12);
        var state = Pic.SavedState();
        var line = new Fakes.RecordingLine();
        var twin = new Pic8259Pair(line);
        twin.LoadState(state);
        Assert.True(line.Asserted);
        twin.GetLine(12).Set(true);
        Assert.Equal(0x3c, twin.Acknowledge());
        Assert.False(line.Asserted);
    }

    [Fact]
    public void Wire_CarriesTheLevelToWhatIsConnectedLater()
    {
        var wire = new InterruptWire();
        wire.Set(true);
        wire.Connect(Intr);
        Assert.True(Intr.Asserted);
        wire.Set(false);
        Assert.False(Intr.Asserted);
    }
}
