using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>LTR, LLDT, STR, SLDT, ARPL, LDS and its like, LAR, LSL, VERR, VERW, UMIP (SDM vol. 2).</summary>
public class SystemSegmentTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Entry = GuestProcessor.Gdt + 0x30;

    private static readonly CpuidLeaf[] Intel = [new(0, 0, false, 1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69)];

    /// <summary>A system descriptor at 0x12345678, limit 0x67.</summary>
    private static ulong System(int type, ulong presence = Descriptors.Present) =>
        0x1200_0034_5678_0067 | ((ulong)type << 40) | presence;

    private static GuestProcessor With(GuestProcessor guest, ulong descriptor, ulong upper = 0)
    {
        guest.Write64(Entry, descriptor);
        guest.Write64(Entry + 8, upper);
        guest[GeneralRegister.Rax] = 0x30;
        return guest;
    }

    [Fact]
    public void Ltr_InLongMode_LoadsWideBaseAndMarksBusy()
    {
        var guest = With(Descriptors.Long(), System(9), 0xffff_8000);
        guest.Complete(a => a.ltr(ax));
        ref var register = ref guest.State[SegmentName.Tr];
        Assert.Equal((0xffff_8000_1234_5678, 0x67u, 11, 0x30), (register.Base, register.Limit, register.Type, register.Selector));
        Assert.Equal(System(11), guest.Read64(Entry));
        guest.Fault(13, 0x30, a => a.ltr(ax));
    }

    [Fact]
    public void Ltr_InProtectedMode_Takes16BitTss()
    {
        var guest = With(Descriptors.Protected(), System(1));
        guest.Complete(a => a.ltr(ax));
        Assert.Equal((3, 0x1234_5678UL), (guest.State[SegmentName.Tr].Type, guest.State[SegmentName.Tr].Base));
    }

    [Theory]
    [InlineData(9, 0UL, 0x30, 11, 0x30u)]
    [InlineData(1, Descriptors.Present, 0x30, 13, 0x30u)]
    [InlineData(2, Descriptors.Present, 0x30, 13, 0x30u)]
    [InlineData(9, Descriptors.Present, 0, 13, 0u)]
    [InlineData(9, Descriptors.Present, 0x34, 13, 0x34u)]
    [InlineData(9, Descriptors.Present, 0x200, 13, 0x200u)]
    public void Ltr_WithBadDescriptor_Faults(int type, ulong presence, ushort selector, byte vector, uint error)
    {
        var guest = With(Descriptors.Long(), System(type, presence));
        guest[GeneralRegister.Rax] = selector;
        guest.Fault(vector, error, a => a.ltr(ax));
    }

    [Theory]
    [InlineData(0x0000_0100_0000_0000UL)]
    [InlineData(0x8000UL)]
    public void Ltr_WithBadUpperHalf_IsGeneralProtection(ulong upper) => With(Descriptors.Long(), System(9), upper).Fault(13, 0x30, a => a.ltr(ax));

    [Fact]
    public void Ltr_WithUpperHalfBeyondLimit_IsGeneralProtection()
    {
        var guest = With(Descriptors.Long(), System(9));
        guest.State.Gdtr = guest.State.Gdtr with { Limit = 0x37 };
        guest.Fault(13, 0x30, a => a.ltr(ax));
    }

    [Fact]
    public void Lldt_LoadsTableAndNull()
    {
        var guest = With(Descriptors.Long(), System(2), 0x1);
        guest.Complete(a => a.lldt(ax));
        Assert.Equal((0x1_1234_5678UL, false), (guest.State[SegmentName.Ldtr].Base, guest.State[SegmentName.Ldtr].Unusable));
        guest[GeneralRegister.Rax] = 0;
        guest.Complete(a => a.lldt(ax));
        Assert.True(guest.State[SegmentName.Ldtr].Unusable);
    }

    [Fact]
    public void Lldt_WithBadDescriptor_Faults()
    {
        With(Descriptors.Long(), System(9)).Fault(13, 0x30, a => a.lldt(ax));
        With(Descriptors.Long(), System(2, 0)).Fault(11, 0x30, a => a.lldt(ax));
        With(Descriptors.Long(3), System(2)).Fault(13, 0, a => a.lldt(ax));
    }

    [Fact]
    public void SystemSegments_InRealMode_AreUndefined()
    {
        var guest = GuestProcessor.Real();
        guest.Fault(6, null, a => a.ltr(ax));
        guest.Fault(6, null, a => a.sldt(ax));
        guest.Fault(6, null, a => a.arpl(ax, bx));
        guest.Fault(6, null, a => a.verr(ax));
    }

    [Fact]
    public void StrAndSldt_StoreSelectors()
    {
        var guest = Descriptors.Long(3);
        guest.State[SegmentName.Ldtr] = SegmentRegister.Null with { Selector = 0x48 };
        guest.Complete(a => a.str(rax));
        guest.Complete(a => a.sldt(ebx));
        Assert.Equal((0x28UL, 0x48UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rbx]));
    }

    [Fact]
    public void Umip_HidesTablesAboveRing0()
    {
        var guest = Descriptors.Long(3);
        guest.State.Cr4 |= 1 << 11;
        guest.Fault(13, 0, a => a.str(eax));
        guest.Fault(13, 0, a => a.sldt(eax));
        guest.Fault(13, 0, a => a.smsw(eax));
        guest.Fault(13, 0, a => a.sgdt(__[Data]));
        guest.Fault(13, 0, a => a.sidt(__[Data]));
        guest = Descriptors.Long();
        guest.State.Cr4 |= 1 << 11;
        guest.Complete(a => a.smsw(eax));
    }

    [Theory]
    [InlineData(0x11UL, 0x23UL, 0x13UL, true)]
    [InlineData(0x13UL, 0x22UL, 0x13UL, false)]
    [InlineData(0x12UL, 0x22UL, 0x12UL, false)]
    public void Arpl_RaisesRpl(ulong target, ulong source, ulong result, bool adjusted)
    {
        var guest = Descriptors.Protected(3);
        guest[GeneralRegister.Rax] = target;
        guest[GeneralRegister.Rbx] = source;
        guest.Complete(a => a.arpl(ax, bx));
        Assert.Equal((result, adjusted), (guest[GeneralRegister.Rax], guest.HasFlag(6)));
    }

    [Fact]
    public void Lss_LoadsPointerWithoutShadow()
    {
        var guest = Descriptors.Protected();
        guest.Write64(Data, 0x10_0031_0000);
        var completion = guest.Run(a => a.lss(esp, __fword_ptr[Data]));
        Assert.Equal((CompletionKind.Completed, false), (completion.Kind, completion.InterruptShadow));
        Assert.Equal((0x31_0000UL, 0x10), (guest[GeneralRegister.Rsp], guest.State[SegmentName.Ss].Selector));
    }

    [Fact]
    public void LfsWithRexW_OnIntel_LoadsWideOffset()
    {
        var guest = Descriptors.Long();
        guest.Facts.Cpuid = Intel;
        guest.Write64(Data, 0x1122_3344_5566_7788);
        guest.Write(Data + 8, [0x10, 0]);
        guest.RunBytes(0x48, 0x0f, 0xb4, 0x04, 0x25, 0, 0, 0x20, 0);
        Assert.Equal((0x1122_3344_5566_7788UL, 0x10), (guest[GeneralRegister.Rax], guest.State[SegmentName.Fs].Selector));
    }

    [Fact]
    public void LfsWithRexW_OnAmd_Loads32BitOffset()
    {
        var guest = Descriptors.Long();
        guest[GeneralRegister.Rax] = ulong.MaxValue;
        guest.Write64(Data, 0x10_5566_7788);
        guest.RunBytes(0x48, 0x0f, 0xb4, 0x04, 0x25, 0, 0, 0x20, 0);
        Assert.Equal((0x5566_7788UL, 0x10), (guest[GeneralRegister.Rax], guest.State[SegmentName.Fs].Selector));
    }

    [Theory]
    [InlineData(new byte[] { 0x0f, 0x0d, 0xc8 }, 6)]
    [InlineData(new byte[] { 0x66, 0x0f, 0x0d, 0xc8 }, 6)]
    [InlineData(new byte[] { 0x48, 0x0f, 0x0d, 0xff }, 6)]
    [InlineData(new byte[] { 0x0f, 0x0d, 0x08 }, null)]
    [InlineData(new byte[] { 0x0f, 0x0d, 0x38 }, null)]
    [InlineData(new byte[] { 0x0f, 0x19, 0xc0 }, null)]
    public void PrefetchOfRegister_IsUndefinedOnAmdOnly(byte[] code, int? vector)
    {
        var guest = Descriptors.Long();
        var completion = guest.RunBytes(code);
        Assert.Equal(vector, completion.Kind == CompletionKind.Fault ? completion.Vector : null);
        guest = Descriptors.Long();
        guest.Facts.Cpuid = Intel;
        Assert.Equal(CompletionKind.Completed, guest.RunBytes(code).Kind);
    }

    [Fact]
    public void Les_WithBadSelector_LeavesRegister()
    {
        var guest = Descriptors.Protected();
        guest.Write64(Data, 0x200_0031_0000);
        guest.Fault(13, 0x200, a => a.les(eax, __fword_ptr[Data]));
    }

    [Fact]
    public void MovToSegment_SetsAccessedBit()
    {
        var guest = Descriptors.Long();
        guest.Write64(Entry, Descriptors.Data32 & ~(1UL << 40));
        guest[GeneralRegister.Rax] = 0x30;
        guest.Complete(a => a.mov(ds, ax));
        Assert.Equal(Descriptors.Data32, guest.Read64(Entry));
    }

    [Fact]
    public void PushAndPop_OfSegment_MoveByOperandSize()
    {
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Stack - 8, ulong.MaxValue);
        guest.Complete(a => a.push(fs));
        Assert.Equal((0x10UL, GuestProcessor.Stack - 8), (guest.Read64(GuestProcessor.Stack - 8), guest[GeneralRegister.Rsp]));
        guest.Complete(a => a.pop(gs));
        Assert.Equal((GuestProcessor.Stack, 0x10), (guest[GeneralRegister.Rsp], guest.State[SegmentName.Gs].Selector));
    }

    [Fact]
    public void LarAndLsl_AnswerForSystemSegments()
    {
        var guest = With(Descriptors.Protected(), System(9));
        guest.Complete(a => a.lar(ebx, eax));
        guest.Complete(a => a.lsl(ecx, eax));
        Assert.Equal((0x8900UL, 0x67UL, true), (guest[GeneralRegister.Rbx], guest[GeneralRegister.Rcx], guest.HasFlag(6)));
        guest.Write64(Entry, System(12));
        guest.Complete(a => a.lsl(ecx, eax));
        Assert.False(guest.HasFlag(6));
        guest.Complete(a => a.lar(ebx, eax));
        Assert.True(guest.HasFlag(6));
    }

    [Fact]
    public void Lar_OfTypesThatLongModeDropped_Fails()
    {
        var guest = With(Descriptors.Long(), System(1));
        guest.Complete(a => a.lar(ebx, eax));
        Assert.False(guest.HasFlag(6));
        guest.Write64(Entry, System(9));
        guest.Complete(a => a.lar(ebx, eax));
        Assert.True(guest.HasFlag(6));
    }
}
