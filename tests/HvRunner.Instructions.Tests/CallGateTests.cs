using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>Transfers through call gates (SDM vol. 3A, 5.8.3 to 5.8.5). The gate is at selector 0x30.</summary>
public class CallGateTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Target = 0x16_0000;
    private const ulong InnerStack = 0x31_0000;
    private const ulong Gate = GuestProcessor.Gdt + 0x30;

    private static Completion Call(GuestProcessor guest)
    {
        guest.Write64(Data, 0x30UL << 32);
        return guest.Run(a => a.call(__fword_ptr[Data]));
    }

    private static GuestProcessor User32(ulong gate)
    {
        var guest = Descriptors.Protected(3);
        guest.Write64(Gate, gate);
        guest.Write64(GuestProcessor.Tss + 4, InnerStack | (0x10UL << 32));
        return guest;
    }

    [Fact]
    public void Call_ToSameLevel_PushesOnTheSameStack()
    {
        var guest = Descriptors.Protected();
        guest.Write64(Gate, Descriptors.CallGate(Target, 8, 0));
        Assert.Equal(CompletionKind.Completed, Call(guest).Kind);
        Assert.Equal((Target, GuestProcessor.Stack - 8, 8), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Cs].Selector));
    }

    [Fact]
    public void Call_ToInnerLevel_SwitchesStackAndCopiesParameters()
    {
        var guest = User32(Descriptors.CallGate(Target, 8, 3, parameters: 2));
        guest.Write64(GuestProcessor.Stack, 0x2222_2222_1111_1111);
        var completion = Call(guest);
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        var top = InnerStack - 24;
        Assert.Equal((Target, top, 8, 0x10), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Selector));
        Assert.Equal((GuestProcessor.Code + (ulong)completion.Length) | (0x1bUL << 32), guest.Read64(top));
        Assert.Equal(0x2222_2222_1111_1111UL, guest.Read64(top + 8));
        Assert.Equal(GuestProcessor.Stack | (0x23UL << 32), guest.Read64(top + 16));
    }

    [Fact]
    public void Call_Through16BitGate_PushesWordsAndCutsTheOffset()
    {
        var guest = Descriptors.Protected();
        guest.Write64(Gate, Descriptors.CallGate(0xffff_1234, 8, 0, type: 4));
        Call(guest);
        Assert.Equal((0x1234UL, GuestProcessor.Stack - 4), (guest.State.Rip, guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void Call_ToConformingInnerCode_KeepsLevelAndStack()
    {
        var guest = User32(Descriptors.CallGate(Target, 0x38, 3));
        guest.Write64(GuestProcessor.Gdt + 0x38, Descriptors.Code32 | Descriptors.Conforming);
        Call(guest);
        Assert.Equal((0x3b, 0x23), (guest.State[SegmentName.Cs].Selector, guest.State[SegmentName.Ss].Selector));
    }

    [Fact]
    public void Jmp_ToInnerLevel_IsGeneralProtection()
    {
        var guest = User32(Descriptors.CallGate(Target, 8, 3));
        guest.Write64(Data, 0x30UL << 32);
        guest.Fault(13, 8, a => a.jmp(__fword_ptr[Data]));
    }

    /// <summary>Gate DPL, target selector, presence of the gate, and what is raised.</summary>
    [Theory]
    [InlineData(0, 8, true, 13, 0x30u)]
    [InlineData(3, 8, false, 11, 0x30u)]
    [InlineData(3, 0, true, 13, 0u)]
    [InlineData(3, 0x10, true, 13, 0x10u)]
    [InlineData(3, 0x200, true, 13, 0x200u)]
    [InlineData(3, 0x38, true, 11, 0x38u)]
    public void Call_ThroughForbiddenGate_Faults(int dpl, ushort selector, bool present, byte vector, uint error)
    {
        var guest = User32(Descriptors.CallGate(Target, selector, dpl) & ~(present ? 0 : Descriptors.Present));
        guest.Write64(GuestProcessor.Gdt + 0x38, Descriptors.Code32 & ~Descriptors.Present);
        guest.Write64(Data, 0x30UL << 32);
        guest.Fault(vector, error, a => a.call(__fword_ptr[Data]));
    }

    /// <summary>The stack selector in the TSS, and what is raised (SDM vol. 2, CALL).</summary>
    [Theory]
    [InlineData(0UL, 10, 0u)]
    [InlineData(0x13UL, 10, 0x10u)]
    [InlineData(0x20UL, 10, 0x20u)]
    [InlineData(0x38UL, 12, 0x38u)]
    public void Call_WithBadInnerStack_Faults(ulong selector, byte vector, uint error)
    {
        var guest = User32(Descriptors.CallGate(Target, 8, 3));
        guest.Write64(GuestProcessor.Gdt + 0x38, Descriptors.Data32 & ~Descriptors.Present);
        guest.Write64(GuestProcessor.Tss + 4, InnerStack | (selector << 32));
        guest.Write64(Data, 0x30UL << 32);
        guest.Fault(vector, error, a => a.call(__fword_ptr[Data]));
    }

    [Fact]
    public void Call_WithShortTss_IsInvalidTss()
    {
        var guest = User32(Descriptors.CallGate(Target, 8, 3));
        guest.State[SegmentName.Tr] = guest.State[SegmentName.Tr] with { Limit = 6 };
        guest.Write64(Data, 0x30UL << 32);
        guest.Fault(10, 0x28, a => a.call(__fword_ptr[Data]));
    }

    [Fact]
    public void Call_InLongMode_SwitchesToRsp0WithNullStackSegment()
    {
        var guest = Descriptors.Long(3);
        guest.Write64(Gate, Descriptors.CallGate(Target, 8, 3));
        guest.Write64(Gate + 8, 0);
        guest.Write64(GuestProcessor.Tss + 4, InnerStack + 8);
        var completion = Call(guest);
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        var top = InnerStack + 8 - 32;
        Assert.Equal((Target, top, 0, true), (guest.State.Rip, guest[GeneralRegister.Rsp], guest.State[SegmentName.Ss].Dpl, guest.State[SegmentName.Ss].Unusable));
        Assert.Equal((GuestProcessor.Code + (ulong)completion.Length, 0x1bUL, GuestProcessor.Stack, 0x23UL),
            (guest.Read64(top), guest.Read64(top + 8), guest.Read64(top + 16), guest.Read64(top + 24)));
    }

    [Fact]
    public void Call_InLongMode_ReadsUpperOffsetHalf()
    {
        var guest = Descriptors.Long();
        guest.Write64(Gate, Descriptors.CallGate(Target, 8, 0));
        guest.Write64(Gate + 8, 0xffff_8000);
        Call(guest);
        Assert.Equal(0xffff_8000_0016_0000, guest.State.Rip);
    }

    [Theory]
    [InlineData(0x18UL, 0UL, 0x18u)]
    [InlineData(8UL, 0x0000_0100_0000_0000UL, 0x30u)]
    [InlineData(8UL, 0x8000UL, 0u)]
    public void Call_InLongMode_ChecksGate(ulong selector, ulong upper, uint error)
    {
        // 32-bit code behind the gate, a type in the upper half, an offset that is not canonical.
        var guest = Descriptors.Long();
        guest.Write64(GuestProcessor.Gdt + 0x18, Descriptors.Code32);
        guest.Write64(Gate, Descriptors.CallGate(Target, (ushort)selector, 0));
        guest.Write64(Gate + 8, upper);
        guest.Write64(Data, 0x30UL << 32);
        guest.Fault(13, error, a => a.call(__fword_ptr[Data]));
    }
}
