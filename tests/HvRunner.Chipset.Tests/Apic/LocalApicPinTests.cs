namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the SDM's local APIC chapter each: LINT0 and LINT1, and what can wake a halted processor.</summary>
public sealed class LocalApicPinTests : LocalApicFixture
{
    public LocalApicPinTests() => Enable();

    [Fact]
    public void ExtInt_FollowsTheLevelAndTheMask()
    {
        Write(LvtLint0, 0x700);
        Apic.Lint0.Set(true);
        Assert.Equal(1, Signals);
        Assert.True(Apic.HasInterrupt);
        Write(LvtLint0, 0x700 | Masked);
        Assert.False(Apic.HasInterrupt);
        Write(LvtLint0, 0x700);
        Assert.Equal(2, Signals);
        Apic.Lint0.Set(false);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Acknowledges);
    }

    [Fact]
    public void ExtInt_GoesAroundIrrIsrAndPriorities()
    {
        Write(LvtLint0, 0x700);
        Write(Tpr, 0xff);
        Apic.Accept(0xf1, false);
        Apic.Lint0.Set(true);
        Assert.Equal(ExternalVector, Take());
        Assert.Equal(1, Acknowledges);
        Assert.False(IsIn(Isr, ExternalVector));
        Write(Tpr, 0);
        Assert.Equal(ExternalVector, Take());
        Apic.Lint0.Set(false);
        Assert.Equal(0xf1, Take());
    }

    [Fact]
    public void ExtInt_WithoutAnybodyToAcknowledgeIsNeverDeliverable()
    {
        using var apic = new Chipset.Apic.LocalApic(0, Queue, this);
        apic.ConfigureVirtualWire();
        apic.Lint0.Set(true);
        Assert.False(apic.HasInterrupt);
        Assert.False(apic.TryAcknowledge(out _));
        Assert.Equal(0, Signals);
    }

    [Fact]
    public void Lint_NmiTakesTheRisingEdge()
    {
        Write(LvtLint1, 0x400);
        Apic.Lint1.Set(true);
        Assert.Equal(1, Signals);
        Assert.True(Apic.TryTakeNonMaskable());
        Apic.Lint1.Set(true);
        Write(LvtLint1, 0x400);
        Assert.False(Apic.TryTakeNonMaskable());
        Apic.Lint1.Set(false);
        Apic.Lint1.Set(true);
        Assert.True(Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void Lint_EdgeWhileMaskedIsLost()
    {
        Write(LvtLint1, 0x400 | Masked);
        Apic.Lint1.Set(true);
        Write(LvtLint1, 0x400);
        Assert.False(Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void Lint_FixedEdgeRaisesItsVectorOnce()
    {
        Write(LvtLint0, 0x51);
        Apic.Lint0.Set(true);
        Assert.Equal(0x51, Take());
        Write(Eoi, 0);
        Assert.False(Apic.HasInterrupt);
        Assert.Empty(Ended);
    }

    [Fact]
    public void Lint_FixedLevelIsRaisedAgainByItsEoi()
    {
        Write(LvtLint0, 0x8051);
        Apic.Lint0.Set(true);
        Assert.Equal(0xc051u, Read(LvtLint0));
        Assert.True(IsIn(Tmr, 0x51));
        Assert.Equal(0x51, Take());
        Assert.False(IsIn(Irr, 0x51));
        Write(Eoi, 0);
        Assert.Equal([0x51], Ended);
        Assert.True(IsIn(Irr, 0x51));
        Take();
        Apic.Lint0.Set(false);
        Write(Eoi, 0);
        Assert.False(IsIn(Irr, 0x51));
        Assert.Equal(0x8051u, Read(LvtLint0));
    }

    [Fact]
    public void Lint_RemoteIrrIsReadOnlyAndFallsWithTheMode()
    {
        Write(LvtLint0, 0xc051);
        Assert.Equal(0x8051u, Read(LvtLint0));
        Apic.Lint0.Set(true);
        Write(LvtLint0, 0x8051 | Masked);
        Assert.Equal(0xc051u | Masked, Read(LvtLint0));
        Write(LvtLint0, 0x51 | Masked);
        Assert.Equal(0x51u | Masked, Read(LvtLint0));
    }

    [Fact]
    public void Lint_RemoteIrrWaitsForTheVectorThatWasAccepted()
    {
        Write(LvtLint0, 0x8051);
        Apic.Lint0.Set(true);
        Take();
        Write(LvtLint0, 0x8061);
        Apic.Accept(0x71, levelTriggered: true);
        Take();
        Write(Eoi, 0);
        Assert.Equal(0xc061u, Read(LvtLint0));
        Write(Eoi, 0);
        Assert.True(IsIn(Irr, 0x61));
    }

    [Fact]
    public void Lint1_IsEdgeTriggeredWhateverItsEntrySays()
    {
        Write(LvtLint1, 0x8051);
        Apic.Lint1.Set(true);
        Assert.False(IsIn(Tmr, 0x51));
        Take();
        Write(Eoi, 0);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Lint_PolarityTurnsTheWireAround()
    {
        Apic.Lint0.Set(true);
        Write(LvtLint0, 0x2051);
        Assert.False(Apic.HasInterrupt);
        Apic.Lint0.Set(false);
        Assert.Equal(0x51, Take());
    }

    [Fact]
    public void Lint_IllegalVectorIsLogged()
    {
        Write(LvtLint0, 0x8005);
        Apic.Lint0.Set(true);
        Assert.Equal(0x40u, Errors());
        Assert.Equal(0x8005u, Read(LvtLint0));
    }

    [Fact]
    public void Lint_HeldLevelWithAnIllegalVectorIsLoggedOnce()
    {
        Apic.Accept(0x51, levelTriggered: true);
        Take();
        Write(LvtLint0, 0x8005);
        Apic.Lint0.Set(true);
        Assert.Equal(0x40u, Errors());
        Apic.Lint0.Set(true);
        Assert.Equal(0u, Errors());
        Write(Eoi, 0);
        Assert.Equal([0x51], Ended);
        Assert.Equal(0u, Errors());
        Write(LvtError, 0xfe);
        Write(LvtLint1, 0x400);
        Assert.Equal(0u, Errors());
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Lint_HeldLevelWithAnIllegalVectorIsLoggedAgainByAWriteAndByANewLevel()
    {
        Write(LvtLint0, 0x8005);
        Apic.Lint0.Set(true);
        Assert.Equal(0x40u, Errors());
        Write(LvtLint0, 0x8006);
        Assert.Equal(0x40u, Errors());
        Apic.Lint0.Set(false);
        Apic.Lint0.Set(true);
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void Lint_EoiOfTheAcceptedVectorFindsAnIllegalOneInItsPlace()
    {
        Write(LvtLint0, 0x8051);
        Apic.Lint0.Set(true);
        Take();
        Write(LvtLint0, 0x8005);
        Assert.Equal(0u, Errors());
        Write(Eoi, 0);
        Assert.Equal(0x8005u, Read(LvtLint0));
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void Lint_SmiIsCountedAndDropped()
    {
        Write(LvtLint0, 2 << 8);
        Apic.Lint0.Set(true);
        Apic.Lint0.Set(false);
        Apic.Lint0.Set(true);
        Assert.Equal(2, Apic.SystemManagementInterrupts);
        Assert.False(Apic.HasInterrupt);
        Assert.False(Apic.TryTakeNonMaskable());
        Assert.False(Apic.CanWakeWithInterruptsOff);
    }

    [Fact]
    public void Lint_InitNeedsAProcessorThatCanBeStarted()
    {
        Write(LvtLint0, 5 << 8);
        Apic.Lint0.Set(true);
        Assert.False(Apic.TryTakeInit());
        Assert.False(Apic.CanWakeWithInterruptsOff);

        var processor = new StartableProcessor(0, Queue);
        processor.Write(Svr, 0x1ff);
        processor.Write(LvtLint0, 5 << 8);
        processor.Apic.Lint0.Set(true);
        Assert.True(processor.Apic.CanWakeWithInterruptsOff);
        Assert.Equal(1, processor.Starts);
        Assert.True(processor.Apic.TryTakeInit());
        Assert.Equal(Masked, processor.Read(LvtLint0));
        Assert.False(processor.Apic.TryTakeInit());
    }

    [Fact]
    public void Wake_InterruptsOffOnlyByNmi()
    {
        Assert.False(Apic.CanWakeWithInterruptsOff);
        Write(LvtLint1, 0x400);
        Assert.False(Apic.CanWakeWithInterruptsOff);
        var wire = Apic.Lint1;
        Assert.True(Apic.CanWakeWithInterruptsOff);
        Write(LvtLint1, 0x400 | Masked);
        Assert.False(Apic.CanWakeWithInterruptsOff);
        wire.Set(true);
        Assert.False(Apic.CanWakeWithInterruptsOff);
        Apic.AcceptNonMaskable();
        Assert.True(Apic.CanWakeWithInterruptsOff);
        Apic.TryTakeNonMaskable();
        Apic.Accept(0x51, false);
        Assert.False(Apic.CanWakeWithInterruptsOff);
        Assert.True(Apic.CanWakeWithInterruptsOn);
    }

    [Fact]
    public void Wake_InterruptsOnByAWiredPin()
    {
        Write(LvtLint0, 0x700);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        _ = Apic.Lint0;
        Assert.True(Apic.CanWakeWithInterruptsOn);
        Write(LvtLint0, 0x51);
        Assert.True(Apic.CanWakeWithInterruptsOn);
        Write(Tpr, 0x50);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Write(Tpr, 0);
        Write(LvtLint0, 0x51 | Masked);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Apic.TrySetApicBase(0xfee0_0100);
        Assert.True(Apic.CanWakeWithInterruptsOn);
    }

    [Fact]
    public void Wake_InterruptsOnByTheTimer()
    {
        Write(LvtTimer, 0x51);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Write(InitialCount, 1000);
        Assert.True(Apic.CanWakeWithInterruptsOn);
        Write(LvtTimer, 0x51 | Masked);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Write(LvtTimer, 0x51);
        Write(Tpr, 0x50);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Write(Tpr, 0);
        Queue.Advance(2_000);
        Take();
        Write(Eoi, 0);
        Assert.False(Apic.CanWakeWithInterruptsOn);
        Write(LvtTimer, 0x4_0051);
        Apic.WriteTscDeadline(ulong.MaxValue / 4);
        Assert.True(Apic.CanWakeWithInterruptsOn);
    }
}
