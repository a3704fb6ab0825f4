using HvRunner.Abstractions;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the SDM's x2APIC section each: modes, and registers as MSRs.</summary>
public sealed class X2ApicTests : IDisposable
{
    private const ulong Base = 0xfee0_0000;
    private const ulong Enable = 0x800;
    private const ulong Extended = 0x400;

    private readonly StartableProcessor _processor = new(0x25, new FakeTimerQueue());

    public void Dispose() => _processor.Apic.Dispose();

    [Theory]
    [InlineData(Enable, Enable, true)]
    [InlineData(Enable, Enable | Extended, true)]
    [InlineData(Enable, 0, true)]
    [InlineData(Enable, Extended, false)]
    [InlineData(Enable | Extended, Enable | Extended, true)]
    [InlineData(Enable | Extended, Enable, false)]
    [InlineData(Enable | Extended, Extended, false)]
    [InlineData(Enable | Extended, 0, true)]
    [InlineData(0, 0, true)]
    [InlineData(0, Enable, true)]
    [InlineData(0, Enable | Extended, false)]
    [InlineData(0, Extended, false)]
    public void ApicBase_ChangesModeAsTheTableAllows(ulong from, ulong to, bool allowed)
    {
        Assert.True(_processor.Apic.TrySetApicBase(Base | from));
        Assert.Equal(allowed, _processor.Apic.TrySetApicBase(Base | to));
        Assert.Equal(Base | (allowed ? to : from), _processor.Apic.ApicBase);
    }

    [Fact]
    public void Page_IsThereInXApicModeOnly()
    {
        Assert.True(_processor.Apic.HasPage);
        _processor.EnterX2Apic();
        Assert.False(_processor.Apic.HasPage);
        Assert.True(_processor.Apic.IsEnabled);
        Assert.Equal(IoStatus.Unclaimed, _processor.Apic.Read(0x30, new byte[4]));
        Assert.Equal(IoStatus.Unclaimed, _processor.Apic.Write(0xf0, new byte[4]));
    }

    [Fact]
    public void Msrs_AreThereInX2ApicModeOnly()
    {
        Assert.False(_processor.Apic.TryReadMsr(0x803, out _));
        Assert.False(_processor.Apic.TryWriteMsr(0x808, 0));
        _processor.EnterX2Apic();
        Assert.Equal(0x0106_0014ul, _processor.ReadMsr(0x30));
        Assert.True(_processor.Apic.TrySetApicBase(Base));
        Assert.False(_processor.Apic.TryReadMsr(0x803, out _));
    }

    [Fact]
    public void Registers_SurviveTheWayIntoTheModeAndNotTheWayOut()
    {
        _processor.Write(0xf0, 0x1ff);
        _processor.Write(0x80, 0x20);
        _processor.Write(0x310, 0x1200_0000);
        _processor.Write(0x320, 0x51);
        _processor.Apic.Accept(0x61, levelTriggered: true);
        _processor.EnterX2Apic();
        Assert.Equal(0x1fful, _processor.ReadMsr(0xf0));
        Assert.Equal(0x20ul, _processor.ReadMsr(0x80));
        Assert.Equal(0ul, _processor.ReadMsr(0x300));
        Assert.Equal(0x51ul, _processor.ReadMsr(0x320));
        Assert.Equal(2ul, _processor.ReadMsr(0x230));
        Assert.True(_processor.Apic.TrySetApicBase(Base));
        Assert.True(_processor.Apic.TrySetApicBase(Base | Enable));
        Assert.Equal(0xffu, _processor.Read(0xf0));
        Assert.Equal(0u, _processor.Read(0x80));
        Assert.Equal(0x1_0000u, _processor.Read(0x320));
        Assert.Equal(-1, _processor.Take());
    }

