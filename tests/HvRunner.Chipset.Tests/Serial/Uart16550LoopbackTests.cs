using HvRunner.Chipset.Serial;
using static HvRunner.Chipset.Tests.Serial.UartFixture;

namespace HvRunner.Chipset.Tests.Serial;

/// <summary>Loopback, and what only loopback can show: modem lines that change, overruns and breaks.</summary>
public sealed class Uart16550LoopbackTests
{
    private readonly UartFixture _f = new();

    private Uart16550 Uart => _f.Uart;

    [Fact]
    public void LoopbackMode_RoutesModemOutputsToInputs()
    {
        Uart.Out(Mcr, 0x1a);
        Assert.Equal(0x90, Uart.In(Msr) & 0xf0);
        Uart.Out(Mcr, 0x15);
        Assert.Equal(0x60, Uart.In(Msr) & 0xf0);
        Uart.Out(Mcr, 0x00);
        Assert.Equal(0xb0, Uart.In(Msr) & 0xf0);
    }

    [Fact]
    public void LoopbackMode_SetsDeltasAndReadingClearsThem()
    {
        Uart.Out(Mcr, 0x10);
        Assert.Equal(0x0b, Uart.In(Msr));
        Assert.Equal(0x00, Uart.In(Msr));
        Uart.Out(Mcr, 0x14);
        Assert.Equal(0x40, Uart.In(Msr));
        Uart.Out(Mcr, 0x10);
        Assert.Equal(0x04, Uart.In(Msr));
    }

    [Fact]
    public void ModemStatus_InterruptsUntilMsrIsRead()
    {
        Uart.Out(Ier, 0x08);
        Uart.Out(Mcr, 0x10);
        Assert.True(_f.Line.Asserted);
        Assert.Equal(0x00, Uart.In(Iir));
        Uart.In(Msr);
        Assert.False(_f.Line.Asserted);
        Assert.Equal(0x01, Uart.In(Iir));
    }

    [Fact]
    public void LoopbackMode_ReturnsDataAndSendsNothing()
    {
        Uart.Out(Fcr, 0x01);
        Uart.Out(Mcr, 0x10);
        Uart.Out(Data, 0x42);
        Assert.Empty(_f.Sent);
        Assert.Equal(0x61, Uart.In(Lsr));
        Assert.Equal(0x42, Uart.In(Data));
        Assert.Equal(0, _f.Uart.BytesOut);
    }

    [Fact]
    public void LoopbackMode_HoldsHostInputBack()
    {
        _f.PollForInput();
        Uart.Out(Mcr, 0x10);
        _f.Receive(7);
        Assert.Equal(1, _f.Waiting);
        Assert.Equal(0x60, Uart.In(Lsr));
        Uart.Out(Mcr, 0x00);
        Assert.Equal(0, _f.Waiting);
        Assert.Equal(7, Uart.In(Data));
    }

    [Fact]
    public void LoopbackOverrun_KeepsTheFifoAndReports()
    {
        Uart.Out(Fcr, 0x01);
        Uart.Out(Mcr, 0x10);
        Uart.Out(Ier, 0x04);
        for (var i = 1; i <= 17; i++)
        {
            Uart.Out(Data, (byte)i);
        }

        Assert.Equal(0xc6, Uart.In(Iir));
        Assert.Equal(0x63, Uart.In(Lsr));
        Assert.Equal(0x61, Uart.In(Lsr));
        for (var i = 1; i <= 16; i++)
        {
            Assert.Equal(i, Uart.In(Data));
        }

        Assert.Equal(0x60, Uart.In(Lsr));
    }

    [Fact]
    public void LoopbackOverrun_OverwritesTheSingleBuffer()
    {
        Uart.Out(Mcr, 0x10);
        Uart.Out(Data, 1);
        Uart.Out(Data, 2);
        Assert.Equal(0x63, Uart.In(Lsr));
        Assert.Equal(2, Uart.In(Data));
    }

    [Fact]
    public void LoopbackBreak_ShowsWhenItIsOnTop()
    {
        Uart.Out(Fcr, 0x01);
        Uart.Out(Mcr, 0x10);
        Uart.Out(Data, 1);
        Uart.Out(Lcr, 0x43);
        Assert.Equal(0xe1, Uart.In(Lsr));
        Uart.In(Data);
        Assert.Equal(0xf1, Uart.In(Lsr));
        Assert.Equal(0x61, Uart.In(Lsr));
        Assert.Equal(0, Uart.In(Data));
        Assert.Equal(0x60, Uart.In(Lsr));
    }

    [Fact]
    public void LineStatus_HasPriorityAndLsrReadClearsIt()
    {
        Uart.Out(Ier, 0x0f);
        Uart.Out(Mcr, 0x10);
        Uart.Out(Lcr, 0x40);
        Assert.Equal(0x06, Uart.In(Iir));
        Uart.In(Lsr);
        Assert.Equal(0x04, Uart.In(Iir));
        Uart.In(Data);
        Assert.Equal(0x02, Uart.In(Iir));
        Assert.Equal(0x00, Uart.In(Iir));
        Uart.In(Msr);
        Assert.Equal(0x01, Uart.In(Iir));
        Assert.False(_f.Line.Asserted);
    }
}
