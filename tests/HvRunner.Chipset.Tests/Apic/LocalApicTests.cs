using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the SDM's local APIC chapter each: the page, the registers, IA32_APIC_BASE.</summary>
public sealed class LocalApicTests : LocalApicFixture
{
    [Fact]
    public void PowerOn_RegistersHaveTheirResetValues()
    {
        Assert.Equal(0u, Read(Id));
        Assert.Equal(0u, Read(Tpr));
        Assert.Equal(0u, Read(Ppr));
        Assert.Equal(0u, Read(Ldr));
        Assert.Equal(0xffff_ffffu, Read(Dfr));
        Assert.Equal(0xffu, Read(Svr));
        Assert.Equal(0u, Read(IcrLow));
        Assert.Equal(0u, Read(IcrHigh));
        Assert.Equal(0u, Read(Esr));
        Assert.Equal(0u, Read(InitialCount));
        Assert.Equal(0u, Read(CurrentCount));
        Assert.Equal(0u, Read(Divide));
        for (var offset = LvtTimer; offset <= LvtError; offset += 0x10)
        {
            Assert.Equal(Masked, Read(offset));
        }

        Assert.Equal(Masked, Read(LvtCmci));
        for (var offset = Isr; offset < Esr; offset += 0x10)
        {
            Assert.Equal(0u, Read(offset));
        }
    }

    [Fact]
    public void Version_HasSevenEntriesAndBroadcastSuppression() => Assert.Equal(0x0106_0014u, Read(Version));

    [Fact]
    public void Id_IsTheInitialIdAndWritableInBits31To24()
    {
        using var apic = new LocalApic(7, Queue, this);
        var data = new byte[4];
        apic.Read(Id, data);
        Assert.Equal(0x0700_0000u, BitConverter.ToUInt32(data));
        Write(Id, 0xabcd_ef12);
        Assert.Equal(0xab00_0000u, Read(Id));
    }

    [Fact]
    public void Tpr_KeepsEightBits()
    {
        Write(Tpr, 0xffff_ff5a);
        Assert.Equal(0x5au, Read(Tpr));
    }

    [Fact]
    public void Ldr_KeepsBits31To24()
    {
        Write(Ldr, 0x1234_5678);
        Assert.Equal(0x1200_0000u, Read(Ldr));
    }

    [Fact]
    public void Dfr_ReadsOnesBelowTheModel()
    {
        Write(Dfr, 0);
        Assert.Equal(0x0fff_ffffu, Read(Dfr));
    }

    [Fact]
    public void Svr_KeepsVectorEnableFocusAndSuppression()
    {
        Write(Svr, 0xffff_ffff);
        Assert.Equal(0x13ffu, Read(Svr));
    }

    [Fact]
    public void Icr_KeepsItsDefinedBitsAndIsNeverBusy()
    {
        Write(IcrHigh, 0xffff_ffff);
        Write(IcrLow, 0xffff_ffff);
        Assert.Equal(0xff00_0000u, Read(IcrHigh));
        Assert.Equal(0x000c_cfffu, Read(IcrLow));
    }

    [Fact]
    public void Divide_KeepsBits3And1And0()
    {
        Write(Divide, 0xffff_ffff);
        Assert.Equal(0xbu, Read(Divide));
    }

    [Theory]
    [InlineData(LvtTimer, 0x7_00ffu)]
    [InlineData(LvtThermal, 0x1_07ffu)]
    [InlineData(LvtPerf, 0x1_07ffu)]
    [InlineData(LvtLint0, 0x1_a7ffu)]
    [InlineData(LvtLint1, 0x1_a7ffu)]
    [InlineData(LvtError, 0x1_00ffu)]
    [InlineData(LvtCmci, 0x1_07ffu)]
    public void Lvt_KeepsItsWritableBits(int offset, uint expected)
    {
        Enable();
        Write(offset, 0xffff_ffff);
        Assert.Equal(expected, Read(offset));
    }

    [Fact]
    public void LvtTimer_HasNoDeadlineModeWithoutTsc()
    {
        using var apic = new LocalApic(0, Queue, this);
        apic.Write(Svr, BitConverter.GetBytes(0x1ffu));
        apic.Write(LvtTimer, BitConverter.GetBytes(0xffff_ffffu));
        var data = new byte[4];
        apic.Read(LvtTimer, data);
        Assert.Equal(0x3_00ffu, BitConverter.ToUInt32(data));
        Assert.False(apic.HasTscDeadline);
        Assert.True(Apic.HasTscDeadline);
    }

