using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

public class InterruptReturnTests
{
    private const ulong Target = 0x16_0000;
    private const ulong NewStack = 0x2f_0000;
    private const ulong Code64 = 0x00af_9b00_0000_ffff;
    private const ulong Code32 = 0x00cf_9b00_0000_ffff;
    private const ulong Data32 = 0x00cf_9300_0000_ffff;
    private const ulong User = 0x60UL << 40;

    private static GuestProcessor Long()
    {
        var guest = GuestProcessor.Long();
        WriteGdt(guest, Code64);
        return guest;
    }

    private static GuestProcessor Protected()
    {
        var guest = GuestProcessor.Protected();
        WriteGdt(guest, Code32);
        return guest;
    }

    /// <summary>8 code, 16 data, 0x18 user code, 0x20 user data.</summary>
    private static void WriteGdt(GuestProcessor guest, ulong code)
    {
        guest.Write64(GuestProcessor.Gdt + 8, code);
        guest.Write64(GuestProcessor.Gdt + 16, Data32);
        guest.Write64(GuestProcessor.Gdt + 24, code | User);
        guest.Write64(GuestProcessor.Gdt + 32, Data32 | User);
    }

    private static void PushLong(GuestProcessor guest, params ulong[] frame)
    {
        for (var i = 0; i < frame.Length; i++)
        {
            guest.Write64(GuestProcessor.Stack + (8 * (ulong)i), frame[i]);
        }
    }

    private static void PushWide(GuestProcessor guest, params uint[] frame)
    {
        for (var i = 0; i < frame.Length; i += 2)
        {
            guest.Write64(GuestProcessor.Stack + (4 * (ulong)i), frame[i] | ((ulong)(i + 1 < frame.Length ? frame[i + 1] : 0) << 32));
        }
    }

