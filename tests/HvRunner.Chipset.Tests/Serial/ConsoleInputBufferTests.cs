using HvRunner.Chipset.Serial;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Serial;

public sealed class ConsoleInputBufferTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Write_TakesWhatFits()
    {
        var buffer = new ConsoleInputBuffer(capacityBytes: 10);
        Assert.Equal(10, buffer.Write(new byte[12]));
        Assert.Equal(0, buffer.Write(new byte[1]));
        Assert.Equal(10, buffer.Count);
    }

    [Fact]
    public void SpaceAvailable_ComesOnceAfterARefusalWhenHalfIsFree()
    {
        var calls = 0;
        var buffer = new ConsoleInputBuffer(() => calls++, 10);
        buffer.Write(new byte[10]);
        buffer.Read(new byte[8]);
        Assert.Equal(0, calls);
        buffer.Write(new byte[9]);
        buffer.Read(new byte[4]);
        Assert.Equal(0, calls);
        buffer.Read(new byte[1]);
        Assert.Equal(1, calls);
        buffer.Read(new byte[5]);
        Assert.Equal(1, calls);
    }

    [Fact]
    public void Close_EndsAWaitAndKeepsWhatIsThere()
    {
        var buffer = new ConsoleInputBuffer(capacityBytes: 4);
        buffer.Write(new byte[4]);
        var space = true;
        var waiter = new Thread(() => space = buffer.WaitForSpace()) { IsBackground = true };
        waiter.Start();
        Assert.False(waiter.Join(20));
        buffer.Close();
        Assert.True(waiter.Join(Patience));
        Assert.False(space);
        Assert.Equal(0, buffer.Write(new byte[1]));
        Assert.Equal(4, buffer.Read(new byte[8]));
    }

    [Fact]
    public void HostToGuest_LosesNothingThroughASmallRing()
    {
        const int Total = 200_000;
        var buffer = new ConsoleInputBuffer(capacityBytes: 37);
        var uart = new Uart16550("com1", new RecordingLine(), new ConsoleTail(null), buffer);
        uart.Out(UartFixture.Fcr, 0x01);
        var host = new Thread(() =>
        {
            var chunk = new byte[100];
            for (var sent = 0; sent < Total;)
            {
                for (var i = 0; i < chunk.Length; i++)
                {
                    chunk[i] = (byte)((sent + i) * 7);
                }

                var taken = buffer.Write(chunk.AsSpan(0, Math.Min(chunk.Length, Total - sent)));
                sent += taken;
                uart.InputReady();
                if (taken == 0 && !buffer.WaitForSpace())
                {
                    return;
                }
            }
        })
        { IsBackground = true };
        host.Start();
        var spins = new SpinWait();
        for (var received = 0; received < Total;)
        {
            if ((uart.In(UartFixture.Lsr) & 1) == 0)
            {
                spins.SpinOnce();
                continue;
            }

            Assert.Equal((byte)(received * 7), uart.In(UartFixture.Data));
            received++;
        }

        Assert.True(host.Join(Patience));
        Assert.Equal(Total, uart.BytesIn);
    }
}
