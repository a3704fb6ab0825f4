using HvRunner.Abstractions;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>Instructions executed in KVM's place: what waits comes when it may, once, and what is KVM's to do is left as it was.</summary>
public class InstructionStretchTests
{
    private const byte Sti = 0xfb;
    private const byte Nop = 0x90;
    private const byte Hlt = 0xf4;
    private const byte Iret = 0xcf;
    private const byte Vector = 0x20;
    private const ulong InterruptFlag = 1 << 9;
    private const ulong TrapFlag = 1 << 8;
    private const ulong ResumeFlag = 1 << 16;
    private const ulong LongModeActive = 1 << 10;

    [Fact]
    public void Stretch_IsOverWhenTheHostSaysSo()
    {
        var guest = new StretchGuest(Nop, Nop, Nop, Nop);
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 3));
        Assert.Equal((3, StretchGuest.Code + 3ul), (guest.Executed, guest.State.Rip));
    }

    [Fact]
    public void Stretch_IsOverSomeTimeInAnyCase()
    {
        var guest = new StretchGuest(0xeb, 0xfe);
        Assert.Equal(StretchEnd.Over, guest.Run());
        Assert.Equal(1000, guest.Executed);
    }

    [Fact]
    public void Interrupt_ComesWhenFlagAndShadowLetIt()
    {
        var guest = new StretchGuest(Nop, Sti, Nop, Nop);
        guest.Events.interrupt_injected = 1;
        guest.Events.interrupt_nr = Vector;
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal(2, guest.Events.interrupt_shadow);
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal(StretchGuest.HandlerOf(Vector), guest.State.Rip);
        Assert.Equal(StretchGuest.Code + 3, guest.StackAt(0));
        Assert.Equal((0, 0, 0), (guest.Events.interrupt_injected, guest.Events.interrupt_shadow, guest.Interruptible));
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal((StretchGuest.Code + 4ul, 2), (guest.State.Rip, guest.Interruptible));
    }

    /// <summary>With the error code that KVM says, CR2 as it is, and RF in the flags that it saves.</summary>
    [Fact]
    public void Exception_ComesBeforeAnInterrupt()
    {
        var guest = new StretchGuest(Nop);
        guest.State.Rflags |= InterruptFlag;
        guest.State.Cr2 = 0x1234_5000;
        guest.Events.interrupt_injected = 1;
        guest.Events.interrupt_nr = Vector;
        guest.Events.exception_injected = 1;
        guest.Events.exception_nr = 14;
        guest.Events.exception_has_error_code = 1;
        guest.Events.exception_error_code = 6;
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 1));
        Assert.Equal((StretchGuest.HandlerOf(14), 0x1234_5000ul, 0), (guest.State.Rip, guest.State.Cr2, guest.Executed));
        Assert.Equal((6u, StretchGuest.Code), (guest.StackAt(0), guest.StackAt(1)));
        Assert.Equal(InterruptFlag | ResumeFlag | 2, guest.StackAt(3));
        Assert.Equal((0, 1), (guest.Events.exception_injected, guest.Events.interrupt_injected));
    }

    [Fact]
    public void NonMaskable_WaitsForTheEndOfTheOneBefore()
    {
        // The first handler: nop; iret
        var guest = new StretchGuest(Nop, Nop);
        guest.SetGate(2, Nop, Iret);
        guest.Events.nmi_pending = 2;
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal(StretchGuest.HandlerOf(2) + 1, guest.State.Rip);
        Assert.Equal((1, 1), (guest.Events.nmi_pending, guest.Events.nmi_masked));
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal(StretchGuest.HandlerOf(2), guest.State.Rip);
        Assert.Equal(StretchGuest.Code, guest.StackAt(0));
        Assert.Equal((0, 1), (guest.Events.nmi_pending, guest.Events.nmi_masked));
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 2));
        Assert.Equal((StretchGuest.Code + 0ul, 0), (guest.State.Rip, guest.Events.nmi_masked));
    }

    /// <summary>KVM had begun to deliver it, and counts it as being handled.</summary>
    [Fact]
    public void NonMaskable_ThatKvmHasBegunComesThoughMasked()
    {
        var guest = new StretchGuest(Nop);
        guest.Events.nmi_injected = 1;
        guest.Events.nmi_pending = 1;
        guest.Events.nmi_masked = 1;
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 1));
        Assert.Equal(StretchGuest.HandlerOf(2), guest.State.Rip);
        Assert.Equal((0, 1, 1), (guest.Events.nmi_injected, guest.Events.nmi_pending, guest.Events.nmi_masked));
    }

    [Theory]
    [InlineData(new byte[] { 0x0f, 0x0b })] // ud2
    [InlineData(new byte[] { 0xc5, 0xf0, 0x58, 0xc2 })] // vaddps xmm0, xmm1, xmm2
    [InlineData(new byte[] { 0x0f, 0x32 })] // rdmsr, of none that there is
    [InlineData(new byte[] { 0x66, 0x0f, 0x58, 0xc1 })] // addpd xmm0, xmm1, which CPUID does not show
    [InlineData(new byte[] { 0x0f, 0x22, 0xe0 })] // mov cr4, eax, with a bit that is not known
    public void Refused_LeavesAllAsItWas(byte[] code)
    {
        var guest = new StretchGuest([Sti, .. code]);
        guest.State[GeneralRegister.Rax] = 1 << 22;
        Assert.Equal(StretchEnd.Refused, guest.Run());
        Assert.Equal((1, StretchGuest.Code + 1ul), (guest.Executed, guest.State.Rip));
        Assert.Equal((2, 0), (guest.Events.interrupt_shadow, guest.Events.exception_injected));
        Assert.Equal(StretchEnd.Refused, guest.Run());
        Assert.Equal((0, StateParts.None), (guest.Executed, guest.Changed));
    }

    /// <summary>Protection keys, say: instructions would behave as if they were off.</summary>
    [Fact]
    public void ControlBitThatIsNotKnown_IsKvms()
    {
        var guest = new StretchGuest(Nop) { State = { Cr4 = 1 << 22 } };
        Assert.Equal(StretchEnd.Refused, guest.Run());
        Assert.Equal(StateParts.None, guest.Changed);
    }

    /// <summary>CS.L outside long mode is nothing that KVM could be told, so what comes of it cannot be left to KVM.</summary>
    [Fact]
    public void GeneralProtection_ThatKvmWouldNotSeeIsDelivered()
    {
        // mov cr0, eax: paging, with LME and PAE
        var guest = new StretchGuest(0x0f, 0x22, 0xc0);
        guest.State[GeneralRegister.Rax] = 0x8000_0031;
        guest.State.Efer = 1 << 8;
        guest.State.Cr4 = 1 << 5;
        guest.State[SegmentName.Cs] = SegmentRegister.FlatCode32(8) with { Attributes = 0xe09b };
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 1));
        Assert.Equal(StretchGuest.HandlerOf(13), guest.State.Rip);
        Assert.Equal(0ul, guest.State.Efer & LongModeActive);
    }

    [Fact]
    public void Halt_EndsTheShadow()
    {
        var guest = new StretchGuest(Sti, Hlt);
        Assert.Equal(StretchEnd.Halted, guest.Run());
        Assert.Equal((StretchGuest.Code + 2ul, 2, 0), (guest.State.Rip, guest.Executed, guest.Events.interrupt_shadow));
    }

    [Fact]
    public void Fault_IsDelivered()
    {
        // div eax, by zero
        var guest = new StretchGuest(0xf7, 0xf0);
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 1));
        Assert.Equal((StretchGuest.HandlerOf(0), 0), (guest.State.Rip, guest.Executed));
        Assert.Equal(StretchGuest.Code, guest.StackAt(0));
    }

    [Fact]
    public void FaultWithoutAnyHandler_IsAShutdown()
    {
        var guest = new StretchGuest(Nop, 0xf7, 0xf0) { State = { Idtr = default } };
        Assert.Equal(StretchEnd.Shutdown, guest.Run());
        Assert.Equal((1, StretchGuest.Code + 1ul), (guest.Executed, guest.State.Rip));
    }

    [Fact]
    public void SingleStep_TrapsBehindTheInstruction()
    {
        const ulong SingleStep = 1 << 14;
        var guest = new StretchGuest(Nop, Nop);
        guest.State.Rflags |= TrapFlag;
        Assert.Equal(StretchEnd.Over, guest.Run(steps: 1));
        Assert.Equal((StretchGuest.HandlerOf(1), 1), (guest.State.Rip, guest.Executed));
        Assert.Equal(StretchGuest.Code + 1, guest.StackAt(0));
        Assert.Equal((SingleStep, StateParts.Debug), (guest.State.Debug[6] & SingleStep, guest.Changed & StateParts.Debug));
    }

    /// <summary>The library switches no tasks. The instruction is done, so its trap is KVM's to deliver and not to find.</summary>
    [Fact]
    public void TrapByTaskGate_IsLeftToKvm()
    {
        var guest = new StretchGuest(Nop, Nop);
        guest.SetTaskGate(1);
        guest.State.Rflags |= TrapFlag;
        Assert.Equal(StretchEnd.Refused, guest.Run());
        Assert.Equal((StretchGuest.Code + 1ul, 1), (guest.State.Rip, guest.Executed));
        Assert.Equal((1, 1), (guest.Events.exception_injected, guest.Events.exception_nr));
    }

    [Fact]
    public void InterruptByTaskGate_IsLeftToKvm()
    {
        var guest = new StretchGuest(Nop);
        guest.SetTaskGate(Vector);
        guest.State.Rflags |= InterruptFlag;
        guest.Events.interrupt_injected = 1;
        guest.Events.interrupt_nr = Vector;
        Assert.Equal(StretchEnd.Refused, guest.Run());
        Assert.Equal((1, StateParts.None), (guest.Events.interrupt_injected, guest.Changed));
    }

    [Fact]
    public void ForgottenTranslations_AreTold()
    {
        // mov eax, cr3; mov cr3, eax
        var guest = new StretchGuest(0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, Nop);
        guest.Run(steps: 1);
        Assert.False(guest.Flushes);
        guest.Run(steps: 1);
        Assert.True(guest.Flushes);
        guest.Run(steps: 1);
        Assert.False(guest.Flushes);
    }
}
