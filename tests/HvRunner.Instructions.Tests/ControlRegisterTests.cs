using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>MOV to CR0, CR3, CR4, CR8, LMSW, EFER: modes, reserved bits, and what a translation cache must forget.</summary>
public class ControlRegisterTests
{
    private const ulong Paging = 1UL << 31;
    private const ulong Pae = 0x20;
    private const ulong Pcide = 1 << 17;
    private const ulong Lme = 0x100;
    private const ulong Lma = 0x400;
    private const uint EferMsr = 0xc0000080;

    private static Completion Write(GuestProcessor guest, int register, ulong value)
    {
        guest[GeneralRegister.Rax] = value;
        return guest.RunBytes(0x0f, 0x22, (byte)(0xc0 | (register << 3)));
    }

    private static void Refused(GuestProcessor guest, int register, ulong value)
    {
        var state = guest.State;
        var before = (state.Cr0, state.Cr3, state.Cr4, state.Efer);
        var completion = Write(guest, register, value);
        Assert.Equal((CompletionKind.Fault, 13, 0u), (completion.Kind, completion.Vector, completion.ErrorCode));
        Assert.Equal(before, (state.Cr0, state.Cr3, state.Cr4, state.Efer));
    }

    /// <summary>32-bit protected mode with PAE on and good page-directory pointers at 0x8000.</summary>
    private static GuestProcessor ProtectedWithPae()
    {
        var guest = GuestProcessor.Protected();
        guest.State.Cr4 |= Pae;
        guest.State.Cr3 = 0x8000;
        for (var i = 0UL; i < 4; i++)
        {
            guest.Write64(0x8000 + (8 * i), 0x9001 + (i << 12));
            guest.Write64(0x9000 + (i << 12), 0x83);
        }

        return guest;
    }

    [Theory]
    [InlineData(0x8000_0010UL)]
    [InlineData(0x2000_0011UL)]
    [InlineData(0x1_0000_0011UL)]
    public void Cr0_WithBadCombination_IsGeneralProtection(ulong value) => Refused(GuestProcessor.Long(), 0, value);

    [Fact]
    public void Cr0_IgnoresReservedBitsAndKeepsEt()
    {
        var guest = GuestProcessor.Protected();
        Assert.Equal(CompletionKind.Completed, Write(guest, 0, 0x1ffa_ffe1).Kind);
        Assert.Equal(0x31UL, guest.State.Cr0);
    }

    [Fact]
    public void Cr0_EnteringProtectedMode_Flushes()
    {
        var guest = GuestProcessor.Real();
        Assert.Equal(TranslationFlush.All, Write(guest, 0, 0x11).Flush);
        Assert.Equal(0x11UL, guest.State.Cr0);
    }

    [Fact]
    public void Cr0_OnlyTaskSwitchedChanged_FlushesNothing()
    {
        var guest = GuestProcessor.Long();
        Assert.Equal(TranslationFlush.None, Write(guest, 0, guest.State.Cr0 | 8).Flush);
    }

    [Fact]
    public void Cr0_PagingWithLme_ActivatesLongMode()
    {
        var guest = ProtectedWithPae();
        guest.State.Efer = Lme;
        Assert.Equal(CompletionKind.Completed, Write(guest, 0, Paging | 0x11).Kind);
        Assert.Equal(Lme | Lma, guest.State.Efer);
    }

    [Fact]
    public void Cr0_PagingWithLmeWithoutPae_IsGeneralProtection()
    {
        var guest = GuestProcessor.Protected();
        guest.State.Efer = Lme;
        Refused(guest, 0, Paging | 0x11);
    }

    [Fact]
    public void Cr0_PagingWithLmeFromLongCodeSegment_IsGeneralProtection()
    {
        var guest = ProtectedWithPae();
        guest.State.Efer = Lme;
        guest.State[SegmentName.Cs] = guest.State[SegmentName.Cs] with { Attributes = 0xe09b };
        Refused(guest, 0, Paging | 0x11);
    }

    [Fact]
    public void Cr0_PagingWithLmeAnd16BitTss_IsGeneralProtection()
    {
        var guest = ProtectedWithPae();
        guest.State.Efer = Lme;
        guest.State[SegmentName.Tr] = guest.State[SegmentName.Tr] with { Attributes = 0x83 };
        Refused(guest, 0, Paging | 0x11);
    }

    [Fact]
    public void Cr0_PagingOffIn64BitMode_IsGeneralProtection() => Refused(GuestProcessor.Long(), 0, 0x11);

    [Fact]
    public void Cr0_PagingOffFromCompatibility_DeactivatesLongMode()
    {
        var guest = Compatibility();
        Assert.Equal(TranslationFlush.All, Write(guest, 0, 0x11).Flush);
        Assert.Equal(0x901UL, guest.State.Efer);
    }

    [Fact]
    public void Cr0_PagingOffWithPcide_IsGeneralProtection()
    {
        var guest = Compatibility();
        guest.State.Cr4 |= Pcide;
        Refused(guest, 0, 0x11);
    }

