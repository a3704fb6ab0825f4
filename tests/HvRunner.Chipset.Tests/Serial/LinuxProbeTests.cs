using HvRunner.Chipset.Serial;
using static HvRunner.Chipset.Tests.Serial.UartFixture;

namespace HvRunner.Chipset.Tests.Serial;

/// <summary>The questions that Linux 6.1's 8250 driver asks, in its order, and the answers that make it a 16550A without work-arounds.</summary>
public sealed class LinuxProbeTests
{
    private readonly UartFixture _f = new();

    private Uart16550 Uart => _f.Uart;

    [Fact]
    public void Autoconfig_FindsA16550A()
    {
        Uart.Out(Ier, 0);
        Assert.Equal(0, Uart.In(Ier) & 0x0f);
        Uart.Out(Ier, 0x0f);
        Assert.Equal(0x0f, Uart.In(Ier) & 0x0f);
        Uart.Out(Ier, 0);
        Uart.Out(Mcr, 0x1a);
        Assert.Equal(0x90, Uart.In(Msr) & 0xf0);
        Uart.Out(Mcr, 0);
        Uart.Out(Lcr, 0xbf);
        Uart.Out(Fcr, 0);
        Uart.Out(Lcr, 0);
        Uart.Out(Fcr, 0x01);
        Assert.Equal(3, Uart.In(Iir) >> 6);
    }

    [Fact]
    public void Variants_AreRuledOut()
    {
        // The enhanced feature register of later chips would read 0 behind the divisor latch; here that offset is IIR with the FIFO on.
        Uart.Out(Fcr, 0x01);
        Uart.Out(Lcr, 0x80);
        Assert.NotEqual(0, Uart.In(Iir));
        Uart.Out(Lcr, 0xbf);
        Assert.NotEqual(0, Uart.In(Iir));
        Uart.Out(Lcr, 0xe0);
        var before = Uart.In(Iir);
        Uart.Out(Lcr, 0);
        Uart.Out(Mcr, 0x10);
        Uart.Out(Lcr, 0xe0);
        Assert.Equal(0, (before ^ Uart.In(Iir)) & 0x10);
        Uart.Out(Lcr, 0);
        Uart.Out(Mcr, 0);

        // The 64-byte FIFO of the 16750 would show as IIR bit 5.
        Uart.Out(Fcr, 0x21);
        Assert.Equal(6, Uart.In(Iir) >> 5);
        Uart.Out(Lcr, 0x80);
        Uart.Out(Fcr, 0x21);
        Assert.Equal(6, Uart.In(Iir) >> 5);
        Uart.Out(Lcr, 0);
        Uart.Out(Ier, 0x40);
        Assert.Equal(0, Uart.In(Ier));
    }

    [Fact]
    public void FifoSize_MeasuredInLoopbackIsSixteen()
    {
        Uart.Out(Fcr, 0x07);
        Uart.Out(Mcr, 0x10);
        for (var i = 0; i < 256; i++)
        {
            Uart.Out(Data, (byte)i);
        }

        var count = 0;
        while ((Uart.In(Lsr) & 1) != 0 && count < 256)
        {
            Assert.Equal(count++, Uart.In(Data));
        }

        Assert.Equal(16, count);
    }

    [Fact]
    public void Startup_NeedsNoWorkAroundTimers()
    {
        Uart.Out(Fcr, 0x01);
        Uart.Out(Fcr, 0x07);
        Uart.Out(Fcr, 0x00);
        foreach (var register in new[] { Lsr, Data, Iir, Msr })
        {
            Uart.In(register);
        }

        Assert.NotEqual(0xff, Uart.In(Lsr));

        // Enabled twice, the interrupt must be there twice, or the driver polls with a timer.
        Uart.Out(Ier, 0x02);
        var first = Uart.In(Iir);
        Uart.Out(Ier, 0);
        Uart.Out(Ier, 0x02);
        var second = Uart.In(Iir);
        Uart.Out(Ier, 0);
        Assert.Equal(0, first & 1);
        Assert.Equal(0, second & 1);

        // An empty transmitter without a pending interrupt would count as the TXEN bug.
        Uart.Out(Lcr, 0x03);
        Uart.Out(Mcr, 0x08);
        Uart.Out(Ier, 0x02);
        var lsr = Uart.In(Lsr);
        var iir = Uart.In(Iir);
        Uart.Out(Ier, 0);
        Assert.Equal(0x40, lsr & 0x40);
        Assert.Equal(0, iir & 1);
    }

    [Fact]
    public void InterruptDrivenTransmission_SendsEverything()
    {
        var text = Count(200);
        Uart.Out(Fcr, 0x81);
        Uart.Out(Ier, 0x07);
        var next = 0;
        var interrupts = 0;
        while (_f.Line.Asserted)
        {
            Assert.True(++interrupts < 100);
            Assert.Equal(0xc2, Uart.In(Iir));
            Assert.Equal(0x60, Uart.In(Lsr));
            for (var i = 0; i < 16 && next < text.Length; i++)
            {
                Uart.Out(Data, text[next++]);
            }

            if (next == text.Length)
            {
                Uart.Out(Ier, 0x05);
            }
        }

        Assert.Equal(text, _f.Sent);
        Assert.Equal(13, interrupts);
    }

    [Fact]
    public void InterruptDrivenReception_TakesEverything()
    {
        Uart.Out(Fcr, 0x81);
        _f.Listen(0x05);
        var text = Count(100);
        _f.Receive(text);
        var received = new List<byte>();
        while (_f.Line.Asserted)
        {
            Assert.True((Uart.In(Iir) & 0x0f) is 0x04 or 0x0c);
            while ((Uart.In(Lsr) & 1) != 0)
            {
                received.Add(Uart.In(Data));
            }
        }

        Assert.Equal(text, received);
        Assert.Equal(0xc1, Uart.In(Iir));
    }
}
