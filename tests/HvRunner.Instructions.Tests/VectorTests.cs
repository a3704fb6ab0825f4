using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using HvRunner.Abstractions;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

public class VectorTests
{
    private const ulong Data = GuestProcessor.Data;

    private static Vector128<T> Xmm<T>(GuestProcessor guest, int index) =>
        Vector128.Create<byte>(guest.State.Extended.Image.Slice(160 + (16 * index), 16)).As<byte, T>();

    private static void SetXmm<T>(GuestProcessor guest, int index, Vector128<T> value)
    {
        value.AsByte().CopyTo(guest.State.Extended.Image.Slice(160 + (16 * index), 16));
        guest.State.Extended.Image[512] |= 2;
    }

    private static void SetUpper(GuestProcessor guest, int index, byte value)
    {
        guest.State.Extended.Image.Slice(576 + (16 * index), 16).Fill(value);
        guest.State.Extended.Image[512] |= 4;
    }

    private static Span<byte> Upper(GuestProcessor guest, int index) => guest.State.Extended.Image.Slice(576 + (16 * index), 16);

    [Fact]
    public void Pxor_LeavesUpperHalf_VpxorClearsIt()
    {
        var guest = GuestProcessor.Long();
        SetXmm(guest, 1, Vector128.Create((byte)0xff));
        SetXmm(guest, 2, Vector128.Create((byte)0x0f));
        SetUpper(guest, 1, 0x11);
        var completion = guest.Run(a => a.pxor(xmm1, xmm2));
        Assert.Equal(StateParts.General | StateParts.Extended, completion.Changed);
        Assert.Equal(Vector128.Create((byte)0xf0), Xmm<byte>(guest, 1));
        Assert.Equal(0x11, Upper(guest, 1)[5]);
        guest.Complete(a => a.vpxor(xmm1, xmm1, xmm2));
        Assert.Equal(Vector128.Create((byte)0xff), Xmm<byte>(guest, 1));
        Assert.Equal(0, Upper(guest, 1)[5]);
    }

    [Fact]
    public void Vmovdqu_MovesThirtyTwoBytesAcrossPages()
    {
        var guest = GuestProcessor.Long();
        guest.Write(Data + 0xff1, [.. Enumerable.Range(1, 32).Select(value => (byte)value)]);
        guest.Complete(a => a.vmovdqu(ymm3, __[Data + 0xff1]));
        Assert.Equal((1, 17), (Xmm<byte>(guest, 3).GetElement(0), Upper(guest, 3)[0]));
        guest.Complete(a => a.vmovdqu(__[Data + 0x1ff8], ymm3));
        Assert.Equal(guest.Read(Data + 0xff1, 32), guest.Read(Data + 0x1ff8, 32));
    }

    [Fact]
    public void AlignedMove_OfUnalignedOperand_IsGeneralProtection()
    {
        var guest = GuestProcessor.Long();
        guest.Fault(13, 0, a => a.movaps(xmm0, __[Data + 8]));
        guest.Fault(13, 0, a => a.pxor(xmm0, __[Data + 8]));
        guest.Complete(a => a.movups(xmm0, __[Data + 8]));
        guest.Complete(a => a.vpxor(xmm0, xmm1, __[Data + 8]));
        guest.Fault(13, 0, a => a.vmovdqa(ymm0, __[Data + 16]));
    }

