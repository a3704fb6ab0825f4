using System.Buffers.Binary;
using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

public class XsaveTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Compacted = 1UL << 63;

    private static GuestProcessor Guest(ulong mask = ulong.MaxValue)
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = (uint)mask;
        guest[GeneralRegister.Rdx] = mask >> 32;
        return guest;
    }

    private static void FillVectors(GuestProcessor guest)
    {
        var image = guest.State.Extended.Image;
        image.Slice(160, 256).Fill(0x5a);
        image.Slice(576, 256).Fill(0xa5);
        BinaryPrimitives.WriteUInt64LittleEndian(image[512..], 6);
    }

    [Fact]
    public void Xgetbv_ReadsXcr0()
    {
        var guest = Guest();
        guest[GeneralRegister.Rcx] = 0;
        guest.Complete(a => a.xgetbv());
        Assert.Equal((7UL, 0UL), (guest[GeneralRegister.Rax], guest[GeneralRegister.Rdx]));
        Assert.Equal(1, guest.Facts.ExtendedLoads);
        guest[GeneralRegister.Rcx] = 2;
        guest.Fault(13, 0, a => a.xgetbv());
        guest.State.Cr4 &= ~0x4_0000UL;
        guest.Fault(6, null, a => a.xgetbv());
    }

    [Theory]
    [InlineData(3UL, true)]
    [InlineData(7UL, true)]
    [InlineData(0xe7UL, true)]
    [InlineData(0UL, false)]
    [InlineData(5UL, false)]
    [InlineData(0x27UL, false)]
    [InlineData(0x1_0000_0007UL, false)]
    public void Xsetbv_AcceptsOnlyConsistentSets(ulong value, bool accepted)
    {
        var guest = Guest(value);
        if (accepted)
        {
            guest.Complete(a => a.xsetbv());
            Assert.Equal(value, guest.State.Extended.Xcr0);
        }
        else
        {
            guest.Fault(13, 0, a => a.xsetbv());
            Assert.Equal(7UL, guest.State.Extended.Xcr0);
        }
    }

    [Fact]
    public void Xsave_WritesUsedAndInitialComponents_KeepsForeignXstateBv()
    {
        var guest = Guest(6);
        FillVectors(guest);
        guest.Write64(Data + 512, 1UL << 63 | 1);
        guest.Write64(Data + 520, 0x1234);
        guest.Complete(a => a.xsave(__[Data]));
        Assert.All(guest.Read(Data + 160, 256), value => Assert.Equal(0x5a, value));
        Assert.All(guest.Read(Data + 576, 256), value => Assert.Equal(0xa5, value));
        Assert.Equal((1UL << 63) | 7, guest.Read64(Data + 512));
        Assert.Equal(0x1234UL, guest.Read64(Data + 520));
        Assert.Equal(0x0000_ffff_0000_1f80UL, guest.Read64(Data + 24));
        Assert.Equal(0UL, guest.Read64(Data));
    }

    [Fact]
    public void Xsave_MisalignedOrWithTaskSwitched_Faults()
    {
        var guest = Guest();
        guest.Fault(13, 0, a => a.xsave(__[Data + 32]));
        guest.State.Cr0 |= 8;
        guest.Fault(7, null, a => a.xsave(__[Data]));
    }

    [Fact]
    public void Xsave_IntoReadOnlySecondPage_WritesNothing()
    {
        var guest = Guest();
        FillVectors(guest);
        guest.Pages.Map(Data + 0x1000, Data + 0x1000, PageTables.User);
        var completion = guest.Fault(14, 3, a => a.xsave(__[Data + 0xe00]));
        Assert.Equal(Data + 0x1000, completion.Cr2);
        Assert.All(guest.Read(Data + 0xe00, 512), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Xsave_AcrossPages_RestoresTheSame()
    {
        var guest = Guest();
        FillVectors(guest);
        guest.Complete(a => a.xsave64(__[Data + 0xe40]));
        guest.State.Extended.Reset();
        guest.Complete(a => a.xrstor64(__[Data + 0xe40]));
        Assert.True(guest.State.Extended.Image.Slice(576, 256).IndexOfAnyExcept((byte)0xa5) < 0);
        Assert.True(guest.State.Extended.Image.Slice(160, 256).IndexOfAnyExcept((byte)0x5a) < 0);
    }

    [Fact]
    public void Xsaveopt_SkipsInitialComponents()
    {
        var guest = Guest();
        guest.Write64(Data + 576, 0x77);
        guest.Complete(a => a.xsaveopt(__[Data]));
        Assert.Equal(0x77UL, guest.Read64(Data + 576));
        Assert.Equal(0UL, guest.Read64(Data + 512));
    }

    [Fact]
    public void Xsavec_Xsaves_UseCompactedFormat()
    {
        var guest = Guest();
        FillVectors(guest);
        guest.Complete(a => a.xsavec(__[Data]));
        Assert.Equal((6UL, Compacted | 7), (guest.Read64(Data + 512), guest.Read64(Data + 520)));
        guest.Facts.Msrs[0xda0] = 0x1800;
        guest.Complete(a => a.xsaves(__[Data]));
        Assert.Equal((6UL, Compacted | 0x1807), (guest.Read64(Data + 512), guest.Read64(Data + 520)));
        guest.State.Extended.Reset();
        guest.Complete(a => a.xrstors(__[Data]));
        Assert.True(guest.State.Extended.Image.Slice(576, 256).IndexOfAnyExcept((byte)0xa5) < 0);
    }

    [Fact]
    public void Xsavec_OfSparseSet_PacksComponents()
    {
        var guest = Guest(0x84);
        guest.State.Extended.Xcr0 = 0xe7;
        var image = guest.State.Extended.Image;
        image.Slice(1408, 1024).Fill(0x33);
        image[513] = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(image[512..], 0x80);
        guest.Complete(a => a.xsavec(__[Data]));
        Assert.Equal(0x3333_3333_3333_3333UL, guest.Read64(Data + 832));
        Assert.Equal((0x80UL, Compacted | 0x84), (guest.Read64(Data + 512), guest.Read64(Data + 520)));
    }

    [Fact]
    public void Xrstor_InitializesWhatXstateBvLeavesOut_AndLoadsMxcsr()
    {
        var guest = Guest();
        FillVectors(guest);
        guest.Write64(Data + 24, 0x1fa0);
        guest.Complete(a => a.xrstor(__[Data]));
        var image = guest.State.Extended.Image;
        Assert.True(image.Slice(576, 256).IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(0x1fa0u, BinaryPrimitives.ReadUInt32LittleEndian(image[24..]));
        Assert.Equal(0x37f, BinaryPrimitives.ReadUInt16LittleEndian(image));
    }

    [Theory]
    [InlineData(512, 8UL)]
    [InlineData(520, 1UL)]
    [InlineData(528, 1UL)]
    [InlineData(24, 0x1_1f80UL)]
    [InlineData(520, Compacted | 8)]
    public void Xrstor_WithBadHeaderOrMxcsr_IsGeneralProtection(int offset, ulong value)
    {
        var guest = Guest();
        guest.Write64(Data + 24, 0x1f80);
        guest.Write64(Data + (ulong)offset, value);
        guest.Fault(13, 0, a => a.xrstor(__[Data]));
    }

    [Fact]
    public void Xrstors_OfStandardFormatOrAboveRing0_IsGeneralProtection()
    {
        Guest().Fault(13, 0, a => a.xrstors(__[Data]));
        GuestProcessor.Long(3).Fault(13, 0, a => a.xsaves(__[Data]));
    }

    [Fact]
    public void Fxsave_Fxrstor_RoundTrip()
    {
        var guest = Guest();
        FillVectors(guest);
        guest.Complete(a => a.fxsave64(__[Data]));
        guest.State.Extended.Reset();
        guest.Complete(a => a.fxrstor64(__[Data]));
        Assert.True(guest.State.Extended.Image.Slice(160, 256).IndexOfAnyExcept((byte)0x5a) < 0);
        guest.Fault(13, 0, a => a.fxsave(__[Data + 8]));
    }
}
