using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

public class InterruptDeliveryTests
{
    private const ulong Handler = 0x15_0000;
    private const ulong Code64 = 0x00af_9b00_0000_ffff;
    private const ulong Code32 = 0x00cf_9b00_0000_ffff;
    private const ulong Data32 = 0x00cf_9300_0000_ffff;

    private static void SetGate(GuestProcessor guest, byte vector, int type, int dpl, int stack = 0, ushort selector = 8)
    {
        var isLong = guest.State.Efer != 0;
        var address = GuestProcessor.Idt + ((ulong)vector * (isLong ? 16u : 8u));
        guest.Write64(address, (Handler & 0xffff) | ((ulong)selector << 16) | ((ulong)stack << 32) | ((ulong)type << 40) |
            ((ulong)dpl << 45) | (1UL << 47) | ((Handler & 0xffff_0000) << 32));
        if (isLong)
        {
            guest.Write64(address + 8, 0);
        }
    }

    private static GuestProcessor Long(int cpl = 0)
    {
        var guest = GuestProcessor.Long(cpl);
        guest.Write64(GuestProcessor.Gdt + 8, Code64);
        guest.Write64(GuestProcessor.Gdt + 16, Data32);
        guest.State.Rflags = 0x302;
        return guest;
    }

    [Fact]
    public void Int3_InLongMode_PushesFrameAndClearsIfAndTf()
    {
        var guest = Long();
        guest[GeneralRegister.Rsp] = GuestProcessor.Stack + 5;
        SetGate(guest, 3, 14, 0);
        var completion = guest.Run(a => a.int3());
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        Assert.Equal(StateParts.General | StateParts.System, completion.Changed);
        Assert.Equal(Handler, guest.State.Rip);
        Assert.Equal(2UL, guest.State.Rflags);
        var top = GuestProcessor.Stack - 40;
        Assert.Equal(top, guest[GeneralRegister.Rsp]);
        Assert.Equal(GuestProcessor.Code + 1, guest.Read64(top));
        Assert.Equal(8UL, guest.Read64(top + 8));
        Assert.Equal(0x302UL, guest.Read64(top + 16));
        Assert.Equal(GuestProcessor.Stack + 5, guest.Read64(top + 24));
        Assert.Equal(16UL, guest.Read64(top + 32));
    }

