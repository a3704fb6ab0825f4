namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the SDM's local APIC chapter each: accepting, ordering, ending, errors, IPIs.</summary>
public sealed class LocalApicInterruptTests : LocalApicFixture
{
    public LocalApicInterruptTests() => Enable();

    [Fact]
    public void Accept_SetsIrrAndSignalsOnce()
    {
        Apic.Accept(0x51, levelTriggered: false);
        Assert.True(IsIn(Irr, 0x51));
        Assert.Equal(1, Signals);
        Apic.Accept(0x51, levelTriggered: false);
        Assert.Equal(1, Signals);
        Assert.True(Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(255)]
    public void Acknowledge_MovesTheVectorFromIrrToIsr(int vector)
    {
        Apic.Accept((byte)vector, levelTriggered: false);
        Assert.Equal(vector, Take());
        Assert.False(IsIn(Irr, vector));
        Assert.True(IsIn(Isr, vector));
        Write(Eoi, 0);
        Assert.False(IsIn(Isr, vector));
    }

    [Fact]
    public void Acknowledge_TakesTheHighestFirst()
    {
        Apic.Accept(0x41, false);
        Apic.Accept(0x91, false);
        Apic.Accept(0x61, false);
        Assert.Equal(0x91, Take());
        Write(Eoi, 0);
        Assert.Equal(0x61, Take());
        Write(Eoi, 0);
        Assert.Equal(0x41, Take());
    }

    [Fact]
    public void Service_HoldsBackItsOwnClass()
    {
        Apic.Accept(0x51, false);
        Take();
        Apic.Accept(0x5f, false);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(-1, Take());
        Write(Eoi, 0);
        Assert.Equal(0x5f, Take());
    }

    [Fact]
    public void Service_LetsAHigherClassThrough()
    {
        Apic.Accept(0x51, false);
        Take();
        Apic.Accept(0x60, false);
        Assert.Equal(0x60, Take());
        Assert.True(IsIn(Isr, 0x51));
        Write(Eoi, 0);
        Assert.False(IsIn(Isr, 0x60));
        Assert.True(IsIn(Isr, 0x51));
    }

    [Fact]
    public void Irr_HoldsOneMoreWhileInService()
    {
        Apic.Accept(0x51, false);
        Take();
        Apic.Accept(0x51, false);
        Assert.True(IsIn(Irr, 0x51));
        Assert.True(IsIn(Isr, 0x51));
        Write(Eoi, 0);
        Assert.Equal(0x51, Take());
    }

    [Theory]
    [InlineData(0x00, 0x00, 0x00)]
    [InlineData(0x35, 0x00, 0x35)]
    [InlineData(0x35, 0x51, 0x50)]
    [InlineData(0x55, 0x51, 0x55)]
    [InlineData(0x65, 0x51, 0x65)]
    [InlineData(0x4f, 0x51, 0x50)]
    public void Ppr_IsTprOrTheClassInService(uint tpr, int inService, uint ppr)
    {
        if (inService != 0)
        {
            Apic.Accept((byte)inService, false);
            Take();
        }

        Write(Tpr, tpr);
        Assert.Equal(ppr, Read(Ppr));
    }

    [Fact]
    public void Tpr_HoldsBackItsClassAndBelow()
    {
        Write(Tpr, 0x50);
        Apic.Accept(0x5f, false);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Signals);
        Write(Tpr, 0x4f);
        Assert.Equal(1, Signals);
        Assert.Equal(0x5f, Take());
    }

    [Fact]
    public void TaskPriority_IsTheTpr()
    {
        Write(Tpr, 0x5a);
        Assert.Equal(0x5a, Apic.TaskPriority);
        Apic.TaskPriority = 0x70;
        Assert.Equal(0x70u, Read(Tpr));
        Apic.Accept(0x7f, false);
        Assert.False(Apic.HasInterrupt);
        Apic.TaskPriority = 0x60;
        Assert.Equal(1, Signals);
        Assert.True(Apic.HasInterrupt);
    }

    [Fact]
    public void Tmr_ShowsHowTheVectorWasLastAccepted()
    {
        Apic.Accept(0x51, levelTriggered: true);
        Assert.True(IsIn(Tmr, 0x51));
        Take();
        Assert.True(IsIn(Tmr, 0x51));
        Apic.Accept(0x51, levelTriggered: false);
        Assert.False(IsIn(Tmr, 0x51));
    }

    [Fact]
    public void Eoi_BroadcastsLevelTriggeredVectorsOnly()
    {
        Apic.Accept(0x51, levelTriggered: true);
        Apic.Accept(0x61, levelTriggered: false);
        Take();
        Write(Eoi, 0);
        Assert.Empty(Ended);
        Take();
        Write(Eoi, 0);
        Assert.Equal([0x51], Ended);
    }

    [Fact]
    public void Eoi_WithNothingInServiceDoesNothing()
    {
        Apic.Accept(0x51, levelTriggered: true);
        Write(Eoi, 0);
        Assert.True(IsIn(Irr, 0x51));
        Assert.Empty(Ended);
        Assert.Equal(0u, Errors());
    }

