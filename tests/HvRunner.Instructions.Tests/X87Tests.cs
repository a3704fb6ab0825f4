using System.Buffers.Binary;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

public class X87Tests
{
    private const ulong Data = GuestProcessor.Data;

    private static ushort Status(GuestProcessor guest) => BinaryPrimitives.ReadUInt16LittleEndian(guest.State.Extended.Image[2..]);

    private static double Pop(GuestProcessor guest)
    {
        guest.Complete(a => a.fstp(__qword_ptr[Data + 256]));
        return BitConverter.UInt64BitsToDouble(guest.Read64(Data + 256));
    }

    private static void Push(GuestProcessor guest, double value)
    {
        guest.Write64(Data + 264, BitConverter.DoubleToUInt64Bits(value));
        guest.Complete(a => a.fld(__qword_ptr[Data + 264]));
    }

    [Fact]
    public void Fwait_CompletesWithoutPendingException_ElseRaisesMf()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.wait());
        guest.Write64(Data, 0x37b);
        guest.Complete(a => a.fldcw(__word_ptr[Data]));
        guest.Complete(a => a.fld1());
        guest.Complete(a => a.fldz());
        guest.Complete(a => a.fdivp(st1, st0));
        Assert.Equal(0x8084, Status(guest) & 0x80ff);
        guest.Fault(16, null, a => a.wait());
        guest.Complete(a => a.fnclex());
        guest.Complete(a => a.wait());
    }

    [Fact]
    public void Fwait_ObeysMpAndTs()
    {
        var guest = GuestProcessor.Long();
        guest.State.Cr0 |= 8;
        guest.Fault(7, null, a => a.wait());
        guest.Fault(7, null, a => a.fld1());
        guest.State.Cr0 &= ~2UL;
        guest.Complete(a => a.wait());
    }

    [Fact]
    public void Constants_AreTheKnownOnes()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.fldpi());
        guest.Complete(a => a.fldln2());
        guest.Complete(a => a.fldl2e());
        guest.Complete(a => a.fld1());
        Assert.Equal((1.0, Math.Log2(Math.E), Math.Log(2), Math.PI), (Pop(guest), Pop(guest), Pop(guest), Pop(guest)));
        Assert.Equal(0, guest.State.Extended.Image[4]);
    }

    [Fact]
    public void Arithmetic_WithDoublePrecision_MatchesTheHost()
    {
        var guest = GuestProcessor.Long();
        guest.Write64(Data, 0x27f);
        guest.Complete(a => a.fldcw(__word_ptr[Data]));
        var random = new Random(20260721);
        for (var i = 0; i < 500; i++)
        {
            var (x, y) = ((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-40, 40)), (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-40, 40)));
            Push(guest, x);
            Push(guest, y);
            guest.Complete(a => a.fadd(st0, st1));
            Assert.Equal(x + y, Pop(guest));
            Push(guest, y);
            guest.Complete(a => a.fsub(st0, st1));
            Assert.Equal(y - x, Pop(guest));
            Push(guest, y);
            guest.Complete(a => a.fmul(st0, st1));
            Assert.Equal(x * y, Pop(guest));
            Push(guest, y);
            guest.Complete(a => a.fdivr(st0, st1));
            Assert.Equal(x / y, Pop(guest));
            guest.Complete(a => a.fabs());
            guest.Complete(a => a.fsqrt());
            Assert.Equal(Math.Sqrt(Math.Abs(x)), Pop(guest));
        }
    }

    [Fact]
    public void Stack_OverflowAndUnderflow_SetSfAndC1()
    {
        var guest = GuestProcessor.Long();
        guest.Complete(a => a.fstp(st1));
        Assert.Equal(0x41, Status(guest) & 0x241);
        guest.Complete(a => a.fninit());
        for (var i = 0; i < 9; i++)
        {
            guest.Complete(a => a.fld1());
        }

        Assert.Equal(0x241, Status(guest) & 0x241);
    }

    [Theory]
    [InlineData(2.5, 0x37f, 2L)]
    [InlineData(2.5, 0xb7f, 3L)]
    [InlineData(-2.5, 0x77f, -3L)]
    [InlineData(-2.5, 0xf7f, -2L)]
    [InlineData(1e30, 0x37f, long.MinValue)]
    public void Fistp_RoundsAsControlWordSays(double value, ushort control, long expected)
    {
        var guest = GuestProcessor.Long();
        guest.Write64(Data, control);
        guest.Complete(a => a.fldcw(__word_ptr[Data]));
        Push(guest, value);
        guest.Complete(a => a.fistp(__qword_ptr[Data]));
        Assert.Equal(expected, (long)guest.Read64(Data));
        Assert.Equal(Math.Abs(value) > 1e20 ? 1 : 0x20, Status(guest) & 0x3f);
    }

    [Theory]
    [InlineData(1.0, 2.0, 1UL)]
    [InlineData(2.0, 2.0, 0x40UL)]
    [InlineData(3.0, 2.0, 0UL)]
    [InlineData(double.NaN, 2.0, 0x45UL)]
    public void Fucomi_SetsFlags(double left, double right, ulong flags)
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags = 0x8d7;
        Push(guest, right);
        Push(guest, left);
        guest.Complete(a => a.fucomi(st0, st1));
        Assert.Equal(flags, guest.State.Rflags & 0x8d5);
        Assert.Equal(0, Status(guest) & 1);
        guest.Complete(a => a.fcomi(st0, st1));
        Assert.Equal(double.IsNaN(left) ? 1 : 0, Status(guest) & 1);
    }

    [Fact]
    public void Fnsave_Frstor_RoundTripAndInitialize()
    {
        var guest = GuestProcessor.Long();
        Push(guest, 1.5);
        Push(guest, -2.5);
        guest.Complete(a => a.fnsave(__[Data]));
        Assert.Equal(0, guest.State.Extended.Image[4]);
        Assert.Equal(0x0fff_0fffUL & 0xffff, guest.Read64(Data + 8) & 0xffff);
        guest.Complete(a => a.frstor(__[Data]));
        Assert.Equal((-2.5, 1.5), (Pop(guest), Pop(guest)));
    }

    [Fact]
    public void Fst_ToReadOnlyPage_LeavesTheStackAlone()
    {
        var guest = GuestProcessor.Long();
        Push(guest, 1.5);
        guest.Pages.Map(Data + 0x1000, Data + 0x1000, 0);
        guest.Fault(14, 3, a => a.fstp(__qword_ptr[Data + 0x1000]));
        Assert.Equal(1.5, Pop(guest));
    }
}