    [Fact]
    public void Int_ThroughTrapGate_KeepsIf()
    {
        var guest = Long();
        SetGate(guest, 0x80, 15, 0);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.@int(0x80)).Kind);
        Assert.Equal(0x202UL, guest.State.Rflags);
    }

    [Fact]
    public void Int_FromRing3_SwitchesToRsp0AndNullStackSegment()
    {
        var guest = Long(3);
        SetGate(guest, 0x80, 14, 3);
        guest.Write64(GuestProcessor.Tss + 4, 0x31_0000);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.@int(0x80)).Kind);
        Assert.Equal(0x31_0000UL - 40, guest[GeneralRegister.Rsp]);
        Assert.Equal((0, 8), (guest.State[SegmentName.Ss].Selector, guest.State[SegmentName.Cs].Selector));
        Assert.Equal(0, guest.State[SegmentName.Ss].Dpl);
        Assert.Equal(0xbUL, guest.Read64(0x31_0000 - 32));
    }

    [Fact]
    public void Int_WithInterruptStack_UsesIt()
    {
        var guest = Long();
        SetGate(guest, 0x80, 14, 0, stack: 3);
        guest.Write64(GuestProcessor.Tss + 0x24 + 16, 0x32_0000);
        guest.Run(a => a.@int(0x80));
        Assert.Equal(0x32_0000UL - 40, guest[GeneralRegister.Rsp]);
        Assert.Equal(16, guest.State[SegmentName.Ss].Selector);
    }

    [Fact]
    public void Int_ThroughGateOfLowerDpl_IsGeneralProtectionWithGate()
    {
        var guest = Long(3);
        SetGate(guest, 0x80, 14, 0);
        guest.Fault(13, (0x80 * 8) + 2, a => a.@int(0x80));
    }

    [Fact]
    public void Int_BeyondIdtOrAbsentGate_Faults()
    {
        var guest = Long();
        guest.Fault(13, (0x90 * 8) + 2, a => a.@int(0x90));
        SetGate(guest, 0x80, 14, 0);
        guest.Write64(GuestProcessor.Idt + 0x800, guest.Read64(GuestProcessor.Idt + 0x800) & ~(1UL << 47));
        guest.Fault(11, (0x80 * 8) + 2, a => a.@int(0x80));
        guest.State.Idtr = guest.State.Idtr with { Limit = 0x7ff };
        guest.Fault(13, (0x80 * 8) + 2, a => a.@int(0x80));
    }

    [Fact]
    public void Int_WithUnmappedStack_FaultsWithNothingWritten()
    {
        var guest = Long();
        SetGate(guest, 0x80, 14, 0);
        guest[GeneralRegister.Rsp] = 0x8000_0010;
        guest.Fault(14, 2, a => a.@int(0x80));
        Assert.Equal(8, guest.State[SegmentName.Cs].Selector);
    }

    [Fact]
    public void Deliver_OfException_PushesErrorCodeAndRf()
    {
        var guest = Long();
        SetGate(guest, 14, 14, 0);
        Assert.Equal(CompletionKind.Completed, guest.Deliver(14, 6, true).Kind);
        var top = GuestProcessor.Stack - 48;
        Assert.Equal(top, guest[GeneralRegister.Rsp]);
        Assert.Equal(6UL, guest.Read64(top));
        Assert.Equal(GuestProcessor.Code, guest.Read64(top + 8));
        Assert.Equal(0x1_0302UL, guest.Read64(top + 24));
    }

    [Fact]
    public void Int3_InProtectedMode_PushesThreeDoublewords()
    {
        var guest = GuestProcessor.Protected();
        guest.Write64(GuestProcessor.Gdt + 8, Code32);
        SetGate(guest, 3, 14, 0);
        guest.State.Rflags = 0x4202;
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.int3()).Kind);
        Assert.Equal((Handler, 2UL), (guest.State.Rip, guest.State.Rflags));
        Assert.Equal(GuestProcessor.Stack - 12, guest[GeneralRegister.Rsp]);
        Assert.Equal((8UL << 32) | (GuestProcessor.Code + 1), guest.Read64(GuestProcessor.Stack - 12));
    }

    [Fact]
    public void Int_FromRing3InProtectedMode_TakesStackFromTss()
    {
        var guest = GuestProcessor.Protected();
        guest.Write64(GuestProcessor.Gdt + 8, Code32);
        guest.Write64(GuestProcessor.Gdt + 16, Data32);
        guest.Write64(GuestProcessor.Tss + 4, (16UL << 32) | 0x31_0000);
        guest.State[SegmentName.Cs].Selector = 0x1b;
        guest.State[SegmentName.Cs].Attributes |= 0x60;
        guest.State[SegmentName.Ss].Selector = 0x23;
        guest.State[SegmentName.Ss].Attributes |= 0x60;
        SetGate(guest, 0x80, 15, 3);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.@int(0x80)).Kind);
        Assert.Equal((0x31_0000UL - 20, 16), (guest[GeneralRegister.Rsp], guest.State[SegmentName.Ss].Selector));
        Assert.Equal((0x23UL << 32) | GuestProcessor.Stack, guest.Read64(0x31_0000 - 8));
    }

    [Fact]
    public void Int_InRealMode_UsesVectorTable()
    {
        var guest = GuestProcessor.Real();
        guest.Write64(0x80 * 4, 0x1234_5678);
        guest.State.Rflags = 0x202;
        guest.Run(a => a.@int(0x80));
        Assert.Equal((0x5678UL, 0x1234, 0x12340UL, 2UL),
            (guest.State.Rip, guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Cs].Base, guest.State.Rflags));
        Assert.Equal(0x0202_1000_0102UL, guest.Read64(0x2_7ffa) & 0xffff_ffff_ffff);
    }

    [Fact]
    public void Into_TrapsOnlyOnOverflow()
    {
        var guest = GuestProcessor.Protected();
        guest.Write64(GuestProcessor.Gdt + 8, Code32);
        SetGate(guest, 4, 14, 0);
        guest.Complete(a => a.into());
        guest.State.Rflags |= 0x800;
        guest.Run(a => a.into());
        Assert.Equal(Handler, guest.State.Rip);
    }
}
