using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

/// <summary>Delivery with double faults and shutdown (SDM vol. 3A, table 6-5), CR2, and gates that lead elsewhere.</summary>
public class ExceptionDeliveryTests
{
    private const ulong Handler = 0x15_0000;
    private const ulong Absent = 0x9000_0000;

    /// <summary>What an instruction ended with.</summary>
    private static Completion Fault(byte vector, uint? error = null, ulong address = 0) => new()
    {
        Kind = CompletionKind.Fault,
        Vector = vector,
        HasErrorCode = error != null,
        ErrorCode = error ?? 0,
        Cr2 = address,
    };

    /// <summary>Gates to <see cref="Handler"/> plus 16 times the vector for the vectors given; others are absent.</summary>
    private static GuestProcessor Long(params byte[] vectors)
    {
        var guest = Descriptors.Long();
        foreach (var vector in vectors)
        {
            SetGate(guest, vector, Handler + (16UL * vector));
        }

        return guest;
    }

    private static void SetGate(GuestProcessor guest, byte vector, ulong handler, int type = 14, int size = 16)
    {
        guest.Write64(GuestProcessor.Idt + ((ulong)vector * (ulong)size), Descriptors.CallGate(handler, 8, 0, type));
    }

    private static ulong HandlerOf(byte vector) => Handler + (16UL * vector);

    [Fact]
    public void Fault_IsDeliveredWithErrorCodeAndRf()
    {
        var guest = Long(13);
        Assert.Equal(CompletionKind.Completed, guest.DeliverException(Fault(13, 0x18)).Kind);
        Assert.Equal(HandlerOf(13), guest.State.Rip);
        var top = guest[GeneralRegister.Rsp];
        Assert.Equal((0x18UL, GuestProcessor.Code, 0x1_0002UL), (guest.Read64(top), guest.Read64(top + 8), guest.Read64(top + 24)));
    }

    [Fact]
    public void PageFault_SetsCr2()
    {
        var guest = Long(14);
        var completion = guest.DeliverException(Fault(14, 6, 0x1234_5678));
        Assert.Equal((0x1234_5678UL, HandlerOf(14)), (guest.State.Cr2, guest.State.Rip));
        Assert.Equal(StateParts.System, completion.Changed & StateParts.System);
    }

    /// <summary>First vector, whose gate is absent (#NP, contributory), and what is delivered instead.</summary>
    [Theory]
    [InlineData(0, 8)]
    [InlineData(10, 8)]
    [InlineData(11, 8)]
    [InlineData(12, 8)]
    [InlineData(13, 8)]
    [InlineData(14, 8)]
    [InlineData(1, 11)]
    [InlineData(3, 11)]
    [InlineData(6, 11)]
    [InlineData(7, 11)]
    [InlineData(16, 11)]
    [InlineData(17, 11)]
    [InlineData(19, 11)]
    public void ContributoryFaultOnTheWay_FollowsTheTable(byte first, byte delivered)
    {
        var guest = Long(8, 11);
        if (first == 11)
        {
            SetGate(guest, 11, Handler, type: 2);
        }
        else
        {
            guest.Write64(GuestProcessor.Idt + (first * 16UL), Descriptors.CallGate(Handler, 8, 0, 14) & ~Descriptors.Present);
        }

        Assert.Equal(CompletionKind.Completed, guest.DeliverException(Fault(first)).Kind);
        Assert.Equal(HandlerOf(delivered), guest.State.Rip);
        var error = guest.Read64(guest[GeneralRegister.Rsp]);
        Assert.Equal(delivered == 8 ? 0UL : ((uint)first * 8) | 3, error);
    }

    /// <summary>First vector, whose gate lies in a page that is not mapped, and what is delivered instead.</summary>
    [Theory]
    [InlineData(33, 14)]
    [InlineData(45, 14)]
    public void PageFaultBehindBenign_IsDeliveredInstead(byte first, byte delivered)
    {
        var guest = Long(8, 14);
        MoveUpperGatesAway(guest);
        Assert.Equal(CompletionKind.Completed, guest.DeliverInterrupt(first).Kind);
        Assert.Equal(HandlerOf(delivered), guest.State.Rip);
        Assert.Equal(0x7fff_f000UL + 0x1000 + ((first - 32UL) * 16), guest.State.Cr2);
    }