    [Theory]
    [InlineData(0x090)]
    [InlineData(0x0c0)]
    public void ArbitrationAndRemoteRead_ReadZeroWithoutAnError(int offset)
    {
        Enable();
        Assert.Equal(0u, Read(offset));
        Write(offset, 0xffff_ffff);
        Assert.Equal(0u, Read(offset));
        Assert.Equal(0u, Errors());
    }

    [Theory]
    [InlineData(Version)]
    [InlineData(Ppr)]
    [InlineData(Isr)]
    [InlineData(Isr + 0x70)]
    [InlineData(Tmr)]
    [InlineData(Irr)]
    [InlineData(Irr + 0x70)]
    [InlineData(CurrentCount)]
    public void ReadOnlyRegisters_IgnoreWrites(int offset)
    {
        Enable();
        var before = Read(offset);
        Write(offset, 0xffff_ffff);
        Assert.Equal(before, Read(offset));
        Assert.Equal(0u, Errors());
    }

    [Fact]
    public void Eoi_ReadsZero()
    {
        Assert.Equal(0u, Read(Eoi));
        Assert.Equal(0u, Errors());
    }

    [Theory]
    [InlineData(0x000)]
    [InlineData(0x010)]
    [InlineData(0x040)]
    [InlineData(0x290)]
    [InlineData(0x3a0)]
    [InlineData(0x3d0)]
    [InlineData(0x3f0)]
    [InlineData(0x400)]
    [InlineData(0xff0)]
    public void ReservedRegisters_AreIllegalAddresses(int offset)
    {
        Assert.Equal(0u, Read(offset));
        Assert.Equal(0x80u, Errors());
        Write(offset, 1);
        Assert.Equal(0x80u, Errors());
        Assert.Equal(0u, Errors());
    }

    [Theory]
    [InlineData(Svr, 1)]
    [InlineData(Svr, 2)]
    [InlineData(Svr, 8)]
    [InlineData(Svr + 1, 4)]
    [InlineData(Svr + 4, 4)]
    [InlineData(Svr + 12, 4)]
    public void OtherWidthsAndAlignments_AreRefused(int offset, int width)
    {
        Assert.Equal(IoStatus.BadAccess, Apic.Read((ulong)offset, new byte[width]));
        Assert.Equal(IoStatus.BadAccess, Apic.Write((ulong)offset, new byte[width]));
        Assert.Equal(0xffu, Read(Svr));
        Assert.Equal(0u, Errors());
    }

    [Fact]
    public void Page_EndsAt4KiB()
    {
        Assert.Equal(IoStatus.Unclaimed, Apic.Read(LocalApic.RegionSize, new byte[4]));
        Assert.Equal(IoStatus.Unclaimed, Apic.Write(ulong.MaxValue - 15, new byte[4]));
    }

    [Fact]
    public void ApicBase_StartsEnabledAtItsDefaultAddress()
    {
        using var other = new LocalApic(1, Queue, this);
        Assert.Equal(0xfee0_0900ul, Apic.ApicBase);
        Assert.Equal(0xfee0_0800ul, other.ApicBase);
    }

    [Theory]
    [InlineData(0x1ul)]
    [InlineData(0x80ul)]
    [InlineData(0x200ul)]
    [InlineData(0x400ul)]
    [InlineData(0xc00ul)]
    [InlineData(1ul << 40)]
    public void ApicBase_RefusesReservedBitsAndTheX2ApicThatIsNotThere(ulong bits)
    {
        using var apic = new LocalApic(0, Queue, this, physicalAddressBits: 40);
        Assert.False(apic.TrySetApicBase(0xfee0_0900 | bits));
        Assert.Equal(0xfee0_0900ul, apic.ApicBase);
    }

    [Fact]
    public void ApicBase_MovesAndKeepsTheBootstrapBit()
    {
        Assert.True(Apic.TrySetApicBase(0x12_3456_7900));
        Assert.Equal(0x12_3456_7900ul, Apic.ApicBase);
        Assert.True(Apic.TrySetApicBase(0xfee0_0800));
        Assert.Equal(0xfee0_0800ul, Apic.ApicBase);
    }

