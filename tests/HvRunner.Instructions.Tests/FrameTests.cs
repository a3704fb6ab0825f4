using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>ENTER, PUSHA, POPA, XLAT, BOUND (SDM vol. 2).</summary>
public class FrameTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Stack = GuestProcessor.Stack;

    [Fact]
    public void Enter_LevelZero_SavesFramePointerAndReserves()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbp] = 0x1122_3344_5566_7788;
        guest.Complete(a => a.enter(0x20, 0));
        Assert.Equal((Stack - 8, Stack - 0x28), (guest[GeneralRegister.Rbp], guest[GeneralRegister.Rsp]));
        Assert.Equal(0x1122_3344_5566_7788UL, guest.Read64(Stack - 8));
    }

    [Fact]
    public void Enter_WithLevels_CopiesOuterFrames()
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rbp] = Data + 0x100;
        guest.Write64(Data + 0xf8, 0xaaaa);
        guest.Write64(Data + 0xf0, 0xbbbb);
        guest.Complete(a => a.enter(0, 3));
        Assert.Equal((Data + 0x100, 0xaaaaUL, 0xbbbbUL, Stack - 8),
            (guest.Read64(Stack - 8), guest.Read64(Stack - 16), guest.Read64(Stack - 24), guest.Read64(Stack - 32)));
        Assert.Equal((Stack - 8, Stack - 32), (guest[GeneralRegister.Rbp], guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void Enter_WithUnmappedLocals_ChangesNothing()
    {
        var guest = GuestProcessor.Long();
        guest.Pages.Write(guest.Pages.EntryAddress(Stack - 0x2000, 1), 0);
        guest.Fault(14, 2, a => a.enter(0x1800, 0));
    }

    [Fact]
    public void PushaAndPopa_KeepAllButStackPointer()
    {
        var guest = GuestProcessor.Protected();
        for (var i = 0; i < 8; i++)
        {
            guest.State.General[i] = i == 4 ? Stack : 0x1111_1111UL * (ulong)(i + 1);
        }

        guest.Complete(a => a.pushad());
        Assert.Equal(0x7777_7777_8888_8888UL, guest.Read64(Stack - 32));
        Assert.Equal(Stack | (0x4444_4444UL << 32), guest.Read64(Stack - 20));
        Assert.Equal(0x1111_1111_2222_2222UL, guest.Read64(Stack - 8) >> 32 << 32 | (guest.Read64(Stack - 8) & uint.MaxValue));
        guest.Write64(Stack - 32, 0x0000_0007_0000_0008);
        guest.Complete(a => a.popad());
        Assert.Equal((8UL, 7UL, Stack, 0x1111_1111UL),
            (guest[GeneralRegister.Rdi], guest[GeneralRegister.Rsi], guest[GeneralRegister.Rsp], guest[GeneralRegister.Rax]));
    }

    [Fact]
    public void Popa_With16Bits_KeepsUpperHalves()
    {
        var guest = GuestProcessor.Protected();
        guest[GeneralRegister.Rdi] = 0xffff_ffff;
        guest.Write64(Stack, 0x1234);
        guest.Complete(a => a.popa());
        Assert.Equal((0xffff_1234UL, Stack + 16), (guest[GeneralRegister.Rdi], guest[GeneralRegister.Rsp]));
    }

    [Fact]
    public void Xlat_ReadsTableAtRbxPlusAl()
    {
        var guest = GuestProcessor.Long();
        guest.Write(Data + 0x85, [0x42]);
        guest[GeneralRegister.Rbx] = Data;
        guest[GeneralRegister.Rax] = 0xff85;
        guest.Complete(a => a.xlatb());
        Assert.Equal(0xff42UL, guest[GeneralRegister.Rax]);
    }

    [Theory]
    [InlineData(-5, true)]
    [InlineData(7, true)]
    [InlineData(-6, false)]
    [InlineData(8, false)]
    public void Bound_TakesSignedLimits(int index, bool inside)
    {
        var guest = GuestProcessor.Protected();
        guest.Write64(Data, unchecked((uint)-5) | (7UL << 32));
        guest[GeneralRegister.Rax] = (uint)index;
        if (inside)
        {
            guest.Complete(a => a.bound(eax, __qword_ptr[Data]));
        }
        else
        {
            guest.Fault(5, null, a => a.bound(eax, __qword_ptr[Data]));
        }
    }
}
