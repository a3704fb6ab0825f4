using HvRunner.Abstractions;
using HvRunner.Chipset.Serial;
using static HvRunner.Chipset.Tests.Serial.UartFixture;

namespace HvRunner.Chipset.Tests.Serial;

public sealed class Uart16550Tests
{
    private readonly UartFixture _f = new();

    private Uart16550 Uart => _f.Uart;

    [Fact]
    public void Reset_LeavesTransmitterEmptyAndNothingPending()
    {
        Assert.Equal(0x60, Uart.In(Lsr));
        Assert.Equal(0x01, Uart.In(Iir));
        Assert.Equal(0xb0, Uart.In(Msr));
        Assert.Equal(0, Uart.In(Ier));
        Assert.False(_f.Line.Asserted);
    }

    [Fact]
    public void Scratch_HoldsItsValue()
    {
        Uart.Out(Scr, 0xa5);
        Assert.Equal(0xa5, Uart.In(Scr));
    }

    [Fact]
    public void Ier_HasFourBits()
    {
        Uart.Out(Ier, 0xff);
        Assert.Equal(0x0f, Uart.In(Ier));
        Uart.Out(Ier, 0);
        Assert.Equal(0, Uart.In(Ier));
    }

    [Fact]
    public void DivisorLatch_HidesDataAndIer()
    {
        _f.Listen(0x05);
        Uart.Out(Lcr, 0x83);
        Assert.Equal(12, Uart.In(0));
        Uart.Out(0, 0x34);
        Uart.Out(1, 0x12);
        Assert.Equal(0x34, Uart.In(0));
        Assert.Equal(0x12, Uart.In(1));
        Uart.Out(Lcr, 0x03);
        Assert.Equal(0x05, Uart.In(Ier));
        Assert.Equal(0x03, Uart.In(Lcr));
        Assert.Empty(_f.Sent);
    }

    [Fact]
    public void Thr_SendsAtOnce()
    {
        Uart.Out(Data, (byte)'h');
        Uart.Out(Data, (byte)'i');
        Assert.Equal("hi"u8.ToArray(), _f.Sent);
        Assert.Equal(2, _f.Uart.BytesOut);
        Assert.Equal(0x60, Uart.In(Lsr));
    }

    [Fact]
    public void WideAccess_IsARunOfByteAccesses()
    {
        Uart.Write(Data, [(byte)'x', 0x05]);
        Assert.Equal("x"u8.ToArray(), _f.Sent);
        Assert.Equal(0x05, Uart.In(Ier));
        Span<byte> data = stackalloc byte[4];
        Assert.Equal(IoStatus.Ok, Uart.Read(5, data));
        Assert.Equal([0x60, 0xb0, 0x00, 0xff], data.ToArray());
    }

    [Fact]
    public void OffsetBehindTheRegisters_IsUnclaimed()
    {
        Assert.Equal(IoStatus.Unclaimed, Uart.Read(8, new byte[1]));
        Assert.Equal(IoStatus.Unclaimed, Uart.Write(ulong.MaxValue, new byte[8]));
    }

    [Fact]
    public void Fcr_EnableShowsInIir()
    {
        Assert.Equal(0x00, Uart.In(Iir) & 0xc0);
        Uart.Out(Fcr, 0x01);
        Assert.Equal(0xc1, Uart.In(Iir));
        Uart.Out(Fcr, 0x00);
        Assert.Equal(0x01, Uart.In(Iir));
    }

    [Fact]
    public void Fcr_OtherBitsWithoutEnableDoNothing()
    {
        Uart.Out(Fcr, 0xc1);
        _f.Receive(1);
        Uart.Out(Fcr, 0xc3);
        Assert.Equal(0x60, Uart.In(Lsr));
        Uart.Out(Fcr, 0xc0);
        Assert.Equal(0x01, Uart.In(Iir));
    }

    [Fact]
    public void Fcr_TogglingEnableEmptiesTheFifo()
    {
        Uart.Out(Fcr, 0x01);
        _f.Receive(1, 2, 3);
        Uart.Out(Fcr, 0x00);
        Assert.Equal(0x60, Uart.In(Lsr));
    }

