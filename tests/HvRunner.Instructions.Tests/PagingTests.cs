using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>Address translation, rule by rule (SDM vol. 3A, chapter 4).</summary>
public class PagingTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Cr4Smep = 1 << 20;
    private const ulong Cr4Smap = 1 << 21;
    private const ulong Cr0Wp = 1 << 16;

    /// <summary>Rights of the page, whether the access is a write, CPL, CR0.WP, and the expected error code or -1.</summary>
    [Theory]
    [InlineData(PageTables.User | PageTables.Writable, true, 3, true, -1)]
    [InlineData(PageTables.User, false, 3, true, -1)]
    [InlineData(PageTables.User, true, 3, true, 7)]
    [InlineData(PageTables.Writable, false, 3, true, 5)]
    [InlineData(PageTables.Writable, true, 3, true, 7)]
    [InlineData(PageTables.Writable, true, 0, true, -1)]
    [InlineData(0UL, false, 0, true, -1)]
    [InlineData(0UL, true, 0, true, 3)]
    [InlineData(0UL, true, 0, false, -1)]
    [InlineData(PageTables.User, true, 0, false, -1)]
    [InlineData(PageTables.User, true, 0, true, 3)]
    public void Access_FollowsRights(ulong rights, bool writes, int cpl, bool protects, int error)
    {
        var guest = GuestProcessor.Long(cpl);
        guest.State.Cr0 = protects ? guest.State.Cr0 | Cr0Wp : guest.State.Cr0 & ~Cr0Wp;
        guest.Pages.Map(Data, Data, rights);
        if (error < 0)
        {
            guest.Complete(a => _ = writes ? Do(() => a.mov(__[Data], al)) : Do(() => a.mov(al, __byte_ptr[Data])));
        }
        else
        {
            var completion = guest.Fault(14, (uint)error, a => _ = writes ? Do(() => a.mov(__[Data], al)) : Do(() => a.mov(al, __byte_ptr[Data])));
            Assert.Equal(Data, completion.Cr2);
        }
    }

    private static bool Do(Action action)
    {
        action();
        return true;
    }

    [Fact]
    public void NotPresent_GivesErrorCodeWithoutPresent()
    {
        var guest = GuestProcessor.Long(3);
        guest.Pages.Write(guest.Pages.EntryAddress(Data, 1), 0);
        guest.Fault(14, 6, a => a.mov(__[Data + 8], rax));
        Assert.Equal(0UL, guest.State.Cr2);
    }

    [Fact]
    public void NoExecute_FaultsOnFetchOnly()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Map(Data, Data, PageTables.Writable | PageTables.NoExecute);
        guest.Complete(a => a.mov(rax, __[Data]));
        guest.State.Rip = Data;
        guest.Fault(14, 0x11, a => a.nop());
        guest.State.Efer &= ~0x800UL;
        guest.Fault(14, 0x9, a => a.nop());
    }

    [Fact]
    public void Smep_ForbidsFetchFromUserPages()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr4 |= Cr4Smep;
        guest.Fault(14, 0x11, a => a.nop());
        guest.Pages.Map(GuestProcessor.Code, GuestProcessor.Code, 0);
        guest.Complete(a => a.nop());
    }

    [Fact]
    public void Smap_ForbidsUserDataUnlessAc()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr4 |= Cr4Smap;
        guest.Fault(14, 1, a => a.mov(rax, __[Data]));
        guest.Complete(a => a.stac());
        guest.Complete(a => a.mov(rax, __[Data]));
    }

    [Fact]
    public void Accessed_AndDirty_AreSetAsNeeded()
    {
        var guest = GuestProcessor.Long();
        var entry = guest.Pages.EntryAddress(Data, 1);
        guest.Complete(a => a.mov(rax, __[Data]));
        Assert.Equal(PageTables.Accessed, guest.Pages.Read(entry) & 0x60);
        Assert.Equal(PageTables.Accessed, guest.Pages.Read(guest.Pages.EntryAddress(Data, 2)) & 0x60);
        guest.Complete(a => a.mov(__[Data], rax));
        Assert.Equal(PageTables.Accessed | PageTables.Dirty, guest.Pages.Read(entry) & 0x60);
    }

    [Fact]
    public void FailedWrite_SetsNeitherAccessedNorDirty()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Map(Data, Data, 0);
        guest.Fault(14, 3, a => a.mov(__[Data], rax));
        Assert.Equal(0UL, guest.Pages.Read(guest.Pages.EntryAddress(Data, 1)) & 0x60);
    }

    [Theory]
    [InlineData(1, 1UL << 45)]
    [InlineData(1, 1UL << 51)]
    [InlineData(2, 1UL << 13)]
    [InlineData(3, 1UL << 29)]
    public void ReservedBit_FaultsWithRsvd(int level, ulong bit)
    {
        var guest = GuestProcessor.Long();
        var linear = 0x1_0000_0000UL;
        guest.Pages.Map(linear, 0, PageTables.Writable, level);
        var address = guest.Pages.EntryAddress(linear, level);
        guest.Complete(a => a.mov(rax, __[linear]));
        guest.Pages.Write(address, guest.Pages.Read(address) | bit);
        guest.Fault(14, 9, a => a.mov(rax, __[linear]));
    }

    [Theory]
    [InlineData(2, 0x12_3456UL)]
    [InlineData(3, 0x12_3456UL)]
    public void LargePage_TranslatesItsOffset(int level, ulong offset)
    {
        var guest = GuestProcessor.Long();
        guest.Write64(offset, 0x1122_3344_5566_7788);
        guest.Pages.Map(0x40_0000_0000, 0, PageTables.Writable, level);
        guest[GeneralRegister.Rbx] = 0x40_0000_0000 + offset;
        guest.Complete(a => a.mov(rax, __[rbx]));
        Assert.Equal(0x1122_3344_5566_7788UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void FiveLevels_AreWalked()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr4 |= 1 << 12;
        var pages = new PageTables(guest.Ram, 0x4_0000, 5);
        pages.MapRange(0, 4 << 20, PageTables.Writable);
        var linear = 0x00fe_0000_0000_0000UL;
        pages.Map(linear, Data, PageTables.Writable);
        guest.State.Cr3 = 0x4_0000;
        guest.Write64(Data, 5);
        guest[GeneralRegister.Rbx] = linear;
        guest.Complete(a => a.mov(rax, __[rbx]));
        Assert.Equal(5UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void NonCanonical_IsGeneralProtection_OrStackFault()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbx] = 0x8000_0000_0000;
        guest[GeneralRegister.Rbp] = 0x8000_0000_0000;
        guest.Fault(13, 0, a => a.mov(rax, __[rbx]));
        guest.Fault(12, 0, a => a.mov(rax, __[rbp]));
    }

    /// <summary>SDM vol. 1, 3.3.7.1; the real processor agrees.</summary>
    [Theory]
    [InlineData(0x36, 0x03, 13)]
    [InlineData(0x3e, 0x45, 12)]
    [InlineData(0x26, 0x45, 12)]
    [InlineData(0x64, 0x45, 13)]
    public void NonCanonical_IsOfTheBase_WhateverOverrideHasNoBaseOfItsOwn(byte prefix, byte modRm, byte vector)
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbx] = 0x8000_0000_0000;
        guest[GeneralRegister.Rbp] = 0x8000_0000_0000;
        guest.State.Rip = GuestProcessor.Code;
        guest.Write(GuestProcessor.Code, [prefix, 0x48, 0x8b, modRm, 0]);
        var completion = guest.Step();
        Assert.Equal((CompletionKind.Fault, vector), (completion.Kind, completion.Vector));
    }

    /// <summary>The manuals give no order; the real processor looks at the alignment first.</summary>
    [Fact]
    public void NonCanonicalAndMisaligned_IsGeneralProtection_OnTheStackToo()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbp] = 0x8000_0000_0000;
        guest.Fault(12, 0, a => a.addps(xmm0, __[rbp]));
        guest.Fault(13, 0, a => a.addps(xmm0, __[rbp + 4]));
        guest.Fault(12, 0, a => a.cmpxchg16b(__[rbp]));
        guest.Fault(13, 0, a => a.cmpxchg16b(__[rbp + 8]));
        guest.Fault(12, 0, a => a.fxsave(__[rbp]));
        guest.Fault(13, 0, a => a.fxsave(__[rbp + 8]));
    }

    [Fact]
    public void PageCrossingWrite_WithUnmappedSecondPage_WritesNothing()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Write(guest.Pages.EntryAddress(Data + 0x1000, 1), 0);
        guest[GeneralRegister.Rax] = ulong.MaxValue;
        Assert.Equal(Data + 0x1000, guest.Fault(14, 2, a => a.mov(__[Data + 0xffc], rax)).Cr2);
        Assert.Equal(0UL, guest.Read64(Data + 0xff8));
    }

    [Fact]
    public void Fetch_AcrossIntoUnmappedPage_FaultsOnlyWhenTheInstructionGoesOn()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Write(guest.Pages.EntryAddress(GuestProcessor.Code + 0x1000, 1), 0);
        guest.State.Rip = GuestProcessor.Code + 0xffe;
        guest.Write(guest.State.Rip, [0x90, 0x48]);
        Assert.Equal(CompletionKind.Completed, guest.Step().Kind);
        var completion = guest.Step();
        Assert.Equal((CompletionKind.Fault, 14, 0x10u, GuestProcessor.Code + 0x1000),
            (completion.Kind, completion.Vector, completion.ErrorCode, completion.Cr2));
    }

    [Fact]
    public void LegacyPaging_WalksTwoLevelsAndLargePages()
    {
        var guest = GuestProcessor.Protected();
        guest.State.Cr0 |= 0x8001_0000;
        guest.State.Cr3 = 0x4000;
        guest.State.Cr4 |= 0x10;
        guest.Write64(0x4000, 0x83);
        guest.Write64(0x4004, 0x5001);
        guest.Write64(0x5000, Data | 1);
        guest.Write64(Data, 77);
        guest.Complete(a => a.mov(eax, __[0x40_0000]));
        Assert.Equal(77UL, guest[GeneralRegister.Rax]);
        Assert.Equal(0xa3UL, guest.Read64(0x4000) & 0xff);
        guest.Fault(14, 3, a => a.mov(__[0x40_0000], eax));
    }

    [Fact]
    public void PaePaging_WalksThreeLevels()
    {
        var guest = GuestProcessor.Protected();
        guest.State.Cr0 |= 0x8001_0000;
        guest.State.Cr3 = 0x4020;
        guest.State.Cr4 |= 0x20;
        guest.Write64(0x4020, 0x5001);
        guest.Write64(0x5000, 0x83);
        guest.Write64(0x5008, 0x6003);
        guest.Write64(0x6000, Data | 3);
        guest.Write64(Data, 78);
        guest.Complete(a => a.mov(eax, __[0x20_0000]));
        Assert.Equal(78UL, guest[GeneralRegister.Rax]);
        Assert.Equal(0x5001UL, guest.Read64(0x4020));
        guest.Write64(0x4020, 0x5003);
        guest.Fault(14, 8 | 1, a => a.mov(eax, __[0x20_0000]));
    }

    [Fact]
    public void LockedOperand_ThatChangedMeanwhile_IsTriedAgain()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.mov(__[Data], rax));
        guest.Write64(Data, 1);
        guest.Log.Interference = () => guest.Write64(Data, 10);
        guest[GeneralRegister.Rax] = 5;
        guest.Complete(a => a.@lock.xadd(__[Data], rax));
        Assert.Equal((15UL, 10UL), (guest.Read64(Data), guest[GeneralRegister.Rax]));
    }
}
