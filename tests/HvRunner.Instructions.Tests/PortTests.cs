using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>IN, OUT, INS, OUTS and who may use which port (SDM vol. 1, chapter 19).</summary>
public class PortTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Tss = GuestProcessor.Tss;

    /// <summary>Ring 3 with an I/O bitmap at offset 0x68 of the TSS that permits ports below 0x40, but for 0x3c and those from 0x40 on.</summary>
    private static GuestProcessor User()
    {
        var guest = GuestProcessor.Long(3);
        guest.State[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, Tss) with { Limit = 0x68 + 8 };
        guest.Write(Tss + 0x66, [0x68, 0]);
        guest.Write(Tss + 0x68, [0, 0, 0, 0, 0, 0, 0, 0x10, 0xff]);
        return guest;
    }

    [Fact]
    public void In_ReadsItsWidthAndExtendsDoubleword()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = ulong.MaxValue;
        guest[GeneralRegister.Rdx] = 0x1_03f8;
        guest.Complete(a => a.@in(al, dx));
        Assert.Equal(0xffff_ffff_ffff_ffd4, guest[GeneralRegister.Rax]);
        guest.Complete(a => a.@in(ax, 0x60));
        Assert.Equal(0xffff_ffff_ffff_c3d4, guest[GeneralRegister.Rax]);
        guest.Complete(a => a.@in(eax, dx));
        Assert.Equal(0xa1b2_c3d4UL, guest[GeneralRegister.Rax]);
        Assert.Equal(["in 3f8 1", "in 60 2", "in 3f8 4"], guest.Facts.PortLog);
    }

    [Fact]
    public void Out_WritesItsWidth()
    {
        var guest = GuestProcessor.Real();
        guest[GeneralRegister.Rax] = 0x1122_3344;
        guest[GeneralRegister.Rdx] = 0xcf8;
        guest.Complete(a => a.@out(0x80, al));
        guest.Complete(a => a.@out(dx, ax));
        guest.Complete(a => a.@out(dx, eax));
        Assert.Equal(["out 80 44", "out cf8 4433", "out cf8 44332211"], guest.Facts.PortLog);
    }

    [Fact]
    public void RepOutsb_IsOneByteAStep()
    {
        var guest = GuestProcessor.Long();
        guest.Write(Data, "ab"u8);
        guest[GeneralRegister.Rsi] = Data;
        guest[GeneralRegister.Rcx] = 2;
        guest[GeneralRegister.Rdx] = 0xe9;
        var completion = guest.Run(a => a.rep.outsb());
        Assert.Equal((CompletionKind.Completed, GuestProcessor.Code, 1UL, Data + 1),
            (completion.Kind, guest.State.Rip, guest[GeneralRegister.Rcx], guest[GeneralRegister.Rsi]));
        guest.Step();
        Assert.Equal((GuestProcessor.Code + 2, 0UL), (guest.State.Rip, guest[GeneralRegister.Rcx]));
        Assert.Equal(["out e9 61", "out e9 62"], guest.Facts.PortLog);
    }

    [Fact]
    public void RepInsd_BackwardsStoresAndCounts()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags |= 0x400;
        guest[GeneralRegister.Rdi] = Data + 4;
        guest[GeneralRegister.Rcx] = 1;
        guest.Complete(a => a.rep.insd());
        Assert.Equal(0xa1b2_c3d4_0000_0000, guest.Read64(Data));
        Assert.Equal((Data, 0UL), (guest[GeneralRegister.Rdi], guest[GeneralRegister.Rcx]));
    }

    [Fact]
    public void RepIns_WithCountZero_TouchesNothing()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rcx] = 0;
        guest[GeneralRegister.Rdi] = 0x9000_0000;
        guest.Complete(a => a.rep.insb());
        Assert.Empty(guest.Facts.PortLog);
    }

    [Fact]
    public void Ins_WithUnmappedDestination_FaultsBeforeTheDeviceIsRead()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rdi] = 0x9000_0000;
        guest.Fault(14, 2, a => a.insb());
        Assert.Empty(guest.Facts.PortLog);
    }

    [Theory]
    [InlineData(0x38, 4, true)]
    [InlineData(0x3c, 1, false)]
    [InlineData(0x3b, 1, true)]
    [InlineData(0x3b, 2, false)]
    [InlineData(0x3f, 1, true)]
    [InlineData(0x3f, 2, false)]
    [InlineData(0x40, 1, false)]
    [InlineData(0x48, 1, false)]
    public void AboveIopl_TheBitmapDecides(ushort port, int size, bool permitted)
    {
        var guest = User();
        guest[GeneralRegister.Rdx] = port;
        if (permitted)
        {
            guest.Complete(a => In(a, size));
            Assert.Single(guest.Facts.PortLog);
        }
        else
        {
            guest.Fault(13, 0, a => In(a, size));
            Assert.Empty(guest.Facts.PortLog);
        }
    }

    private static void In(Iced.Intel.Assembler a, int size)
    {
        switch (size)
        {
            case 1:
                a.@in(al, dx);
                break;
            case 2:
                a.@in(ax, dx);
                break;
            default:
                a.@in(eax, dx);
                break;
        }
    }

    [Fact]
    public void AboveIopl_BitmapBeyondLimit_IsGeneralProtection()
    {
        var guest = User();
        guest.Write(Tss + 0x66, [0x71, 0]);
        guest.Fault(13, 0, a => a.@out(0, al));
        guest.State[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, Tss) with { Limit = 0x66 };
        guest.Fault(13, 0, a => a.@out(0, al));
    }

    [Fact]
    public void AboveIopl_With16BitTss_IsGeneralProtection()
    {
        var guest = User();
        guest.State[SegmentName.Tr] = guest.State[SegmentName.Tr] with { Attributes = 0x83 };
        guest.Fault(13, 0, a => a.@out(0, al));
    }

    [Fact]
    public void UpToIopl_EveryPortIsPermitted()
    {
        var guest = User();
        guest.State.Rflags |= 0x3000;
        guest.Complete(a => a.@out(0x48, al));
    }
}
