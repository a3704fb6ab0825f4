using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Timers;

public sealed class AcpiPmTimerTests
{
    private const long Second = 1_000_000_000;

    private readonly FakeTimerQueue _queue = new();

    [Fact]
    public void Count_Is3579545ASecondWithoutDrift()
    {
        var timer = new AcpiPmTimer(_queue, is32Bit: true);
        _queue.Advance(1000 * Second);
        Assert.Equal(3_579_545_000u, Read(timer));
    }

    [Theory]
    [InlineData(false, 0x00ff_ffffu)]
    [InlineData(true, 0xffff_ffffu)]
    public void Count_WrapsAtItsWidth(bool is32Bit, uint mask)
    {
        var timer = new AcpiPmTimer(_queue, is32Bit);
        _queue.Advance(5000 * Second);
        Assert.Equal((uint)(5000 * AcpiPmTimer.FrequencyHz % (1L << 32)) & mask, Read(timer));
    }

    [Fact]
    public void NarrowRead_GivesItsPartAndWritesAreDropped()
    {
        var timer = new AcpiPmTimer(_queue, is32Bit: false);
        _queue.Advance(4 * Second);
        var count = Read(timer);
        Assert.Equal(IoStatus.Ok, timer.Write(0, [1, 2, 3, 4]));
        Assert.Equal((byte)(count >> 8), timer.In(1));
        Assert.Equal(0, timer.In(3));
    }

    [Fact]
    public void Reset_CountsFromZeroAndSavedStateGoesOn()
    {
        var timer = new AcpiPmTimer(_queue, is32Bit: true);
        _queue.Advance(7 * Second);
        var state = timer.SavedState();
        timer.Reset();
        Assert.Equal(0u, Read(timer));
        _queue.Advance(3 * Second);
        timer.LoadState(state);
        Assert.InRange(Read(timer), 7 * 3_579_545u - 1, 7 * 3_579_545u);
    }

    private static uint Read(AcpiPmTimer timer)
    {
        Span<byte> data = stackalloc byte[4];
        Assert.Equal(IoStatus.Ok, timer.Read(0, data));
        return BinaryPrimitives.ReadUInt32LittleEndian(data);
    }
}