    private static GuestProcessor Compatibility()
    {
        var guest = GuestProcessor.Long();
        guest.State[SegmentName.Cs] = SegmentRegister.FlatCode32(8);
        return guest;
    }

    [Fact]
    public void Cr0_PagingWithPae_ChecksDirectoryPointers()
    {
        var guest = ProtectedWithPae();
        Assert.Equal(CompletionKind.Completed, Write(guest, 0, Paging | 0x11).Kind);
        guest = ProtectedWithPae();
        guest.Write64(0x8018, 0x9003);
        Refused(guest, 0, Paging | 0x11);
        guest.Write64(0x8018, 0x9002);
        Assert.Equal(CompletionKind.Completed, Write(guest, 0, Paging | 0x11).Kind);
    }

    [Fact]
    public void Cr3_KeepsGlobalPages()
    {
        var guest = GuestProcessor.Long();
        Assert.Equal(TranslationFlush.NonGlobal, Write(guest, 3, GuestProcessor.Tables).Flush);
    }

    [Fact]
    public void Cr3_BeyondPhysicalAddresses_IsGeneralProtection()
    {
        Refused(GuestProcessor.Long(), 3, 1UL << 40);
        Refused(GuestProcessor.Long(), 3, 1UL << 63);
    }

    [Fact]
    public void Cr3_WithPcide_DropsBit63()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr4 |= Pcide;
        Assert.Equal(CompletionKind.Completed, Write(guest, 3, (1UL << 63) | GuestProcessor.Tables | 5).Kind);
        Assert.Equal(GuestProcessor.Tables | 5, guest.State.Cr3);
    }

    [Fact]
    public void Cr3_InPaePaging_ChecksDirectoryPointers()
    {
        var guest = ProtectedWithPae();
        guest.State.Cr0 |= Paging;
        guest.Write64(0xe000, 0x21 | (1UL << 52));
        Refused(guest, 3, 0xe000);
        guest.Write64(0xe000, 0x9001);
        Assert.Equal(CompletionKind.Completed, Write(guest, 3, 0xe000).Kind);
    }

    [Fact]
    public void Cr4_TranslationBits_FlushAll()
    {
        var guest = GuestProcessor.Long();
        Assert.Equal(TranslationFlush.All, Write(guest, 4, guest.State.Cr4 | 0x80).Flush);
        Assert.Equal(TranslationFlush.None, Write(guest, 4, guest.State.Cr4 | 4).Flush);
    }

    [Theory]
    [InlineData(1UL << 15)]
    [InlineData(1UL << 19)]
    [InlineData(1UL << 13)]
    [InlineData(1UL << 32)]
    public void Cr4_ReservedBit_IsGeneralProtection(ulong bit)
    {
        var guest = GuestProcessor.Long();
        Refused(guest, 4, guest.State.Cr4 | bit);
    }

    [Fact]
    public void Cr4_BitOfAnAbsentFeature_IsGeneralProtection()
    {
        var guest = GuestProcessor.Long();
        guest.Facts.Cpuid = [.. SoftwareCpuid.Leaves.Select(leaf => leaf.Function == 7 ? leaf with { Ebx = 0 } : leaf)];
        Refused(guest, 4, 0x620 | (1 << 20));
    }

    [Fact]
    public void Cr4_ClearingPaeInLongMode_IsGeneralProtection() => Refused(GuestProcessor.Long(), 4, 0x600);

    [Fact]
    public void Cr4_ChangingLa57InLongMode_IsGeneralProtection() => Refused(GuestProcessor.Long(), 4, 0x620 | (1 << 12));

    [Fact]
    public void Cr4_PcideNeedsLongModeAndContextZero()
    {
        Refused(GuestProcessor.Protected(), 4, 0x600 | Pcide);
        var guest = GuestProcessor.Long();
        guest.State.Cr3 |= 8;
        Refused(guest, 4, guest.State.Cr4 | Pcide);
        guest.State.Cr3 &= ~8UL;
        Assert.Equal(CompletionKind.Completed, Write(guest, 4, guest.State.Cr4 | Pcide).Kind);
    }

    [Fact]
    public void Cr8_TakesFourBits()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = 15;
        guest.Complete(a => a.mov(cr8, rax));
        Assert.Equal(15UL, guest.State.Cr8);
        guest[GeneralRegister.Rax] = 16;
        guest.Fault(13, 0, a => a.mov(cr8, rax));
    }

    [Fact]
    public void ControlRegisters_AboveRing0_AreGeneralProtection()
    {
        var guest = GuestProcessor.Long(3);
        guest.Fault(13, 0, a => a.mov(cr0, rax));
        guest.Fault(13, 0, a => a.mov(rax, cr3));
        guest.Fault(13, 0, a => a.lmsw(ax));
    }

    [Fact]
    public void Cr1_IsUndefined()
    {
        var guest = GuestProcessor.Long();
        var completion = guest.RunBytes(0x0f, 0x22, 0xc8);
        Assert.Equal((CompletionKind.Fault, 6), (completion.Kind, completion.Vector));
    }

    [Fact]
    public void Lmsw_SetsButNeverClearsPe()
    {
        var guest = GuestProcessor.Protected();
        guest[GeneralRegister.Rax] = 0xfffa;
        guest.Complete(a => a.lmsw(ax));
        Assert.Equal(0x3bUL, guest.State.Cr0);
    }

    [Fact]
    public void Smsw_ReadsCr0()
    {
        var guest = GuestProcessor.Long(3);
        guest.Complete(a => a.smsw(eax));
        Assert.Equal(0x8001_0033UL, guest[GeneralRegister.Rax]);
    }

    [Theory]
    [InlineData(0x2UL)]
    [InlineData(0x200UL)]
    [InlineData(0x1000UL)]
    [InlineData(0x1_0000_0000UL)]
    public void Efer_ReservedBit_IsGeneralProtection(ulong bit)
    {
        var guest = GuestProcessor.Long();
        WriteMsr(guest, EferMsr, guest.State.Efer | bit, false);
    }

    [Fact]
    public void Efer_LmeWhilePaging_IsGeneralProtection()
    {
        WriteMsr(GuestProcessor.Long(), EferMsr, 0xc01, false);
        var guest = GuestProcessor.Protected();
        WriteMsr(guest, EferMsr, Lme | Lma, true);
        Assert.Equal(Lme, guest.State.Efer);
    }

    [Fact]
    public void Efer_NxeChange_Flushes()
    {
        var guest = GuestProcessor.Long();
        Assert.Equal(TranslationFlush.All, WriteMsr(guest, EferMsr, 0x501, true).Flush);
        guest[GeneralRegister.Rcx] = EferMsr;
        guest.Complete(a => a.rdmsr());
        Assert.Equal(0x501UL, guest[GeneralRegister.Rax]);
    }

    [Theory]
    [InlineData(0xc0000100, 4)]
    [InlineData(0xc0000101, 5)]
    public void SegmentBases_AreMsrs(uint msr, int segment)
    {
        var guest = GuestProcessor.Long();
        WriteMsr(guest, msr, 0xffff_8000_1234_5678, true);
        Assert.Equal(0xffff_8000_1234_5678, guest.State.Segments[segment].Base);
        guest[GeneralRegister.Rcx] = msr;
        guest.Complete(a => a.rdmsr());
        Assert.Equal((0x1234_5678UL, 0xffff_8000UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]));
    }

    [Theory]
    [InlineData(0xc0000100)]
    [InlineData(0xc0000101)]
    [InlineData(0xc0000102)]
    [InlineData(0xc0000082)]
    [InlineData(0x176)]
    public void AddressMsr_NotCanonical_IsGeneralProtection(uint msr)
    {
        var guest = GuestProcessor.Long();
        guest.Facts.Msrs[msr] = 0;
        WriteMsr(guest, msr, 0x0000_8000_0000_0000, false);
        WriteMsr(guest, msr, 0xffff_8000_0000_0000, true);
    }

    [Fact]
    public void UnknownMsr_IsGeneralProtection() => WriteMsr(GuestProcessor.Long(), 0x1234, 0, false);

    private static Completion WriteMsr(GuestProcessor guest, uint msr, ulong value, bool accepted)
    {
        guest[GeneralRegister.Rcx] = msr;
        guest[GeneralRegister.Rax] = (uint)value;
        guest[GeneralRegister.Rdx] = value >> 32;
        if (!accepted)
        {
            return guest.Fault(13, 0, a => a.wrmsr());
        }

        var completion = guest.Run(a => a.wrmsr());
        Assert.Equal(CompletionKind.Completed, completion.Kind);
        return completion;
    }

    [Fact]
    public void Invlpg_NamesThePage()
    {
        var guest = GuestProcessor.Long();
        guest.State[SegmentName.Gs] = guest.State[SegmentName.Gs] with { Base = 0x5000 };
        guest[GeneralRegister.Rbx] = 0x1234;
        var completion = guest.Run(a => a.invlpg(__.gs[rbx]));
        Assert.Equal((TranslationFlush.Page, 0x6234UL), (completion.Flush, completion.FlushAddress));
    }

    [Theory]
    [InlineData(0UL, TranslationFlush.Page)]
    [InlineData(1UL, TranslationFlush.NonGlobal)]
    [InlineData(3UL, TranslationFlush.NonGlobal)]
    public void Invpcid_FlushesByType(ulong type, TranslationFlush expected)
    {
        var guest = GuestProcessor.Long();
        guest.Write64(GuestProcessor.Data + 8, 0x1000);
        guest[GeneralRegister.Rax] = type;
        var completion = guest.Run(a => a.invpcid(rax, __[GuestProcessor.Data]));
        Assert.Equal((expected, 0x1000UL), (completion.Flush, completion.FlushAddress));
    }
}