    [Fact]
    public void ApicBase_DisabledThereIsNoPage()
    {
        Assert.True(Apic.TrySetApicBase(0xfee0_0100));
        Assert.False(Apic.IsEnabled);
        Assert.Equal(IoStatus.Unclaimed, Apic.Read(Version, new byte[4]));
        Assert.Equal(IoStatus.Unclaimed, Apic.Write(Svr, new byte[4]));
    }

    [Fact]
    public void ApicBase_DisablingResetsTheRegisters()
    {
        Enable();
        Write(Tpr, 0x20);
        Write(Ldr, 0x0100_0000);
        Write(LvtTimer, 0x2_0040);
        Write(InitialCount, 1000);
        Apic.Accept(0x50, levelTriggered: false);
        Assert.True(Apic.TrySetApicBase(0xfee0_0100));
        Assert.False(Apic.HasInterrupt);
        Assert.Equal(0, Queue.ArmedCount);
        Apic.Accept(0x50, levelTriggered: false);
        Apic.AcceptNonMaskable();
        Assert.True(Apic.TrySetApicBase(0xfee0_0900));
        PowerOn_RegistersHaveTheirResetValues();
        Assert.False(Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void ApicBase_DisabledLint0IsIntrAndLint1IsNmi()
    {
        Apic.TrySetApicBase(0xfee0_0100);
        Signals = 0;
        Apic.Lint0.Set(true);
        Assert.Equal(1, Signals);
        Assert.True(Apic.HasInterrupt);
        Assert.Equal(ExternalVector, Take());
        Apic.Lint0.Set(false);
        Assert.Equal(-1, Take());
        Apic.Lint1.Set(true);
        Assert.True(Apic.TryTakeNonMaskable());
        Apic.Lint1.Set(false);
        Apic.TrySetApicBase(0xfee0_0900);
        Apic.Lint0.Set(true);
        Apic.Lint1.Set(true);
        Assert.False(Apic.HasInterrupt);
        Assert.False(Apic.TryTakeNonMaskable());
    }

    [Fact]
    public void VirtualWire_PassesThe8259WithoutTheGuestsHelp()
    {
        Apic.Lint0.Set(true);
        Assert.False(Apic.HasInterrupt);
        Apic.ConfigureVirtualWire();
        Assert.Equal(1, Signals);
        Assert.Equal(0x1ffu, Read(Svr));
        Assert.Equal(0x700u, Read(LvtLint0));
        Assert.Equal(0x400u, Read(LvtLint1));
        Assert.Equal(ExternalVector, Take());
    }

    [Fact]
    public void VirtualWire_RunsThe8259PairEndToEnd()
    {
        var wire = new InterruptWire();
        var pic = new Pic8259Pair(wire);
        using var apic = new LocalApic(0, Queue, this, pic);
        wire.Connect(apic.Lint0);
        apic.ConfigureVirtualWire();
        foreach (var (chip, words) in new[] { (pic.MasterPorts, new byte[] { 0x30, 4, 1 }), (pic.SlavePorts, [0x38, 2, 1]) })
        {
            chip.Out(0, 0x11);
            Array.ForEach(words, word => chip.Out(1, word));
        }

        pic.GetLine(12).Set(true);
        pic.GetLine(1).Set(true);
        Assert.True(apic.HasInterrupt);
        Assert.True(apic.TryAcknowledge(out var first));
        Assert.Equal(0x31, first);
        Assert.False(apic.HasInterrupt);
        pic.MasterPorts.Out(0, 0x20);
        Assert.True(apic.TryAcknowledge(out var second));
        Assert.Equal(0x3c, second);
        Assert.False(apic.TryAcknowledge(out _));
    }

    [Fact]
    public void Reset_IsPowerOn()
    {
        var state = Apic.SavedState();
        Enable();
        Write(LvtTimer, 0x2_0040);
        Write(InitialCount, 100);
        Write(IcrHigh, 0x1200_0000);
        Write(Esr, 0);
        Apic.Accept(0x55, true);
        Take();
        Apic.Accept(0x65, true);
        Apic.AcceptNonMaskable();
        Apic.TrySetApicBase(0x1_0000_0800);
        Apic.Reset();
        Assert.Equal(state, Apic.SavedState());
        Assert.Equal(0, Queue.ArmedCount);
        Assert.False(Apic.HasInterrupt);
    }

    [Fact]
    public void Constructor_RefusesWhatIsNoApic()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalApic(255, Queue, this));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalApic(0, Queue, this, busFrequencyHz: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalApic(0, Queue, this, physicalAddressBits: 53));
    }
}