    [Fact]
    public void Iretq_ToSameLevel_LoadsStackFlagsAndRf()
    {
        var guest = Long();
        PushLong(guest, Target, 8, 0x1_0246, NewStack, 16);
        var completion = guest.Run(a => a.iretq());
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        Assert.True(completion.ReturnedFromInterrupt);
        Assert.Equal((Target, NewStack, 0x1_0246UL), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State.Rflags));
        Assert.Equal((8, 16), (guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Selector));
    }

    [Fact]
    public void Iretq_ToUser_TakesInnerSegmentsAway()
    {
        var guest = Long();
        guest.State[SegmentName.Ds] = SegmentRegister.FlatData32(16);
        guest.State[SegmentName.Es] = new SegmentRegister { Selector = 0x23, Limit = uint.MaxValue, Attributes = 0xc0f3 };
        PushLong(guest, Target, 0x1b, 0x202, NewStack, 0x23);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iretq()).Kind);
        Assert.Equal((0x1b, 0x23, 3), (guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Selector, guest.State[SegmentName.Ss].Dpl));
        Assert.True(guest.State[SegmentName.Ds].Unusable);
        Assert.False(guest.State[SegmentName.Es].Unusable);
    }

    [Fact]
    public void Iretq_ToKernelWithNullStackSegment_IsAllowed()
    {
        var guest = Long();
        PushLong(guest, Target, 8, 2, NewStack, 0);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iretq()).Kind);
        Assert.True(guest.State[SegmentName.Ss].Unusable);
    }

    [Theory]
    [InlineData(0x0000_9000_0000_0000UL, 8UL, 16UL, 13, 0u)]
    [InlineData(Target, 0UL, 16UL, 13, 0u)]
    [InlineData(Target, 16UL, 16UL, 13, 16u)]
    [InlineData(Target, 0x18UL, 16UL, 13, 0x18u)]
    [InlineData(Target, 0x1bUL, 0UL, 13, 0u)]
    [InlineData(Target, 0x1bUL, 16UL, 13, 16u)]
    [InlineData(Target, 8UL, 0x200UL, 13, 0x200u)]
    public void Iretq_WithBadFrame_FaultsAndChangesNothing(ulong rip, ulong code, ulong stack, byte vector, uint error)
    {
        var guest = Long();
        PushLong(guest, rip, code, 2, NewStack, stack);
        guest.Fault(vector, error, a => a.iretq());
        Assert.Equal(GuestProcessor.Stack, guest[GeneralRegister.Rsp]);
    }

    [Fact]
    public void Iretq_WithAbsentSegments_NamesThem()
    {
        var guest = Long();
        guest.Write64(GuestProcessor.Gdt + 8, Code64 & ~(1UL << 47));
        PushLong(guest, Target, 8, 2, NewStack, 16);
        guest.Fault(11, 8, a => a.iretq());
        guest.Write64(GuestProcessor.Gdt + 8, Code64);
        guest.Write64(GuestProcessor.Gdt + 16, Data32 & ~(1UL << 47));
        guest.Fault(12, 16, a => a.iretq());
    }

    [Fact]
    public void Iretq_WithNestedTask_IsGeneralProtection()
    {
        var guest = Long();
        guest.State.Rflags = 0x4002;
        PushLong(guest, Target, 8, 2, NewStack, 16);
        guest.Fault(13, 0, a => a.iretq());
    }

    [Fact]
    public void Iretq_FromUser_KeepsIoplAndIf()
    {
        var guest = GuestProcessor.Long(3);
        WriteGdt(guest, Code64);
        guest.State.Rflags = 0x202;
        PushLong(guest, Target, 0x1b, 0x3002, NewStack, 0x23);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iretq()).Kind);
        Assert.Equal(0x202UL, guest.State.Rflags);
    }

    [Fact]
    public void Iretd_ToSameLevel_PopsThreeDoublewords()
    {
        var guest = Protected();
        PushWide(guest, (uint)Target, 8, 0x246);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iretd()).Kind);
        Assert.Equal((Target, GuestProcessor.Stack + 12, 0x246UL), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State.Rflags));
    }

    [Fact]
    public void Iretd_ToUser_PopsStackToo()
    {
        var guest = Protected();
        PushWide(guest, (uint)Target, 0x1b, 0x202, (uint)NewStack, 0x23);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iretd()).Kind);
        Assert.Equal((NewStack, 0x23), (guest[GeneralRegister.Rsp], guest.State[SegmentName.Ss].Selector));
        Assert.True(guest.State[SegmentName.Fs].Unusable);
    }

    [Fact]
    public void Iretd_ToVirtual8086_IsGeneralProtection()
    {
        var guest = Protected();
        PushWide(guest, (uint)Target, 8, 0x2_0002);
        guest.Fault(13, 0, a => a.iretd());
    }

    [Fact]
    public void Iretd_FromNestedTask_NamesTheTaskSwitch()
    {
        var guest = Protected();
        guest.State.Rflags = 0x4002;
        var completion = guest.Run(a => a.iretd());
        Assert.Equal((CompletionKind.Unsupported, UnsupportedReason.TaskSwitch), (completion.Kind, completion.Reason));
    }

    [Fact]
    public void Iret_With16BitOperand_KeepsUpperFlagsAndCutsRip()
    {
        var guest = Protected();
        guest.State.Rflags = 0x24_0002;
        guest.Write64(GuestProcessor.Stack, 0x0202_0008_5678);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iret()).Kind);
        Assert.Equal((0x5678UL, GuestProcessor.Stack + 6, 0x24_0202UL), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State.Rflags));
    }

    [Fact]
    public void Iretd_FromCompatibilityToLongCode_LeavesStackAlone()
    {
        // Only 64-bit mode pops SS:RSP at the same level.
        var guest = Long();
        guest.State[SegmentName.Cs] = SegmentRegister.FlatCode32(0x28);
        PushWide(guest, (uint)Target, 8, 2);
        Assert.Equal(CompletionKind.Completed, guest.RunBytes(0xcf).Kind);
        Assert.Equal((Target, GuestProcessor.Stack + 12, true), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Cs].Long));
    }

    [Fact]
    public void Iret_InRealMode_LoadsSegmentAndFlags()
    {
        var guest = GuestProcessor.Real();
        guest.Write64(0x2_8000, 0x0202_1234_5678);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.iret()).Kind);
        Assert.Equal((0x5678UL, 0x12340UL, 0x202UL), (guest.State.Rip, guest.State[SegmentName.Cs].Base, guest.State.Rflags));
        Assert.Equal(0x8006UL, guest[GeneralRegister.Rsp]);
    }

    [Fact]
    public void Iretq_UndoesDelivery()
    {
        var guest = Long();
        guest.Write64(GuestProcessor.Idt + 48, (Target & 0xffff) | (8UL << 16) | (0x8eUL << 40) | ((Target & 0xffff_0000) << 32));
        guest.Write64(GuestProcessor.Idt + 56, 0);
        guest.State.Rflags = 0x303;
        guest.Run(a => a.int3());
        Assert.Equal(Target, guest.State.Rip);
        guest.Run(a => a.iretq());
        Assert.Equal((GuestProcessor.Code + 1, GuestProcessor.Stack, 0x303UL), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State.Rflags));
    }
}