    [Fact]
    public void PageFaultBehindContributory_IsDeliveredInstead()
    {
        var guest = Long(8, 14);
        guest.Write64(GuestProcessor.Idt + (13 * 16), Descriptors.CallGate(Handler, 0x38, 0, 14));
        guest.State.Gdtr = new DescriptorTableRegister(0x8000_0000 - 0x38, 0xff);
        guest.Pages.Map(0x7fff_f000, GuestProcessor.Gdt, PageTables.Writable);
        guest.Write64(GuestProcessor.Gdt + 0x1000 - 0x38 + 8, Descriptors.Code64);
        guest.DeliverException(Fault(13, 0));
        Assert.Equal((HandlerOf(14), 0x8000_0000UL), (guest.State.Rip, guest.State.Cr2));
    }

    [Fact]
    public void PageFaultInPageFault_IsDoubleFaultWithTheSecondAddress()
    {
        var guest = Long(8);
        SetGate(guest, 14, HandlerOf(14));
        guest.State[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, GuestProcessor.Tss);
        guest.Write64(GuestProcessor.Idt + (14 * 16), guest.Read64(GuestProcessor.Idt + (14 * 16)) | (1UL << 32));
        guest.Write64(GuestProcessor.Tss + 0x24, Absent + 0x1000);
        guest.DeliverException(Fault(14, 2, 0x5000));
        Assert.Equal(HandlerOf(8), guest.State.Rip);
        Assert.Equal(Absent + 0x1000 - 48, guest.State.Cr2);
        Assert.Equal(0UL, guest.Read64(guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void DoubleFaultWithoutHandler_IsShutdown()
    {
        var guest = Long();
        guest.State.Idtr = default;
        var general = guest.State.General;
        Assert.Equal(CompletionKind.Shutdown, guest.DeliverException(Fault(6)).Kind);
        Assert.Equal(general[4], guest[GeneralRegister.Rsp]);
        Assert.Equal(GuestProcessor.Code, guest.State.Rip);
    }

    [Fact]
    public void FaultOfSoftwareInterrupt_IsNoDoubleFault()
    {
        // #NP for the gate of INT 0x80 is the instruction's own fault, and so is its page fault.
        var guest = Long(8, 11);
        var fault = guest.Run(a => a.@int(0x80));
        Assert.Equal((CompletionKind.Fault, 13), (fault.Kind, fault.Vector));
        SetGate(guest, 0x80, Handler);
        guest.Write64(GuestProcessor.Idt + 0x800, guest.Read64(GuestProcessor.Idt + 0x800) & ~Descriptors.Present);
        fault = guest.Run(a => a.@int(0x80));
        Assert.Equal((11, 0x402u), (fault.Vector, fault.ErrorCode));
        guest.DeliverException(fault);
        Assert.Equal(HandlerOf(11), guest.State.Rip);
    }

    [Fact]
    public void ExternalInterrupt_MarksExtInTheFaultItMeets()
    {
        var guest = Long(11);
        SetGate(guest, 0x40, Handler);
        guest.Write64(GuestProcessor.Idt + 0x400, guest.Read64(GuestProcessor.Idt + 0x400) & ~Descriptors.Present);
        guest.DeliverInterrupt(0x40);
        Assert.Equal(0x203UL, guest.Read64(guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void ExternalInterrupt_SavesFlagsWithoutRf()
    {
        var guest = Long(0x40);
        guest.State.Rflags = 0x202;
        guest.DeliverInterrupt(0x40);
        Assert.Equal((0x202UL, 2UL), (guest.Read64(guest[GeneralRegister.Rsp] + 16), guest.State.Rflags));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TaskGate_NamesTheTaskSwitch(bool isPresent)
    {
        var guest = Descriptors.Protected();
        SetGate(guest, 8, Handler, type: 5, size: 8);
        SetGate(guest, 11, Handler, type: 14, size: 8);
        if (!isPresent)
        {
            guest.Write64(GuestProcessor.Idt + 64, guest.Read64(GuestProcessor.Idt + 64) & ~Descriptors.Present);
        }

        var completion = guest.DeliverException(Fault(8, 0));
        Assert.Equal(isPresent ? (CompletionKind.Unsupported, UnsupportedReason.TaskSwitch) : (CompletionKind.Shutdown, UnsupportedReason.None),
            (completion.Kind, completion.Reason));
    }

    [Fact]
    public void RealMode_WithoutTable_IsShutdown()
    {
        var guest = GuestProcessor.Real();
        guest.State.Idtr = new DescriptorTableRegister(0, 3);
        Assert.Equal(CompletionKind.Shutdown, guest.DeliverException(Fault(13)).Kind);
    }

    [Fact]
    public void RealMode_PushesNoErrorCode()
    {
        var guest = GuestProcessor.Real();
        guest.Write(13 * 4, [0x34, 0x12, 0, 0x15]);
        guest.DeliverException(Fault(13));
        Assert.Equal((0x1234UL, 0x1500, 0x7ffaUL), (guest.State.Rip, guest.State[SegmentName.Cs].Selector, guest[GeneralRegister.Rsp]));
        Assert.Equal([0x00, 0x01, 0x00, 0x10], guest.Read(0x2_7ffa, 4));
    }

    [Fact]
    public void InProtectedMode_HandlerInConformingCode_KeepsLevel()
    {
        var guest = Descriptors.Protected(3);
        guest.Write64(GuestProcessor.Gdt + 0x38, Descriptors.Code32 | Descriptors.Conforming);
        guest.Write64(GuestProcessor.Idt + (13 * 8), Descriptors.CallGate(Handler, 0x38, 0, 14));
        guest.DeliverException(Fault(13, 0));
        Assert.Equal((Handler, 0x3b, GuestProcessor.Stack - 16), (guest.State.Rip, guest.State[SegmentName.Cs].Selector, guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void InProtectedMode_16BitGate_PushesWords()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Idt + (6 * 8), Descriptors.CallGate(0x1234, 8, 0, 6));
        guest.DeliverException(Fault(6));
        Assert.Equal((0x1234UL, GuestProcessor.Stack - 6), (guest.State.Rip, guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void InProtectedMode_16BitTss_HoldsTheInnerStackInWords()
    {
        var guest = Descriptors.Protected(3);
        guest.State[SegmentName.Tr] = guest.State[SegmentName.Tr] with { Attributes = 0x83, Limit = 0x2b };
        guest.Write64(GuestProcessor.Gdt + 0x38, 0x0000_9320_0000_ffff);
        guest.Write64(GuestProcessor.Tss, (0x8000UL << 16) | (0x38UL << 32));
        guest.Write64(GuestProcessor.Idt + (6 * 8), Descriptors.CallGate(Handler, 8, 0, 14));
        guest.DeliverException(Fault(6));
        Assert.Equal((Handler, 0x38, 0x7fecUL), (guest.State.Rip, guest.State[SegmentName.Ss].Selector, guest[GeneralRegister.Rsp] & 0xffff));
        Assert.Equal(GuestProcessor.Code, (uint)guest.Read64(0x20_7fec));
    }

    [Theory]
    [InlineData(0UL, 10, 1u)]
    [InlineData(0x20UL, 10, 0x21u)]
    public void InProtectedMode_BadInnerStack_IsInvalidTssWithExt(ulong selector, byte delivered, uint error)
    {
        // #TS itself goes to conforming code, which needs no other stack.
        var guest = Descriptors.Protected(3);
        guest.Write64(GuestProcessor.Gdt + 0x38, Descriptors.Code32 | Descriptors.Conforming);
        guest.Write64(GuestProcessor.Idt + (6 * 8), Descriptors.CallGate(Handler, 8, 0, 14));
        guest.Write64(GuestProcessor.Idt + (delivered * 8UL), Descriptors.CallGate(Handler, 0x38, 0, 14));
        guest.Write64(GuestProcessor.Tss + 4, 0x31_0000 | (selector << 32));
        guest.DeliverException(Fault(6));
        Assert.Equal(0x3b, guest.State[SegmentName.Cs].Selector);
        Assert.Equal(error, (uint)guest.Read64(guest[GeneralRegister.Rsp]));
    }

    /// <summary>The table's first two pages: vectors below 32 in a mapped half page before 2 GiB, the rest behind it, unmapped.</summary>
    private static void MoveUpperGatesAway(GuestProcessor guest)
    {
        guest.Pages.Map(0x7fff_f000, GuestProcessor.Idt, PageTables.Writable);
        var gates = guest.Read(GuestProcessor.Idt, 0x200);
        guest.Write(GuestProcessor.Idt + 0xe00, gates);
        guest.State.Idtr = new DescriptorTableRegister(0x7fff_fe00, 0xfff);
    }
}
