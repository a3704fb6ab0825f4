using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>Far JMP, CALL and RETF without gates (SDM vol. 2; vol. 3A, 5.8).</summary>
public class FarTransferTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Target = 0x16_0000;

    private static readonly CpuidLeaf[] Intel = [new(0, 0, false, 1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69)];

    [Fact]
    public void JmpFar_InRealMode_LoadsSelectorAndBase()
    {
        var guest = GuestProcessor.Real();
        guest.RunBytes(0xea, 0x34, 0x12, 0x00, 0x15);
        Assert.Equal((0x1234UL, 0x1500, 0x1_5000UL), (guest.State.Rip, guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Cs].Base));
    }

    [Fact]
    public void JmpFar_InRealModeBeyondLimit_IsGeneralProtection()
    {
        var guest = GuestProcessor.Real();
        var completion = guest.RunBytes(0x66, 0xea, 0, 0, 1, 0, 0, 0x15);
        Assert.Equal((CompletionKind.Fault, 13, false), (completion.Kind, completion.Vector, completion.HasErrorCode));
    }

    [Fact]
    public void CallFar_InRealMode_PushesSegmentAndOffset()
    {
        var guest = GuestProcessor.Real();
        guest.RunBytes(0x9a, 0x34, 0x12, 0x00, 0x15);
        Assert.Equal((0x7ffcUL, 0x1500), (guest[GeneralRegister.Rsp], guest.State[SegmentName.Cs].Selector));
        Assert.Equal([5, 1, 0, 0x10], guest.Read(0x2_7ffc, 4));
    }

    [Fact]
    public void Retf_InRealMode_PopsAndReleases()
    {
        var guest = GuestProcessor.Real();
        guest.Write(0x2_8000, [0x34, 0x12, 0, 0x15]);
        guest.Run(a => a.retf(6));
        Assert.Equal((0x1234UL, 0x1_5000UL, 0x800aUL), (guest.State.Rip, guest.State[SegmentName.Cs].Base, guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void JmpFar_FromRealToProtected_EntersTheDescriptor()
    {
        var guest = GuestProcessor.Real();
        guest.Write64(GuestProcessor.Gdt + 8, Descriptors.Code32);
        guest.State.Cr0 |= 1;
        guest.RunBytes(0x66, 0xea, 0, 0, 0x16, 0, 8, 0);
        Assert.Equal((Target, 8, true), (guest.State.Rip, guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Cs].Default32));
    }

    [Fact]
    public void JmpFar_SetsAccessedBit()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Gdt + 8, Descriptors.Code32 & ~(1UL << 40));
        Jump(guest, Target, 8);
        Assert.Equal(Descriptors.Code32, guest.Read64(GuestProcessor.Gdt + 8));
    }

    [Theory]
    [InlineData(0, 0, 0u)]
    [InlineData(0x200, 0, 0x200u)]
    [InlineData(0x10, 0, 0x10u)]
    [InlineData(0x1b, 0, 0x18u)]
    [InlineData(0xb, 0, 8u)]
    [InlineData(8, 3, 8u)]
    [InlineData(0x33, 0, 0x30u)]
    public void JmpFar_ToForbiddenSelector_IsGeneralProtection(ushort selector, int cpl, uint error)
    {
        var guest = Descriptors.Protected(cpl);
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Code32 | Descriptors.Conforming | Descriptors.Dpl3);
        FaultingJump(guest, 13, error, Target, selector);
    }

    [Fact]
    public void JmpFar_ToConformingCode_KeepsCpl()
    {
        var guest = Descriptors.Protected(3);
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Code32 | Descriptors.Conforming);
        Jump(guest, Target, 0x30);
        Assert.Equal((0x33, 3), (guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Dpl));
    }

    [Fact]
    public void JmpFar_ToAbsentCode_IsNotPresent()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Code32 & ~Descriptors.Present);
        FaultingJump(guest, 11, 0x30, Target, 0x30);
    }

    [Fact]
    public void JmpFar_BeyondLimit_IsGeneralProtectionWithZero()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Gdt + 0x30, 0x0040_9b00_0000_ffff);
        FaultingJump(guest, 13, 0, 0x1_0000, 0x30);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    public void JmpFar_ToTaskSegmentOrGate_NamesTheTaskSwitch(int type)
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Present | ((ulong)type << 40));
        WritePointer(guest, Target, 0x30);
        var completion = guest.Run(a => a.jmp(__fword_ptr[Data]));
        Assert.Equal((CompletionKind.Unsupported, UnsupportedReason.TaskSwitch), (completion.Kind, completion.Reason));
    }

    [Fact]
    public void JmpFar_ToBusyOrHiddenTaskSegment_IsGeneralProtection()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Present | (11UL << 40));
        FaultingJump(guest, 13, 0x30, Target, 0x30);
        guest = Descriptors.Protected(3);
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Present | (9UL << 40));
        FaultingJump(guest, 13, 0x30, Target, 0x30);
    }

    [Fact]
    public void JmpFar_ToTaskSegmentInLongMode_IsGeneralProtection()
    {
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Present | (9UL << 40));
        FaultingJump(guest, 13, 0x30, Target, 0x30);
    }

    [Fact]
    public void JmpFar_FromLongToCompatibility_ChangesMode()
    {
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Code32);
        Jump(guest, Target, 0x30);
        Assert.Equal((Target, false, true), (guest.State.Rip, guest.State[SegmentName.Cs].Long, guest.State[SegmentName.Cs].Default32));
    }

    [Fact]
    public void JmpFar_ToCodeWithLAndD_IsGeneralProtection()
    {
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Gdt + 0x30, Descriptors.Code64 | (1UL << 54));
        FaultingJump(guest, 13, 0x30, Target, 0x30);
    }

    [Fact]
    public void JmpFarWithRexW_OnIntel_Reads64BitOffset()
    {
        var guest = Descriptors.Long();
        guest.Facts.Cpuid = Intel;
        guest.Write64(Data, 0x0000_8000_0000_0000);
        guest.Write(Data + 8, [8, 0]);
        var completion = guest.RunBytes(0x48, 0xff, 0x2c, 0x25, 0, 0, 0x20, 0);
        Assert.Equal((CompletionKind.Fault, 13, 0u), (completion.Kind, completion.Vector, completion.ErrorCode));
        guest.Write64(Data, Target);
        guest.RunBytes(0x48, 0xff, 0x2c, 0x25, 0, 0, 0x20, 0);
        Assert.Equal(Target, guest.State.Rip);
    }

    [Fact]
    public void JmpFarWithRexW_OnAmd_Reads32BitOffset()
    {
        var guest = Descriptors.Long();
        WritePointer(guest, Target, 8);
        guest.RunBytes(0x48, 0xff, 0x2c, 0x25, 0, 0, 0x20, 0);
        Assert.Equal((Target, 8), (guest.State.Rip, guest.State[SegmentName.Cs].Selector));
    }

    [Fact]
    public void CallFarWithRexW_OnAmd_Reads32BitOffsetAndPushesQuadwords()
    {
        var guest = Descriptors.Long();
        WritePointer(guest, Target, 8);
        var selector = guest.State[SegmentName.Cs].Selector;
        var completion = guest.RunBytes(0x48, 0xff, 0x1c, 0x25, 0, 0, 0x20, 0);
        Assert.Equal((Target, GuestProcessor.Stack - 16), (guest.State.Rip, guest[GeneralRegister.Rsp]));
        Assert.Equal((GuestProcessor.Code + (ulong)completion.Length, selector), (guest.Read64(GuestProcessor.Stack - 16), guest.Read64(GuestProcessor.Stack - 8)));
    }

    [Fact]
    public void CallFar_InProtectedMode_PushesDoublewords()
    {
        var guest = Descriptors.Protected();
        WritePointer(guest, Target, 8);
        var completion = guest.Run(a => a.call(__fword_ptr[Data]));
        Assert.Equal((Target, GuestProcessor.Stack - 8), (guest.State.Rip, guest[GeneralRegister.Rsp]));
        Assert.Equal(GuestProcessor.Code + (ulong)completion.Length + (8UL << 32), guest.Read64(GuestProcessor.Stack - 8));
    }

    [Fact]
    public void CallFar_WithUnmappedStack_ChangesNothing()
    {
        var guest = Descriptors.Long();
        guest[GeneralRegister.Rsp] = 0x9000_0000;
        WritePointer(guest, Target, 8);
        guest.Fault(14, 2, a => a.call(__fword_ptr[Data]));
        Assert.Equal(8, guest.State[SegmentName.Cs].Selector);
    }

    [Fact]
    public void Retf_ToSameLevel_ReleasesParameters()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Stack, Target | (8UL << 32));
        guest.Run(a => a.retf(12));
        Assert.Equal((Target, GuestProcessor.Stack + 20), (guest.State.Rip, guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void Retf_ToOuterLevel_LoadsStackBehindParametersAndDropsSegments()
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Stack, Target | (0x1bUL << 32));
        guest.Write64(GuestProcessor.Stack + 16, 0x2f_0000 | (0x23UL << 32));
        guest.Run(a => a.retf(8));
        Assert.Equal((Target, 0x2f_0008UL, 0x1b, 0x23),
            (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Selector));
        Assert.True(guest.State[SegmentName.Ds].Unusable);
    }

    [Theory]
    [InlineData(0UL, 0x23UL, 13, 0u)]
    [InlineData(0x18UL, 0x23UL, 13, 0x18u)]
    [InlineData(0x1bUL, 0UL, 13, 0u)]
    [InlineData(0x1bUL, 0x13UL, 13, 0x10u)]
    [InlineData(0x13UL, 0x23UL, 13, 0x10u)]
    public void Retf_WithBadFrame_Faults(ulong code, ulong stack, byte vector, uint error)
    {
        var guest = Descriptors.Protected();
        guest.Write64(GuestProcessor.Stack, Target | (code << 32));
        guest.Write64(GuestProcessor.Stack + 8, 0x2f_0000 | (stack << 32));
        guest.Fault(vector, error, a => a.retf());
    }

    [Fact]
    public void Retf_ToInnerLevel_IsGeneralProtection()
    {
        var guest = Descriptors.Protected(3);
        guest.Write64(GuestProcessor.Stack, Target | (8UL << 32));
        guest.Fault(13, 8, a => a.retf());
    }

    [Fact]
    public void RetfQ_FromLongMode_PopsQuadwords()
    {
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Stack, Target);
        guest.Write64(GuestProcessor.Stack + 8, 0x1b);
        guest.Write64(GuestProcessor.Stack + 16, 0x2f_0000);
        guest.Write64(GuestProcessor.Stack + 24, 0x23);
        guest.RunBytes(0x48, 0xcb);
        Assert.Equal((Target, 0x2f_0000UL, 3), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Ss].Dpl));
    }

    private static void WritePointer(GuestProcessor guest, ulong offset, ushort selector) => guest.Write64(Data, offset | ((ulong)selector << 32));

    private static void Jump(GuestProcessor guest, ulong offset, ushort selector)
    {
        WritePointer(guest, offset, selector);
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.jmp(__fword_ptr[Data])).Kind);
        Assert.Equal(offset, guest.State.Rip);
    }

    private static void FaultingJump(GuestProcessor guest, byte vector, uint error, ulong offset, ushort selector)
    {
        WritePointer(guest, offset, selector);
        guest.Fault(vector, error, a => a.jmp(__fword_ptr[Data]));
    }
}