    [Fact]
    public void EarlyInput_WaitsForAReadyGuestAndSurvivesSetUp()
    {
        // What Linux's driver does before it takes input: tries the bits of IER, clears the FIFO, reads every register blindly, enables the
        // interrupt, turns the FIFO on, and raises RTS.
        _f.Receive(Count(3));
        Uart.Out(Mcr, 0x03);
        Uart.Out(Ier, 0x0f);
        Uart.Out(Ier, 0x00);
        Uart.Out(Fcr, 0x07);
        Uart.Out(Fcr, 0x00);
        Uart.In(Lsr);
        Uart.In(Data);
        Uart.In(Iir);
        Uart.In(Msr);
        Uart.Out(Mcr, 0x09);
        Uart.Out(Ier, 0x05);
        Uart.Out(Fcr, 0x01);
        Uart.Out(Fcr, 0x81);
        Assert.Equal(3, _f.Waiting);
        Assert.False(_f.Line.Asserted);
        Uart.Out(Mcr, 0x0b);
        Assert.Equal(0, _f.Waiting);
        Assert.True(_f.Line.Asserted);
        Assert.Equal(1, Uart.In(Data));
        Assert.Equal(2, Uart.In(Data));
        Assert.Equal(3, Uart.In(Data));
    }

    [Fact]
    public void EarlyInput_SurvivesAFifoThatIsTurnedOnBehindTheInterrupt()
    {
        // Linux sets the line up in this order when the port is opened.
        _f.Receive(Count(3));
        Uart.Out(Mcr, 0x09);
        Uart.Out(Ier, 0x05);
        Uart.Out(Fcr, 0x01);
        Uart.Out(Fcr, 0x81);
        Uart.Out(Mcr, 0x0b);
        Assert.Equal(1, Uart.In(Data));
        Assert.Equal(2, Uart.In(Data));
        Assert.Equal(3, Uart.In(Data));
    }

    [Fact]
    public void EarlyInput_IsNotTakenForAGuestThatOnlySends()
    {
        _f.Receive(Count(1));
        for (var i = 0; i < 100; i++)
        {
            Uart.In(Lsr);
            Uart.Out(Data, (byte)'x');
        }

        Assert.Equal(1, _f.Waiting);
    }

    [Fact]
    public void PollingGuest_GetsItsInputAndGoesOnGettingIt()
    {
        _f.Receive(Count(1));
        _f.PollForInput();
        Assert.Equal(0x61, Uart.In(Lsr));
        Assert.Equal(1, Uart.In(Data));
        Uart.Out(Data, 1);
        _f.Receive(2);
        Assert.Equal(2, Uart.In(Data));
    }

    [Fact]
    public void FifoOff_PullsOneByteAtATime()
    {
        _f.PollForInput();
        _f.Receive(Count(3));
        Assert.Equal(2, _f.Waiting);
        Assert.Equal(0x61, Uart.In(Lsr));
        Assert.Equal(1, Uart.In(Data));
        Assert.Equal(1, _f.Waiting);
        Assert.Equal(2, Uart.In(Data));
        Assert.Equal(3, Uart.In(Data));
        Assert.Equal(0x60, Uart.In(Lsr));
        Assert.Equal(0, Uart.In(Data));
        Assert.Equal(3, _f.Uart.BytesIn);
    }