    [Fact]
    public void Availability_FollowsControlRegisters()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr0 |= 8;
        guest.Fault(7, null, a => a.pxor(xmm0, xmm1));
        guest.State.Cr0 &= ~8UL;
        guest.State.Extended.Xcr0 = 3;
        guest.Fault(6, null, a => a.vpxor(xmm0, xmm1, xmm2));
        guest.State.Cr4 &= ~0x200UL;
        guest.Fault(6, null, a => a.pxor(xmm0, xmm1));
    }

    [Theory]
    [InlineData(0.1f, 0.2f, 0x20u)]
    [InlineData(1f, 2f, 0u)]
    [InlineData(float.MaxValue, float.MaxValue, 0x28u)]
    [InlineData(float.PositiveInfinity, float.NegativeInfinity, 1u)]
    [InlineData(1f, float.Epsilon, 0x22u)]
    public void Addss_ComputesAndSetsFlags(float left, float right, uint flags)
    {
        var guest = GuestProcessor.Long();
        SetXmm(guest, 0, Vector128.Create(left, 7f, 8f, 9f));
        SetXmm(guest, 1, Vector128.Create(right));
        guest.Complete(a => a.addss(xmm0, xmm1));
        Assert.Equal(Vector128.Create(left + right, 7f, 8f, 9f), Xmm<float>(guest, 0));
        Assert.Equal(0x1f80u | flags, MemoryMarshal.Read<uint>(guest.State.Extended.Image[24..]));
    }

    [Fact]
    public void UnmaskedException_RaisesXmAndKeepsTheDestination()
    {
        var guest = GuestProcessor.Long();
        SetXmm(guest, 0, Vector128.Create(1f));
        SetXmm(guest, 1, Vector128.Create(0f));
        guest.Write64(Data, 0x1d80);
        guest.Complete(a => a.ldmxcsr(__dword_ptr[Data]));
        var completion = guest.Fault(19, null, a => a.divps(xmm0, xmm1));
        Assert.Equal(StateParts.Extended, completion.Changed);
        Assert.Equal(0x1d84u, MemoryMarshal.Read<uint>(guest.State.Extended.Image[24..]));
        Assert.Equal(Vector128.Create(1f), Xmm<float>(guest, 0));
        guest.State.Cr4 &= ~0x400UL;
        guest.Fault(6, null, a => a.divps(xmm0, xmm1));
    }

    [Fact]
    public void Ldmxcsr_WithReservedBits_IsGeneralProtection()
    {
        var guest = GuestProcessor.Long();
        guest.Write64(Data, 0x1_1f80);
        guest.Fault(13, 0, a => a.ldmxcsr(__dword_ptr[Data]));
    }

    [Fact]
    public void PackedArithmetic_MatchesTheHost()
    {
        var guest = GuestProcessor.Long();
        var random = new Random(20260721);
        var bytes = new byte[32];
        for (var i = 0; i < 500; i++)
        {
            random.NextBytes(bytes);
            var (left, right) = (Vector128.Create(bytes[..16]), Vector128.Create(bytes[16..]));
            Check(a => a.paddb(xmm0, xmm1), left + right);
            Check(a => a.pcmpgtw(xmm0, xmm1), Vector128.GreaterThan(left.AsInt16(), right.AsInt16()).AsByte());
            Check(a => a.mulps(xmm0, xmm1), (left.AsSingle() * right.AsSingle()).AsByte());
            Check(a => a.divpd(xmm0, xmm1), (left.AsDouble() / right.AsDouble()).AsByte());
            Check(a => a.cvtdq2ps(xmm0, xmm1), Vector128.ConvertToSingle(right.AsInt32()).AsByte());

            void Check(Action<Assembler> code, Vector128<byte> expected)
            {
                SetXmm(guest, 0, left);
                SetXmm(guest, 1, right);
                guest.Complete(code);
                var actual = Xmm<byte>(guest, 0);
                if (actual != expected)
                {
                    // Which of two NaNs comes out is the compiler's choice on the host.
                    AssertSameButNans(expected, actual);
                }
            }
        }
    }

    private static void AssertSameButNans(Vector128<byte> expected, Vector128<byte> actual)
    {
        for (var i = 0; i < 4; i++)
        {
            var (x, y) = (expected.AsSingle().GetElement(i), actual.AsSingle().GetElement(i));
            var wide = double.IsNaN(expected.AsDouble().GetElement(i / 2)) && double.IsNaN(actual.AsDouble().GetElement(i / 2));
            Assert.True(wide || (float.IsNaN(x) && float.IsNaN(y)) || BitConverter.SingleToUInt32Bits(x) == BitConverter.SingleToUInt32Bits(y));
        }
    }

    [Fact]
    public void Vzeroupper_ClearsAllUpperHalves()
    {
        var guest = GuestProcessor.Long();
        SetXmm(guest, 15, Vector128.Create((byte)1));
        SetUpper(guest, 15, 3);
        guest.Complete(a => a.vzeroupper());
        Assert.Equal((0, 1), (Upper(guest, 15)[0], Xmm<byte>(guest, 15).GetElement(0)));
    }

    [Fact]
    public void Pmovmskb_Ptest_Pshufd_Palignr_Work()
    {
        var guest = GuestProcessor.Long();
        SetXmm(guest, 0, Vector128.Create(0x8000_0000u, 1, 2, 3));
        guest.Complete(a => a.pmovmskb(eax, xmm0));
        Assert.Equal(8UL, guest[GeneralRegister.Rax]);
        guest.Complete(a => a.ptest(xmm0, xmm0));
        Assert.Equal(1UL, guest.State.Rflags & 0x8d5);
        guest.Complete(a => a.pshufd(xmm1, xmm0, 0x1b));
        Assert.Equal(Vector128.Create(3u, 2, 1, 0x8000_0000), Xmm<uint>(guest, 1));
        guest.Complete(a => a.palignr(xmm1, xmm0, 4));
        Assert.Equal(Vector128.Create(1u, 2, 3, 3), Xmm<uint>(guest, 1));
    }

    [Fact]
    public void Mmx_WriteMakesTheX87StackValid_EmmsEmptiesIt()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = 0x1122_3344_5566_7788;
        guest.Complete(a => a.movq(mm3, rax));
        Assert.Equal(0xff, guest.State.Extended.Image[4]);
        guest.Complete(a => a.paddb(mm3, mm3));
        guest.Complete(a => a.movq(rbx, mm3));
        Assert.Equal(0x2244_6688_aacc_ee10UL, guest[GeneralRegister.Rbx]);
        guest.Complete(a => a.emms());
        Assert.Equal(0, guest.State.Extended.Image[4]);
    }
}
