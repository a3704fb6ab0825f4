using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One rule of the 82093AA data sheet each, with every message recorded.</summary>
public sealed class IoApicTests : IMsiTarget
{
    private const uint Masked = 0x1_0000;
    private const uint Level = 0x8000;
    private const uint RemoteIrr = 0x4000;
    private const uint ActiveLow = 0x2000;

    private readonly IoApic _ioApic;
    private readonly List<MsiMessage> _sent = [];
    private bool _accepts = true;

    public IoApicTests() => _ioApic = new IoApic(this);

    public bool Send(MsiMessage message)
    {
        _sent.Add(message);
        return _accepts;
    }

    [Fact]
    public void PowerOn_EntriesAreMasked()
    {
        Assert.Equal(0u, Read(0x00));
        for (var pin = 0; pin < IoApic.PinCount; pin++)
        {
            Assert.Equal((Masked, 0u), (ReadLow(pin), ReadHigh(pin)));
        }

        Assert.Equal(0u, Get(0));
    }

    [Fact]
    public void Version_Has24EntriesAndAnEoiRegister() => Assert.Equal(0x0017_0020u, Get(1));

    [Fact]
    public void Id_KeepsBits27To24AndIsTheArbitrationId()
    {
        Set(0, 0xffff_ffff);
        Assert.Equal(0x0f00_0000u, Get(0));
        Assert.Equal(0x0f00_0000u, Get(2));
        Set(2, 0);
        Set(1, 0);
        Assert.Equal(0x0f00_0000u, Get(2));
        Assert.Equal(0x0017_0020u, Get(1));
    }