    [Fact]
    public void FifoOn_PullsSixteenAndRefills()
    {
        Uart.Out(Fcr, 0x01);
        _f.PollForInput();
        _f.Receive(Count(40));
        Assert.Equal(24, _f.Waiting);
        for (var i = 1; i <= 40; i++)
        {
            Assert.Equal(i, Uart.In(Data));
        }

        Assert.Equal(0x60, Uart.In(Lsr));
        Assert.Equal(40, _f.Uart.BytesIn);
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xc1, 14)]
    public void TriggerLevel_SeparatesDataFromTimeout(byte fcr, int level)
    {
        Uart.Out(Fcr, fcr);
        _f.Listen(0x01);
        _f.Receive(Count(level));
        Assert.Equal(0xc4, Uart.In(Iir));
        Uart.In(Data);
        Assert.Equal(level == 1 ? 0xc1 : 0xcc, Uart.In(Iir));
        Assert.Equal(level != 1, _f.Line.Asserted);
    }

    [Fact]
    public void RbrReadBelowTrigger_GivesANewEdgeForTheRest()
    {
        Uart.Out(Fcr, 0xc1);
        _f.Listen(0x01);
        _f.Receive(1, 2, 3);
        Assert.Equal(1, _f.Line.RisingEdges);
        Uart.In(Data);
        Assert.Equal(2, _f.Line.RisingEdges);
        Uart.In(Data);
        Uart.In(Data);
        Assert.False(_f.Line.Asserted);
        Assert.Equal(3, _f.Line.RisingEdges);
    }

    [Fact]
    public void FifoOffRbrRead_GivesANewEdgeForTheNextByte()
    {
        _f.Listen(0x01);
        _f.Receive(1, 2);
        Assert.Equal(1, _f.Line.RisingEdges);
        Assert.Equal(0x04, Uart.In(Iir));
        Uart.In(Data);
        Assert.Equal(2, _f.Line.RisingEdges);
        Assert.True(_f.Line.Asserted);
    }

    [Fact]
    public void EnablingThri_AssertsEachTimeAnew()
    {
        Uart.Out(Ier, 0x02);
        Assert.True(_f.Line.Asserted);
        Assert.Equal(0x02, Uart.In(Iir));
        Assert.False(_f.Line.Asserted);
        Assert.Equal(0x01, Uart.In(Iir));
        Uart.Out(Ier, 0);
        Uart.Out(Ier, 0x02);
        Assert.Equal(0x02, Uart.In(Iir));
        Uart.Out(Ier, 0);
        Assert.False(_f.Line.Asserted);
    }

    [Fact]
    public void RewritingThri_DoesNotAssertAgain()
    {
        Uart.Out(Ier, 0x02);
        Uart.In(Iir);
        _f.Listen(0x03);
        Assert.Equal(0x01, Uart.In(Iir));
    }

    [Fact]
    public void ThrWrite_RearmsThreAfterTheByteLeft()
    {
        Uart.Out(Ier, 0x02);
        Uart.In(Iir);
        var duringWrite = true;
        _f.OnWrite = () => duringWrite = _f.Line.Asserted;
        Uart.Out(Data, (byte)'x');
        Assert.False(duringWrite);
        Assert.True(_f.Line.Asserted);
        Assert.Equal(2, _f.Line.RisingEdges);
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x02)]
    public void BlockedOutput_HoldsNoLock(byte ier)
    {
        Uart.Out(Ier, ier);
        byte? seen = null;
        _f.OnWrite = () =>
        {
            var other = new Thread(() => seen = Uart.In(Lsr));
            other.Start();
            Assert.True(other.Join(TimeSpan.FromSeconds(30)));
        };
        Uart.Out(Data, (byte)'x');
        Assert.Equal((byte)0x60, seen);
    }

    [Fact]
    public void IirRead_ClearsThreOnlyWhenItIsTheSource()
    {
        _f.Listen(0x03);
        _f.Receive(1);
        Assert.Equal(0x04, Uart.In(Iir));
        Assert.Equal(0x04, Uart.In(Iir));
        Uart.In(Data);
        Assert.Equal(0x02, Uart.In(Iir));
        Assert.Equal(0x01, Uart.In(Iir));
    }

    [Fact]
    public void SaveAndLoad_CarryFifoRegistersAndLine()
    {
        Uart.Out(Fcr, 0x81);
        Uart.Out(Lcr, 0x03);
        Uart.Out(Scr, 9);
        _f.Listen(0x01);
        _f.Receive(Count(5));
        var other = new UartFixture();
        other.Uart.LoadState(_f.Uart.SavedState());
        Assert.True(other.Line.Asserted);
        Assert.Equal(0xcc, other.Uart.In(Iir));
        Assert.Equal(9, other.Uart.In(Scr));
        Assert.Equal(_f.Uart.SavedState(), other.Uart.SavedState());
        for (var i = 1; i <= 5; i++)
        {
            Assert.Equal(i, other.Uart.In(Data));
        }
    }

    [Fact]
    public void Load_RefusesAFifoOfMoreThanSixteen()
    {
        var state = _f.Uart.SavedState();
        state[6] = 17;
        Assert.Throws<StateFormatException>(() => _f.Uart.LoadState(state));
    }
}