    [Fact]
    public void Eoi_TakesAnyValueAndSignalsWhatWaited()
    {
        Apic.Accept(0x51, false);
        Take();
        Apic.Accept(0x52, false);
        Signals = 0;
        Write(Eoi, 0xdead_beef);
        Assert.Equal(1, Signals);
        Assert.True(Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    public void Accept_IllegalVectorIsAnErrorAndNoRequest(int vector)
    {
        Apic.Accept((byte)vector, false);
        Assert.Equal(0u, Read(Irr));
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void SoftwareDisabled_AcceptsNoFixedInterrupt()
    {
        Write(Svr, 0xff);
        Apic.Accept(0x51, false);
        Write(IcrLow, 0x4_4051);
        Assert.False(IsIn(Irr, 0x51));
        Apic.Accept(3, false);
        Assert.Equal(0u, Errors());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void InjectedNmi_IsPendingOnceWhateverTheSwitchesSay(bool switchedOff)
    {
        if (switchedOff)
        {
            Assert.True(Apic.TrySetApicBase(Apic.ApicBase & ~0x800ul));
        }

        var before = Signals;
        Assert.False(Apic.HasNonMaskable);
        Apic.InjectNonMaskable();
        Apic.InjectNonMaskable();
        Assert.True(Signals > before);
        Assert.True(Apic.HasNonMaskable && Apic.CanWakeWithInterruptsOff);
        Assert.True(Apic.TryTakeNonMaskable());
        Assert.False(Apic.HasNonMaskable || Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void SoftwareDisabled_TakesNmi()
    {
        Write(Svr, 0xff);
        Apic.AcceptNonMaskable();
        Assert.Equal(1, Signals);
        Assert.True(Apic.TryTakeNonMaskable());
        Assert.False(Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void SoftwareDisabled_HoldsWhatIsPending()
    {
        Apic.Accept(0x51, false);
        Apic.Accept(0x61, false);
        Take();
        Write(Svr, 0xff);
        Assert.True(IsIn(Irr, 0x51));
        Assert.True(IsIn(Isr, 0x61));
        Write(Eoi, 0);
        Assert.Equal(0x51, Take());
    }

    [Fact]
    public void SoftwareDisabled_MasksEveryEntryAndKeepsThemMasked()
    {
        for (var offset = LvtTimer; offset <= LvtError; offset += 0x10)
        {
            Write(offset, 0x40);
        }

        Write(Svr, 0xff);
        for (var offset = LvtTimer; offset <= LvtError; offset += 0x10)
        {
            Assert.Equal(0x40u | Masked, Read(offset));
            Write(offset, 0x41);
            Assert.Equal(0x41u | Masked, Read(offset));
        }

        Enable();
        Assert.Equal(0x41u | Masked, Read(LvtTimer));
        Write(LvtTimer, 0x41);
        Assert.Equal(0x41u, Read(LvtTimer));
    }

    [Fact]
    public void Esr_ShowsWhatWasLoggedBeforeTheWrite()
    {
        Apic.Accept(1, false);
        Assert.Equal(0u, Read(Esr));
        Write(Esr, 0xffff_ffff);
        Assert.Equal(0x40u, Read(Esr));
        Assert.Equal(0x40u, Read(Esr));
        Write(Esr, 0);
        Assert.Equal(0u, Read(Esr));
    }

    [Fact]
    public void Error_RaisesItsEntryOnceUntilEsrIsWritten()
    {
        Write(LvtError, 0xfe);
        Apic.Accept(1, false);
        Assert.Equal(0xfe, Take());
        Write(Eoi, 0);
        Apic.Accept(2, false);
        Assert.Equal(-1, Take());
        Write(Esr, 0);
        Apic.Accept(3, false);
        Assert.Equal(0xfe, Take());
    }

    [Fact]
    public void Error_MaskedIsOnlyLogged()
    {
        Write(LvtError, 0xfe | Masked);
        Apic.Accept(1, false);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0x40u, Errors());
    }

    [Fact]
    public void Error_WithAnIllegalVectorOfItsOwnIsLoggedToo()
    {
        Write(LvtError, 0x05);
        Read(0x3f0);
        Assert.Equal(0xc0u, Errors());
        Assert.False(Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(0x4_0000u)]
    [InlineData(0x4_4000u)]
    [InlineData(0x8_4000u)]
    [InlineData(0x4_c000u)]
    public void SelfIpi_IsAnEdgeToItself(uint command)
    {
        Write(IcrLow, command | 0x51);
        Assert.True(IsIn(Irr, 0x51));
        Assert.False(IsIn(Tmr, 0x51));
        Assert.Equal(1, Signals);
        Assert.Equal(0x51, Take());
    }

    [Theory]
    [InlineData(0x4_4400u)]
    [InlineData(0x8_4400u)]
    public void SelfIpi_NmiIsPendingOnce(uint command)
    {
        Write(IcrLow, command);
        Write(IcrLow, command);
        Assert.True(Apic.TryTakeNonMaskable());
        Assert.False(Apic.TryTakeNonMaskable());
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Ipi_AllButSelfReachesNobody()
    {
        Write(IcrHigh, 0);
        Write(IcrLow, 0xc_4051);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0u, Errors());
    }

    [Fact]
    public void Ipi_LevelWithoutAssertSaysNothing()
    {
        Write(IcrLow, 0x4_8051);
        Assert.False(Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(0x00, true)]
    [InlineData(0xff, true)]
    [InlineData(0x01, false)]
    public void Ipi_PhysicalDestinationIsTheIdOrBroadcast(uint destination, bool reached)
    {
        Write(IcrHigh, destination << 24);
        Assert.False(Apic.HasInterrupt);
        Write(IcrLow, 0x4051);
        Assert.Equal(reached, Apic.HasInterrupt);
    }

    [Theory]
    [InlineData(0xffff_ffffu, 0x04u, 0x06u, true)]
    [InlineData(0xffff_ffffu, 0x04u, 0x03u, false)]
    [InlineData(0xffff_ffffu, 0x00u, 0xffu, true)]
    [InlineData(0x0fff_ffffu, 0x34u, 0x36u, true)]
    [InlineData(0x0fff_ffffu, 0x34u, 0x26u, false)]
    [InlineData(0x0fff_ffffu, 0x34u, 0x33u, false)]
    [InlineData(0x7fff_ffffu, 0x34u, 0x34u, false)]
    [InlineData(0x7fff_ffffu, 0x34u, 0xffu, true)]
    public void Ipi_LogicalDestinationFollowsItsModel(uint dfr, uint ldr, uint destination, bool reached)
    {
        Write(Dfr, dfr);
        Write(Ldr, ldr << 24);
        Write(IcrHigh, destination << 24);
        Write(IcrLow, 0x4851);
        Assert.Equal(reached, Apic.HasInterrupt);
    }

    [Fact]
    public void Ipi_IllegalVectorIsAnErrorOfSenderAndReceiver()
    {
        Write(IcrLow, 0xc_400f);
        Assert.Equal(0x20u, Errors());
        Write(IcrLow, 0x4_400f);
        Assert.Equal(0x60u, Errors());
        Assert.Equal(0u, Read(Irr));
    }

    [Fact]
    public void Ipi_LowestPriorityIsArbitrated()
    {
        Write(IcrLow, 0x8_4105);
        Assert.Equal(0x60u, Errors());
        Write(IcrLow, 0x8_4151);
        Assert.Equal(0x51, Take());
        Write(IcrLow, 0xc_4151);
        Assert.Equal(-1, Take());
        Assert.Equal(0u, Errors());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(6)]
    public void Ipi_ModesThatNobodyTakesAreDropped(uint mode)
    {
        Write(IcrLow, 0x4_4051 | (mode << 8));
        Assert.False(Apic.HasInterrupt);
        Assert.False(Apic.TryTakeNonMaskable());
        Assert.False(Apic.TryTakeInit());
        Assert.False(Apic.TryTakeStartUp(out _));
        Assert.Equal(0u, Errors());
    }

    [Fact]
    public void Ipi_SmiIsCountedAndDropped()
    {
        Write(IcrLow, 0x4_4200);
        Write(IcrLow, 0x8_4200);
        Assert.Equal(2, Apic.SystemManagementInterrupts);
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Signals);
    }

    [Fact]
    public void Ipi_ExtIntAsksThe8259Once()
    {
        Write(IcrLow, 0x4_4700);
        Assert.Equal(1, Signals);
        Assert.True(Apic.CanWakeWithInterruptsOn);
        Assert.Equal(ExternalVector, Take());
        Assert.Equal(-1, Take());
        Write(Svr, 0xff);
        Write(IcrLow, 0x4_4700);
        Assert.Equal(-1, Take());
        Assert.Equal(1, Acknowledges);
    }

    [Fact]
    public void Eoi_SuppressedBroadcastStaysWithSoftware()
    {
        Write(Svr, 0x11ff);
        Apic.Accept(0x51, levelTriggered: true);
        Take();
        Write(Eoi, 0);
        Assert.False(IsIn(Isr, 0x51));
        Assert.Empty(Ended);
        Write(Svr, 0x1ff);
        Apic.Accept(0x51, levelTriggered: true);
        Take();
        Write(Eoi, 0);
        Assert.Equal([0x51], Ended);
    }

    [Fact]
    public void Spurious_RequestThatIsHeldBackByAcknowledgeTimeIsNotDelivered()
    {
        Apic.Accept(0x51, false);
        Assert.True(Apic.HasInterrupt);
        Write(Tpr, 0x50);
        Assert.Equal(-1, Take());
        Assert.True(IsIn(Irr, 0x51));
        Assert.False(IsIn(Isr, 0xff) || IsIn(Isr, 0x51));
    }
}
