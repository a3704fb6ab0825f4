using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>The integer and system instructions that emulators of hypervisors are known to refuse.</summary>
public class RefusedInstructionTests
{
    private const ulong Data = GuestProcessor.Data;

    [Fact]
    public void Clac_ClearsAc_StacSetsIt()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.stac());
        Assert.True(guest.HasFlag(18));
        guest.Complete(a => a.clac());
        Assert.False(guest.HasFlag(18));
    }

    [Fact]
    public void Clac_AboveRing0_IsUndefined() => GuestProcessor.Long(3).Fault(6, null, a => a.clac());

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(0xf0f0_0000_0000_000fUL, false)]
    public void Popcnt_CountsAndSetsOnlyZf(ulong value, bool zero)
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags = 0x8d7;
        guest[GeneralRegister.Rbx] = value;
        guest.Complete(a => a.popcnt(rax, rbx));
        Assert.Equal((ulong)System.Numerics.BitOperations.PopCount(value), guest[GeneralRegister.Rax]);
        Assert.Equal(zero ? 0x42UL : 2UL, guest.State.Rflags);
    }

    [Fact]
    public void Popcnt_ReadsMemoryAcrossPages()
    {
        var guest = GuestProcessor.Long();
        guest.Write64(Data + 0xffc, 0xff00_00ff_0f00_0001);
        guest.Complete(a => a.popcnt(rax, __qword_ptr[Data + 0xffc]));
        Assert.Equal(21UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void Crc32_MatchesCastagnoli()
    {
        var guest = GuestProcessor.Long();
        var crc = 0xffff_ffffu;
        guest[GeneralRegister.Rax] = crc;
        foreach (var character in "123456789"u8.ToArray())
        {
            guest[GeneralRegister.Rbx] = character;
            guest.Complete(a => a.crc32(eax, bl));
        }

        Assert.Equal(0xe306_9283u, ~(uint)guest[GeneralRegister.Rax]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cmpxchg16b_Equal_StoresAndSetsZf(bool locked)
    {
        var guest = GuestProcessor.Long();
        guest.Write64(Data, 1);
        guest.Write64(Data + 8, 2);
        (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]) = (1, 2);
        (guest[GeneralRegister.Rbx], guest[GeneralRegister.Rcx]) = (3, 4);
        guest.Complete(a => (locked ? a.@lock : a).cmpxchg16b(__[Data]));
        Assert.True(guest.HasFlag(6));
        Assert.Equal((3UL, 4UL), (guest.Read64(Data), guest.Read64(Data + 8)));
        Assert.Equal((1UL, 2UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]));
    }

    [Fact]
    public void Cmpxchg16b_Different_LoadsAndClearsZf()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags |= 0x8d5;
        guest.Write64(Data, 10);
        guest.Write64(Data + 8, 20);
        guest.Complete(a => a.@lock.cmpxchg16b(__[Data]));
        Assert.Equal(0x897UL, guest.State.Rflags);
        Assert.Equal((10UL, 20UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]));
        Assert.Equal((10UL, 20UL), (guest.Read64(Data), guest.Read64(Data + 8)));
    }

    [Fact]
    public void Cmpxchg16b_Unaligned_IsGeneralProtection() => GuestProcessor.Long().Fault(13, 0, a => a.cmpxchg16b(__[Data + 8]));

    [Fact]
    public void Rdtscp_ReadsTimeAndProcessor()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.rdtscp());
        Assert.Equal((0x9abc_def0UL, 0x1234_5678UL, 7UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx], guest[GeneralRegister.Rcx]));
    }

    [Fact]
    public void Rdtscp_WithTsdAboveRing0_IsGeneralProtection()
    {
        var guest = GuestProcessor.Long(3);
        guest.State.Cr4 |= 4;
        guest.Fault(13, 0, a => a.rdtscp());
    }

    [Fact]
    public void Rdpid_ReadsProcessor()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.rdpid(rbx));
        Assert.Equal(7UL, guest[GeneralRegister.Rbx]);
    }

    [Fact]
    public void Invpcid_AsksForFlush()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = 2;
        Assert.Equal(TranslationFlush.All, guest.Run(a => a.invpcid(rax, __[Data])).Flush);
    }

    [Theory]
    [InlineData(4UL, 0UL, 0UL)]
    [InlineData(2UL, 0x1000UL, 0UL)]
    [InlineData(1UL, 5UL, 0UL)]
    [InlineData(0UL, 0UL, 0x8000_0000_0000UL)]
    public void Invpcid_WithBadOperand_IsGeneralProtection(ulong type, ulong context, ulong address)
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = type;
        guest.Write64(Data, context);
        guest.Write64(Data + 8, address);
        guest.Fault(13, 0, a => a.invpcid(rax, __[Data]));
    }

    [Theory]
    [InlineData(0x00cf_9300_0000_ffffUL, true, true)]
    [InlineData(0x00cf_9100_0000_ffffUL, true, false)]
    [InlineData(0x00cf_9b00_0000_ffffUL, true, false)]
    [InlineData(0x00cf_9900_0000_ffffUL, false, false)]
    [InlineData(0x0000_8900_0000_0067UL, false, false)]
    public void Verr_Verw_JudgeTheDescriptor(ulong descriptor, bool readable, bool writable)
    {
        var guest = GuestProcessor.Long();
        guest.Write64(GuestProcessor.Gdt + 0x18, descriptor);
        guest[GeneralRegister.Rax] = 0x18;
        guest.Complete(a => a.verr(ax));
        Assert.Equal(readable, guest.HasFlag(6));
        guest.Write64(Data, 0x18);
        guest.Complete(a => a.verw(__word_ptr[Data]));
        Assert.Equal(writable, guest.HasFlag(6));
    }

    [Fact]
    public void Verw_OfNullSelector_ClearsZf()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags |= 0x40;
        guest.Complete(a => a.verw(ax));
        Assert.False(guest.HasFlag(6));
    }

    [Fact]
    public void Monitor_Mwait_CompleteAsHints()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = Data;
        guest.Complete(a => a.monitor());
        guest.Complete(a => a.mwait());
        guest[GeneralRegister.Rcx] = 2;
        guest.Fault(13, 0, a => a.mwait());
        guest[GeneralRegister.Rcx] = 0;
        guest[GeneralRegister.Rax] = 0x8000_0000;
        Assert.Equal(0x8000_0000UL, guest.Fault(14, 0, a => a.monitor()).Cr2);
    }

    [Fact]
    public void Andn_ComputesAndSetsFlags()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbx] = 0x0f;
        guest[GeneralRegister.Rcx] = 0xff;
        guest.Complete(a => a.andn(rax, rbx, rcx));
        Assert.Equal(0xf0UL, guest[GeneralRegister.Rax]);

        // PF and AF are undefined.
        Assert.Equal(2UL, guest.State.Rflags & ~0x14UL);
    }

    [Fact]
    public void Shlx_ShiftsWithoutFlags()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags = 0x8d7;
        guest[GeneralRegister.Rbx] = 0x8000_0001;
        guest[GeneralRegister.Rcx] = 33;
        guest.Complete(a => a.shlx(eax, ebx, ecx));
        Assert.Equal(2UL, guest[GeneralRegister.Rax]);
        Assert.Equal(0x8d7UL, guest.State.Rflags);
    }
}