    [Fact]
    public void Select_KeepsEightBits()
    {
        Write(0x00, 0xffff_ff01);
        Assert.Equal(1u, Read(0x00));
        Assert.Equal(0x0017_0020u, Read(0x10));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0x0f)]
    [InlineData(0x40)]
    [InlineData(0xff)]
    public void Index_WithoutARegisterReadsZero(int index)
    {
        Set(index, 0xffff_ffff);
        Assert.Equal(0u, Get(index));
    }

    [Fact]
    public void Entry_KeepsItsDefinedBits()
    {
        SetHigh(5, 0xffff_ffff);
        SetLow(5, 0xffff_ffff);
        Assert.Equal((0x1_afffu, 0xff00_0000u), (ReadLow(5), ReadHigh(5)));
        Assert.Empty(_sent);
    }

    [Theory]
    [InlineData(0x00, 1, IoStatus.BadAccess)]
    [InlineData(0x10, 8, IoStatus.BadAccess)]
    [InlineData(0x12, 2, IoStatus.BadAccess)]
    [InlineData(0x42, 2, IoStatus.BadAccess)]
    [InlineData(0x04, 4, IoStatus.Unclaimed)]
    [InlineData(0x44, 4, IoStatus.Unclaimed)]
    [InlineData(0x50, 4, IoStatus.Unclaimed)]
    public void Access_OfAnotherKindIsRefused(ulong offset, int width, IoStatus expected)
    {
        Assert.Equal(expected, _ioApic.Read(offset, new byte[width]));
        Assert.Equal(expected, _ioApic.Write(offset, new byte[width]));
    }

    [Fact]
    public void Edge_SendsOnceForEachRise()
    {
        SetLow(4, 0x34);
        var line = _ioApic.GetLine(4);
        line.Set(true);
        line.Set(true);
        line.Set(false);
        line.Set(true);
        Assert.Equal(2, _sent.Count);
        Assert.Equal(0x34u, ReadLow(4));
    }

    [Fact]
    public void MaskedEntry_SendsNoMessage()
    {
        SetLow(4, 0x34 | Masked);
        _ioApic.GetLine(4).Set(true);
        SetLow(5, 0x35 | Masked | Level);
        _ioApic.GetLine(5).Set(true);
        Assert.Empty(_sent);
    }

    [Fact]
    public void Edge_WhileMaskedIsLost()
    {
        SetLow(4, 0x34 | Masked);
        var line = _ioApic.GetLine(4);
        line.Set(true);
        SetLow(4, 0x34);
        Assert.Empty(_sent);
        line.Set(false);
        line.Set(true);
        Assert.Single(_sent);
    }

    [Fact]
    public void Level_SendsWhenUnmaskedWhileAsserted()
    {
        SetLow(4, 0x34 | Level | Masked);
        _ioApic.GetLine(4).Set(true);
        SetLow(4, 0x34 | Level);
        Assert.Single(_sent);
        Assert.Equal(0x34 | Level | RemoteIrr, ReadLow(4));
    }

    [Fact]
    public void Level_RemoteIrrHoldsItUntilTheEoi()
    {
        SetLow(4, 0x34 | Level);
        var line = _ioApic.GetLine(4);
        line.Set(true);
        line.Set(false);
        line.Set(true);
        Assert.Single(_sent);
        _ioApic.EndOfInterrupt(0x35);
        Assert.Single(_sent);
        _ioApic.EndOfInterrupt(0x34);
        Assert.Equal(2, _sent.Count);
        Assert.Equal(0x34 | Level | RemoteIrr, ReadLow(4));
        line.Set(false);
        _ioApic.EndOfInterrupt(0x34);
        Assert.Equal(2, _sent.Count);
        Assert.Equal(0x34 | Level, ReadLow(4));
    }

    [Fact]
    public void Level_MaskedMeanwhileIsNotSentAgain()
    {
        SetLow(4, 0x34 | Level);
        _ioApic.GetLine(4).Set(true);
        SetLow(4, 0x34 | Level | Masked);
        Assert.Equal(0x34 | Level | RemoteIrr | Masked, ReadLow(4));
        _ioApic.EndOfInterrupt(0x34);
        Assert.Single(_sent);
        SetLow(4, 0x34 | Level);
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void Level_ThatNobodyTakesLeavesRemoteIrrClear()
    {
        _accepts = false;
        SetLow(4, 0x34 | Level);
        var line = _ioApic.GetLine(4);
        line.Set(true);
        Assert.Equal(0x34 | Level, ReadLow(4));
        _accepts = true;
        SetHigh(4, 0x0100_0000);
        Assert.Equal(0x34 | Level | RemoteIrr, ReadLow(4));
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void RemoteIrr_FallsWithTheTriggerMode()
    {
        SetLow(4, 0x34 | Level);
        _ioApic.GetLine(4).Set(true);
        SetLow(4, 0x34 | Masked);
        SetLow(4, 0x34 | Level);
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void RemoteIrr_WaitsForTheEntrysVector()
    {
        SetLow(4, 0x34 | Level);
        _ioApic.GetLine(4).Set(true);
        SetLow(4, 0x44 | Level);
        _ioApic.EndOfInterrupt(0x34);
        Assert.Single(_sent);
        _ioApic.EndOfInterrupt(0x44);
        Assert.Equal(2, _sent.Count);
        Assert.Equal(0x44u, _sent[1].Data & 0xff);
    }

    [Fact]
    public void EoiRegister_EndsEveryPinOfTheVector()
    {
        foreach (var pin in new[] { 4, 9, 23 })
        {
            SetLow(pin, 0x34 | Level);
            _ioApic.GetLine(pin).Set(true);
        }

        Write(0x40, 0xffff_ff34);
        Assert.Equal(6, _sent.Count);
        Assert.Equal(0u, Read(0x40));
    }

    [Fact]
    public void Eoi_OfAnEdgeDoesNothing()
    {
        SetLow(4, 0x34);
        _ioApic.GetLine(4).Set(true);
        _ioApic.EndOfInterrupt(0x34);
        Assert.Single(_sent);
    }

    [Fact]
    public void Polarity_TurnsTheWireAround()
    {
        SetLow(4, 0x34 | ActiveLow | Masked);
        SetLow(4, 0x34 | ActiveLow);
        var line = _ioApic.GetLine(4);
        Assert.Empty(_sent);
        line.Set(true);
        Assert.Empty(_sent);
        line.Set(false);
        Assert.Single(_sent);

        SetLow(5, 0x35 | ActiveLow | Level);
        Assert.Equal(2, _sent.Count);
        Assert.Equal(0x35 | ActiveLow | Level | RemoteIrr, ReadLow(5));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void LevelMode_IsForFixedAndLowestPriority(uint mode)
    {
        SetLow(4, 0x34 | Level | (mode << 8));
        _ioApic.GetLine(4).Set(true);
        Assert.Equal(RemoteIrr, ReadLow(4) & RemoteIrr);
        Assert.Equal(0xc000u, _sent[0].Data & 0xf000);
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(4u)]
    [InlineData(5u)]
    [InlineData(7u)]
    public void OtherModes_AreEdgesWhateverTheTriggerModeSays(uint mode)
    {
        SetLow(4, Level | (mode << 8));
        var line = _ioApic.GetLine(4);
        line.Set(true);
        Assert.Equal(0u, ReadLow(4) & RemoteIrr);
        SetLow(4, Level | (mode << 8));
        Assert.Equal(0x4000u | (mode << 8), Assert.Single(_sent).Data);
        line.Set(false);
        line.Set(true);
        Assert.Equal(2, _sent.Count);
    }

    [Fact]
    public void ExtInt_FollowsTheLevelThroughItsMask()
    {
        _ioApic.GetLine(0).Set(true);
        SetLow(0, 0x700);
        Assert.Single(_sent);
        SetLow(0, 0x700 | Masked);
        SetLow(0, 0x700);
        Assert.Equal(2, _sent.Count);
    }

    [Theory]
    [InlineData(0x0000_0034u, 0xfeea_b000ul, 0x4034u)]
    [InlineData(0x0000_0834u, 0xfeea_b004ul, 0x4034u)]
    [InlineData(0x0000_0134u, 0xfeea_b000ul, 0x4134u)]
    [InlineData(0x0000_0400u, 0xfeea_b000ul, 0x4400u)]
    public void Message_SaysWhatTheEntrySays(uint low, ulong address, uint data)
    {
        SetHigh(7, 0xab00_0000);
        SetLow(7, low);
        _ioApic.GetLine(7).Set(true);
        Assert.Equal(new MsiMessage(address, data), Assert.Single(_sent));
    }

    [Fact]
    public void Wake_InterruptsOffByAnNmiOfADrivenPin()
    {
        SetLow(4, 0x400);
        Assert.False(_ioApic.CanWakeWithInterruptsOff);
        _ = _ioApic.GetLine(4);
        Assert.True(_ioApic.CanWakeWithInterruptsOff);
        SetLow(4, 0x400 | Masked);
        Assert.False(_ioApic.CanWakeWithInterruptsOff);
    }

    /// <summary>Who has to know of them is told before the first message, and of nothing else.</summary>
    [Fact]
    public void LevelRoutes_AreToldOfUnmaskedLevelTriggeredPins()
    {
        var routes = new Routes(_sent);
        var ioApic = new IoApic(this, routes);
        ioApic.GetLine(7).Set(true);
        Write(ioApic, 7, 0x34 | Level | Masked, 0x0200_0000);
        Write(ioApic, 6, 0x36);
        Write(ioApic, 5, 0x400 | Level);
        Assert.Empty(routes.Told);
        Write(ioApic, 7, 0x34 | Level);
        Assert.Equal((7, new MsiMessage(0xfee0_2000, 0xc034), 0), Assert.Single(routes.Told));
        Assert.Equal(routes.Told[0].Message, Assert.Single(_sent));
        var twin = new IoApic(this, routes);
        twin.LoadState(ioApic.SavedState());
        Assert.Equal((7, new MsiMessage(0xfee0_2000, 0xc034), 1), routes.Told[^1]);

        static void Write(IoApic ioApic, int pin, uint low, uint? high = null)
        {
            if (high is { } destination)
            {
                ioApic.Write(0x00, BitConverter.GetBytes(0x11 + (2 * pin)));
                ioApic.Write(0x10, BitConverter.GetBytes(destination));
            }

            ioApic.Write(0x00, BitConverter.GetBytes(0x10 + (2 * pin)));
            ioApic.Write(0x10, BitConverter.GetBytes(low));
        }
    }

    [Fact]
    public void Lines_AreThereForEachPin()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ioApic.GetLine(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ioApic.GetLine(IoApic.PinCount));
        SetLow(23, 0x34);
        _ioApic.GetLine(23).Set(true);
        Assert.Single(_sent);
    }

    [Fact]
    public void Reset_IsPowerOnAndSeesNoEdgeInAWireThatIsUp()
    {
        var state = _ioApic.SavedState();
        Set(0, 0x0300_0000);
        SetLow(4, 0x34);
        var line = _ioApic.GetLine(4);
        line.Set(true);
        _ioApic.Reset();
        SetLow(4, 0x34);
        Assert.Single(_sent);
        line.Set(false);
        _ioApic.Reset();
        Assert.Equal(state, _ioApic.SavedState());
    }

    [Fact]
    public void Load_GoesOnWithoutSendingAgain()
    {
        SetLow(4, 0x34 | Level);
        SetLow(5, 0x35);
        _ioApic.GetLine(4).Set(true);
        _ioApic.GetLine(5).Set(true);
        var twin = new IoApic(this);
        twin.LoadState(_ioApic.SavedState());
        Assert.Equal(2, _sent.Count);
        twin.EndOfInterrupt(0x34);
        Assert.Equal(3, _sent.Count);
        twin.GetLine(5).Set(true);
        Assert.Equal(3, _sent.Count);
        Assert.Equal(_ioApic.SavedState(), twin.SavedState());
    }

    [Fact]
    public void LevelInterrupt_RunsThroughTheBusAndIsRaisedAgain()
    {
        var bus = new ApicBus();
        var processor = new StartableProcessor(0, new FakeTimerQueue(), bus);
        var ioApic = new IoApic(bus);
        bus.Connect(ioApic);
        processor.Write(0xf0, 0x1ff);
        ioApic.Write(0x00, BitConverter.GetBytes(0x18));
        ioApic.Write(0x10, BitConverter.GetBytes(0x51 | Level));
        var line = ioApic.GetLine(4);
        line.Set(true);
        Assert.Equal(0x51, processor.Take());
        Assert.Equal(-1, processor.Take());
        processor.Write(0xb0, 0);
        Assert.Equal(0x51, processor.Take());

        // Suppressed, the processor's EOI is not enough: the EOI register is.
        processor.Write(0xf0, 0x11ff);
        processor.Write(0xb0, 0);
        Assert.Equal(-1, processor.Take());
        ioApic.Write(0x40, BitConverter.GetBytes(0x51));
        Assert.Equal(0x51, processor.Take());
        line.Set(false);
        processor.Write(0xf0, 0x1ff);
        processor.Write(0xb0, 0);
        Assert.Equal(-1, processor.Take());
    }

    private uint Read(ulong offset)
    {
        var data = new byte[4];
        Assert.Equal(IoStatus.Ok, _ioApic.Read(offset, data));
        return BitConverter.ToUInt32(data);
    }

    private void Write(ulong offset, uint value) => Assert.Equal(IoStatus.Ok, _ioApic.Write(offset, BitConverter.GetBytes(value)));

    private uint Get(int index)
    {
        Write(0x00, (uint)index);
        return Read(0x10);
    }

    private void Set(int index, uint value)
    {
        Write(0x00, (uint)index);
        Write(0x10, value);
    }

    private uint ReadLow(int pin) => Get(0x10 + (2 * pin));

    private uint ReadHigh(int pin) => Get(0x11 + (2 * pin));

    private void SetLow(int pin, uint value) => Set(0x10 + (2 * pin), value);

    private void SetHigh(int pin, uint value) => Set(0x11 + (2 * pin), value);

    private sealed class Routes(List<MsiMessage> sent) : ILevelRoutes
    {
        /// <summary>Pin, message, and how many messages were sent before.</summary>
        internal List<(int Pin, MsiMessage Message, int Sent)> Told { get; } = [];

        public void Set(int pin, MsiMessage message) => Told.Add((pin, message, sent.Count));
    }
}
