using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>How IPIs and MSIs find the processors they address, and EOIs the IO-APICs.</summary>
public sealed class ApicBusTests : IEndOfInterruptSink
{
    private const int Tpr = 0x80;
    private const int IcrLow = 0x300;
    private const int IcrHigh = 0x310;

    private readonly ApicBus _bus = new();
    private readonly StartableProcessor[] _processors;
    private readonly List<byte> _ended = [];

    public ApicBusTests()
    {
        var queue = new FakeTimerQueue();
        _processors = [.. Enumerable.Range(0, 4).Select(id => new StartableProcessor(id, queue, _bus))];
        Array.ForEach(_processors, processor => processor.Write(0xf0, 0x1ff));
        _bus.Connect(this);
    }

    void IEndOfInterruptSink.EndOfInterrupt(byte vector) => _ended.Add(vector);

    [Theory]
    [InlineData(0u, "0")]
    [InlineData(2u, "2")]
    [InlineData(9u, "")]
    [InlineData(0xffu, "0123")]
    public void Physical_ReachesTheIdOrAll(uint destination, string reached)
    {
        Ipi(1, destination, 0x51);
        Assert.Equal(reached, Takers(0x51));
        Assert.Equal(reached.Length > 0, _bus.Send(Msi(destination, 0x52)));
        Assert.Equal(reached, Takers(0x52));
    }

    [Theory]
    [InlineData(0xffff_ffffu, 0x1u, "0")]
    [InlineData(0xffff_ffffu, 0xau, "13")]
    [InlineData(0xffff_ffffu, 0xf0u, "")]
    [InlineData(0xffff_ffffu, 0xffu, "0123")]
    [InlineData(0x0fff_ffffu, 0x13u, "01")]
    [InlineData(0x0fff_ffffu, 0x23u, "23")]
    [InlineData(0x0fff_ffffu, 0x22u, "3")]
    [InlineData(0x0fff_ffffu, 0xf3u, "")]
    [InlineData(0x0fff_ffffu, 0xffu, "0123")]
    [InlineData(0x8fff_ffffu, 0x13u, "")]
    public void Logical_FollowsTheModel(uint dfr, uint destination, string reached)
    {
        // Flat: one bit each. Cluster: two clusters of two.
        for (var i = 0; i < 4; i++)
        {
            _processors[i].Write(0xe0, dfr);
            _processors[i].Write(0xd0, dfr == uint.MaxValue ? 1u << (24 + i) : (uint)(((1 + (i / 2)) << 4) | (1 << (i % 2))) << 24);
        }

        Ipi(0, destination, 0x851);
        Assert.Equal(reached, Takers(0x51));
        _bus.Send(Msi(destination, 0x52, logical: true));
        Assert.Equal(reached, Takers(0x52));
    }

    [Fact]
    public void Logical_ReachesX2ApicByItsDerivedId()
    {
        _processors[1].EnterX2Apic();
        _processors[3].EnterX2Apic();
        _processors[1].WriteMsr(IcrLow, 0x0000_000e_0000_0851);
        Assert.Equal("13", Takers(0x51));
        _processors[1].WriteMsr(IcrLow, 0x0001_000e_0000_0851);
        Assert.Equal("", Takers(0x51));
        _processors[1].WriteMsr(IcrLow, 0xffff_ffff_0000_0051);
        Assert.Equal("0123", Takers(0x51));
        _processors[1].WriteMsr(IcrLow, 0x0000_00ff_0000_0051);
        Assert.Equal("", Takers(0x51));
        Ipi(0, 0xff, 0x51);
        Assert.Equal("0123", Takers(0x51));
        Ipi(0, 3, 0x51);
        Assert.Equal("3", Takers(0x51));
    }

    [Theory]
    [InlineData(0x4_0000u, "1")]
    [InlineData(0x8_0000u, "0123")]
    [InlineData(0xc_0000u, "023")]
    public void Shorthand_OverridesTheDestination(uint shorthand, string reached)
    {
        Ipi(1, 2, shorthand | 0x51);
        Assert.Equal(reached, Takers(0x51));
    }

    [Fact]
    public void Ipi_NmiReachesWhoIsSoftwareDisabledToo()
    {
        _processors[2].Write(0xf0, 0xff);
        Ipi(0, 0, 0xc_4400);
        Assert.Equal([false, true, true, true], _processors.Select(processor => processor.Apic.TryTakeNonMaskable()));
    }

    [Fact]
    public void SwitchedOff_TakesNothing()
    {
        Assert.True(_processors[2].Apic.TrySetApicBase(0xfee0_0000));
        Ipi(0, 0, 0xc_4400);
        Assert.False(_processors[2].Apic.TryTakeNonMaskable());
        Assert.False(_bus.Send(Msi(2, 0x51)));
    }

    [Fact]
    public void LowestPriority_GoesToTheLowestPpr()
    {
        foreach (var (index, tpr) in new[] { 0x50u, 0x30u, 0x20u, 0x40u }.Index())
        {
            _processors[index].Write(Tpr, tpr);
        }

        Assert.True(_bus.Send(Msi(0xff, 0x151)));
        Assert.Equal("2", Pending(0x51));

        // In service counts as well.
        Assert.Equal(0x51, _processors[2].Take());
        Assert.True(_bus.Send(Msi(0xff, 0x152)));
        Assert.Equal("1", Pending(0x52));
    }