    [Fact]
    public void Ids_AreTheInitialOneWhateverXApicModeWrote()
    {
        _processor.Write(0x20, 0x7f00_0000);
        _processor.Write(0xd0, 0xff00_0000);
        _processor.EnterX2Apic();
        Assert.Equal(0x25ul, _processor.ReadMsr(0x20));
        Assert.Equal(0x2_0020ul, _processor.ReadMsr(0xd0));
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x10)]
    [InlineData(0x90)]
    [InlineData(0xb0)]
    [InlineData(0xc0)]
    [InlineData(0xe0)]
    [InlineData(0x290)]
    [InlineData(0x310)]
    [InlineData(0x3a0)]
    [InlineData(0x3f0)]
    [InlineData(0x400)]
    [InlineData(0xff0)]
    public void Reads_OfWhatIsNotReadableAreRefusedAndLogNothing(int offset)
    {
        _processor.EnterX2Apic();
        Assert.False(_processor.Apic.TryReadMsr(0x800 + ((uint)offset >> 4), out var value));
        Assert.Equal(0ul, value);
        _processor.WriteMsr(0x280, 0);
        Assert.Equal(0ul, _processor.ReadMsr(0x280));
    }

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x30)]
    [InlineData(0x90)]
    [InlineData(0xa0)]
    [InlineData(0xd0)]
    [InlineData(0xe0)]
    [InlineData(0x100)]
    [InlineData(0x180)]
    [InlineData(0x270)]
    [InlineData(0x310)]
    [InlineData(0x390)]
    [InlineData(0x3d0)]
    [InlineData(0x400)]
    public void Writes_OfWhatIsNotWritableAreRefused(int offset)
    {
        _processor.EnterX2Apic();
        Assert.False(_processor.TryWriteMsr(offset, 0));
    }

    [Theory]
    [InlineData(0x080, 0xfful)]
    [InlineData(0x0b0, 0ul)]
    [InlineData(0x0f0, 0x13fful)]
    [InlineData(0x280, 0ul)]
    [InlineData(0x2f0, 0x1_17fful)]
    [InlineData(0x300, 0xffff_ffff_000c_dffful)]
    [InlineData(0x320, 0x7_10fful)]
    [InlineData(0x330, 0x1_17fful)]
    [InlineData(0x340, 0x1_17fful)]
    [InlineData(0x350, 0x1_f7fful)]
    [InlineData(0x360, 0x1_f7fful)]
    [InlineData(0x370, 0x1_10fful)]
    [InlineData(0x380, 0xffff_fffful)]
    [InlineData(0x3e0, 0xbul)]
    [InlineData(0x3f0, 0xfful)]
    public void Writes_OfReservedBitsAreRefused(int offset, ulong allowed)
    {
        _processor.EnterX2Apic();
        for (var bit = 0; bit < 64; bit++)
        {
            Assert.True(_processor.TryWriteMsr(offset, 1ul << bit) == ((allowed >> bit) & 1) > 0, $"bit {bit}");
        }
    }

    [Fact]
    public void Msrs_OutsideTheRangeAreNotTheApics()
    {
        _processor.EnterX2Apic();
        Assert.False(_processor.Apic.TryReadMsr(0x7ff, out _));
        Assert.False(_processor.Apic.TryReadMsr(0x900, out _));
        Assert.False(_processor.Apic.TryWriteMsr(0x900, 0));
        Assert.False(_processor.Apic.TryWriteMsr(uint.MaxValue, 0));
    }

    [Fact]
    public void LvtTimer_HasNoDeadlineBitWithoutTsc()
    {
        using var apic = new HvRunner.Chipset.Apic.LocalApic(0, new FakeTimerQueue(), _processor, x2Apic: true);
        Assert.True(apic.TrySetApicBase(Base | Enable | Extended));
        Assert.False(apic.TryWriteMsr(0x832, 0x4_0000));
        Assert.True(apic.TryWriteMsr(0x832, 0x2_0000));
    }

    [Fact]
    public void Icr_IsOneRegisterThatSends()
    {
        _processor.EnterX2Apic();
        _processor.WriteMsr(0xf0, 0x1ff);
        _processor.WriteMsr(0x300, 0x25_0000_0051);
        Assert.Equal(0x25_0000_0051ul, _processor.ReadMsr(0x300));
        Assert.Equal(0x51, _processor.Take());
        _processor.WriteMsr(0x300, 0xff_0000_0061);
        Assert.Equal(-1, _processor.Take());
        _processor.WriteMsr(0x300, 0xffff_ffff_0000_0061);
        Assert.Equal(0x61, _processor.Take());
    }

    [Theory]
    [InlineData(0x0002_0020u, true)]
    [InlineData(0x0002_ffffu, true)]
    [InlineData(0x0002_ffdfu, false)]
    [InlineData(0x0001_0020u, false)]
    [InlineData(0x0000_00ffu, false)]
    [InlineData(0xffff_ffffu, true)]
    public void Icr_LogicalDestinationIsAClusterAndItsBits(uint destination, bool reached)
    {
        _processor.EnterX2Apic();
        _processor.WriteMsr(0xf0, 0x1ff);
        _processor.WriteMsr(0x300, ((ulong)destination << 32) | 0x851);
        Assert.Equal(reached ? 0x51 : -1, _processor.Take());
    }

    [Fact]
    public void SelfIpi_IsAnEdgeOfItsVectorAndLeavesTheIcr()
    {
        _processor.EnterX2Apic();
        _processor.WriteMsr(0xf0, 0x1ff);
        _processor.WriteMsr(0x3f0, 0x51);
        Assert.Equal(0ul, _processor.ReadMsr(0x300));
        Assert.Equal(0x2_0000ul, _processor.ReadMsr(0x220));
        Assert.Equal(0ul, _processor.ReadMsr(0x1a0));
        Assert.Equal(0x51, _processor.Take());
        _processor.WriteMsr(0x3f0, 0x0f);
        _processor.WriteMsr(0x280, 0);
        Assert.Equal(0x60ul, _processor.ReadMsr(0x280));
    }

    [Fact]
    public void Timer_AndPrioritiesAreTheSameRegisters()
    {
        _processor.EnterX2Apic();
        _processor.WriteMsr(0xf0, 0x1ff);
        _processor.WriteMsr(0x3e0, 0xb);
        _processor.WriteMsr(0x380, 1000);
        Assert.Equal(1000ul, _processor.ReadMsr(0x390));
        _processor.Apic.TaskPriority = 0x50;
        Assert.Equal(0x50ul, _processor.ReadMsr(0x80));
        Assert.Equal(0x50ul, _processor.ReadMsr(0xa0));
        _processor.WriteMsr(0x80, 0x61);
        Assert.Equal(0x61, _processor.Apic.TaskPriority);
    }

    [Fact]
    public void Load_KeepsTheModeAndRefusesTheInvalidOne()
    {
        _processor.EnterX2Apic();
        _processor.WriteMsr(0x300, 0x1234_5678_0000_0051);
        var state = _processor.Apic.SavedState();
        var queue = new FakeTimerQueue();
        var twin = new StartableProcessor(0x25, queue);
        twin.Apic.LoadState(state);
        Assert.Equal(0x1234_5678_0000_0051ul, twin.ReadMsr(0x300));

        // The base stands behind the name and the version; its second byte holds both mode bits.
        state[1 + state[0] + 1 + 1] ^= 0x08;
        Assert.Throws<StateFormatException>(() => twin.Apic.LoadState(state));
    }
}