    [Fact]
    public void LowestPriority_GoesRoundAmongEquals()
    {
        _processors[1].Write(Tpr, 0x10);
        for (var i = 0; i < 6; i++)
        {
            Assert.True(_bus.Send(Msi(0xff, 0x140u + (uint)i)));
        }

        Assert.Equal("023023", string.Concat(Enumerable.Range(0x40, 6).Select(Pending)));
    }

    [Fact]
    public void LowestPriority_LeavesOutWhoIsDisabledOrNotAddressed()
    {
        _processors[0].Write(0xf0, 0xff);
        _processors[1].Write(0xd0, 0x0200_0000);
        _processors[2].Write(0xd0, 0x0400_0000);
        Assert.True(_bus.Send(Msi(0x06, 0x151, logical: true)));
        Assert.True(_bus.Send(Msi(0x06, 0x152, logical: true)));
        Assert.True(_bus.Send(Msi(0x06, 0x153, logical: true)));
        Assert.Equal("121", Pending(0x51) + Pending(0x52) + Pending(0x53));
        Assert.False(_bus.Send(Msi(0, 0x154)));
    }

    [Fact]
    public void RedirectionHint_ArbitratesAFixedMessage()
    {
        Assert.True(_bus.Send(new MsiMessage(0xfeef_f008, 0x51)));
        Assert.Equal("0", Takers(0x51));
        Assert.True(_bus.Send(new MsiMessage(0xfeef_f008, 0x451)));
        Assert.All(_processors, processor => Assert.True(processor.Apic.TryTakeNonMaskable()));
    }

    [Theory]
    [InlineData(0xfee0_0000ul, 0x51u, true)]
    [InlineData(0xfee0_0ff3ul, 0x51u, true)]
    [InlineData(0xfef0_0000ul, 0x51u, false)]
    [InlineData(0xfed0_0000ul, 0x51u, false)]
    [InlineData(0x1_fee0_0000ul, 0x51u, false)]
    [InlineData(0xfee0_0000ul, 0x8051u, false)]
    [InlineData(0xfee0_0000ul, 0xc051u, true)]
    [InlineData(0xfee0_0000ul, 0x4051u, true)]
    [InlineData(0xfee0_0000ul, 0xffff_3051u, true)]
    [InlineData(0xfee0_0000ul, 0x351u, false)]
    [InlineData(0xfee0_0000ul, 0x651u, false)]
    [InlineData(0xfee0_0000ul, 0x05u, false)]
    public void Msi_IsTakenOrNot(ulong address, uint data, bool taken)
    {
        Assert.Equal(taken, _bus.Send(new MsiMessage(address, data)));
        Assert.Equal(taken ? "0" : "", Pending(0x51));
    }

    [Fact]
    public void Msi_LevelBitIsTheTriggerMode()
    {
        Assert.True(_bus.Send(Msi(0, 0xc051)));
        Assert.Equal(0x2_0000u, _processors[0].Read(0x1a0));
        Assert.Equal(0x51, _processors[0].Take());
        _processors[0].Write(0xb0, 0);
        Assert.Equal([0x51], _ended);
    }

    [Fact]
    public void Msi_IllegalVectorIsTheReceiversError()
    {
        _bus.Send(Msi(1, 0x0f));
        _processors[1].Write(0x280, 0);
        Assert.Equal(0x40u, _processors[1].Read(0x280));
    }

    [Fact]
    public void Ipi_IllegalVectorIsTheErrorOfSenderAndReceiver()
    {
        Ipi(0, 1, 0x0f);
        _processors[0].Write(0x280, 0);
        _processors[1].Write(0x280, 0);
        Assert.Equal((0x20u, 0x40u), (_processors[0].Read(0x280), _processors[1].Read(0x280)));
    }

    [Fact]
    public void Ipi_SignalsTheReceiverOnly()
    {
        Array.ForEach(_processors, processor => processor.Signals = 0);
        Ipi(0, 3, 0x51);
        Assert.Equal([0, 0, 0, 1], _processors.Select(processor => processor.Signals));
    }

    [Fact]
    public void Load_GoesOnWithTheTurnAndRefusesOneThatNobodyHas()
    {
        _bus.Send(Msi(0xff, 0x151));
        _bus.Send(Msi(0xff, 0x152));
        var state = _bus.SavedState();
        _bus.Reset();
        _bus.LoadState(state);
        _bus.Send(Msi(0xff, 0x153));
        Assert.Equal("2", Pending(0x53));
        state[^1] = 4;
        Assert.Throws<StateFormatException>(() => _bus.LoadState(state));
    }

    private static MsiMessage Msi(uint destination, uint data, bool logical = false) => new(0xfee0_0000 | (destination << 12) | (logical ? 4u : 0), data);

    private void Ipi(int sender, uint destination, uint command)
    {
        _processors[sender].Write(IcrHigh, destination << 24);
        _processors[sender].Write(IcrLow, command);
    }

    private string Pending(int vector) =>
        string.Concat(_processors.Index().Where(item => ((item.Item.Read(0x200 + (vector / 32 * 0x10)) >> (vector % 32)) & 1) != 0).Select(item => item.Index));

    /// <summary>Who takes it, and ends it.</summary>
    private string Takers(int vector)
    {
        var takers = "";
        foreach (var (index, processor) in _processors.Index())
        {
            if (processor.Take() == vector)
            {
                takers += index;
                _ = processor.Apic.HasPage ? processor.Apic.Write(0xb0, new byte[4]) == IoStatus.Ok : processor.TryWriteMsr(0xb0, 0);
            }
        }

        return takers;
    }
}
