using HvRunner.Chipset.Rtc;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Rtc;

/// <summary>The clock's three interrupts, with a time of day that goes with guest time.</summary>
public sealed class RtcInterruptTests : IDisposable
{
    private const long Second = 1_000_000_000;
    private const byte Periodic = 0x40;
    private const byte Alarm = 0x20;
    private const byte UpdateEnded = 0x10;
    private const byte Request = 0x80;
    private const byte Bcd24 = 0x02;

    private readonly FakeTimerQueue _queue = new();
    private readonly RecordingLine _irq8 = new();
    private readonly QueueClock _clock;
    private readonly CmosRtc _rtc;

    public RtcInterruptTests()
    {
        _clock = new QueueClock(_queue);
        _rtc = new CmosRtc(_clock, _queue, _irq8, 1 << 24, 0);
    }

    public void Dispose() => _rtc.Dispose();

    [Fact]
    public void PowerOn_AsksForNoTime()
    {
        _queue.Advance(10 * Second);
        Assert.Null(_queue.NextDeadlineNs);
        Assert.False(_irq8.Asserted);
    }

    [Theory]
    [InlineData(3, 8192)]
    [InlineData(6, 1024)]
    [InlineData(10, 64)]
    [InlineData(15, 2)]
    [InlineData(1, 256)]
    [InlineData(2, 128)]
    public void Periodic_InterruptsAtTheRateOfRegisterA(byte rate, int perSecond)
    {
        Set(0x0a, (byte)(0x20 | rate));
        Set(0x0b, Periodic | Bcd24);
        for (var i = 1; i <= 20; i++)
        {
            _queue.Advance(((i * Second) + perSecond - 1) / perSecond - _queue.NowNs - 1);
            Assert.False(_irq8.Asserted);
            _queue.Advance(1);
            Assert.True(_irq8.Asserted);
            Assert.Equal(Request | Periodic, Get(0x0c) & (Request | Periodic));
            Assert.False(_irq8.Asserted);
        }
    }

    [Fact]
    public void Periodic_NotAcknowledged_AsksForNoMoreTime()
    {
        Set(0x0a, 0x26);
        Set(0x0b, Periodic | Bcd24);
        _queue.Advance(Second);
        Assert.Equal(1, _irq8.RisingEdges);
        Assert.Null(_queue.NextDeadlineNs);
    }

    [Theory]
    [InlineData(0x20)]
    [InlineData(0x66)]
    public void Periodic_WithoutRateOrWithTheDividerInReset_IsNone(byte registerA)
    {
        Set(0x0a, registerA);
        Set(0x0b, Periodic | Bcd24);
        _queue.Advance(10 * Second);
        Assert.Equal(0, Get(0x0c) & Periodic);
        Assert.Equal(0, _irq8.RisingEdges);
    }

    [Fact]
    public void Flags_RiseWithoutEnableAndEnableShowsThem()
    {
        Set(0x0a, 0x2f);
        _queue.Advance(2 * Second);
        Assert.False(_irq8.Asserted);
        Set(0x0b, Periodic | Bcd24);
        Assert.True(_irq8.Asserted);
        Assert.Equal(Request | Periodic | UpdateEnded, Get(0x0c));
        Assert.Equal(0, Get(0x0c));
    }

    [Fact]
    public void RegisterC_IsNotWritable()
    {
        Set(0x0c, 0xff);
        Assert.Equal(0, Get(0x0c));
    }

    [Fact]
    public void UpdateEnded_InterruptsWhenTheSecondChangesAndUipFalls()
    {
        _queue.Advance(250_000_000);
        Set(0x0b, UpdateEnded | Bcd24);
        _queue.Advance(750_000_000 - 1000);
        Assert.False(_irq8.Asserted);
        Assert.Equal(0x80, Get(0x0a) & 0x80);
        Assert.Equal(0x00, Get(0));
        _queue.Advance(50_000);
        Assert.True(_irq8.Asserted);
        Assert.Equal(0, Get(0x0a) & 0x80);
        Assert.Equal(0x01, Get(0));
        Assert.Equal(Request | UpdateEnded, FlagsButPeriodic());
        for (var i = 0; i < 10; i++)
        {
            _queue.Advance(Second);
            Assert.Equal(Request | UpdateEnded, FlagsButPeriodic());
        }

        Assert.Equal(11, _irq8.RisingEdges);
    }

    [Fact]
    public void Set_TakesUpdateEndedEnableDownAndStopsUpdates()
    {
        Set(0x0b, UpdateEnded | Bcd24);
        Set(0x0b, 0x80 | UpdateEnded | Bcd24);
        Assert.Equal(0x80 | Bcd24, Get(0x0b));
        _queue.Advance(10 * Second);
        Assert.Equal(0, FlagsButPeriodic());
        Assert.Null(_queue.NextDeadlineNs);
    }

    [Fact]
    public void Alarm_InterruptsAtItsTime()
    {
        SetAlarm(0x00, 0x01, 0x00);
        _queue.Advance((60 * Second) - 1);
        Assert.False(_irq8.Asserted);
        _queue.Advance(1);
        Assert.True(_irq8.Asserted);
        Assert.Equal(Request | Alarm | UpdateEnded, FlagsButPeriodic());
        _queue.Advance(86_400 * Second);
        Assert.Equal(2, _irq8.RisingEdges);
    }

    [Theory]
    [InlineData(0xff, 0xff, 0xff, 100, 100)]
    [InlineData(0x30, 0xc0, 0xff, 3600, 60)]
    [InlineData(0x00, 0x30, 0xff, 86_400, 24)]
    [InlineData(0xff, 0x00, 0xff, 7200, 120)]
    [InlineData(0x05, 0x06, 0x07, 172_800, 2)]
    public void Alarm_DontCareMatchesEverything(byte second, byte minute, byte hour, int seconds, int times)
    {
        SetAlarm(second, minute, hour);
        for (var end = seconds * Second; _queue.NowNs < end;)
        {
            _queue.Advance(Math.Min(_queue.NextDeadlineNs ?? end, end) - _queue.NowNs);
            Get(0x0c);
        }

        Assert.Equal(times, _irq8.RisingEdges);
    }

    [Theory]
    [InlineData(0x60, 0xff, 0xff)]
    [InlineData(0xff, 0x0a, 0xff)]
    [InlineData(0xff, 0xff, 0x24)]
    public void Alarm_OfNoTime_AsksForNone(byte second, byte minute, byte hour)
    {
        SetAlarm(second, minute, hour);
        Assert.Null(_queue.NextDeadlineNs);
        _queue.Advance(90_000 * Second);
        Assert.Equal(UpdateEnded, FlagsButPeriodic());
    }

    [Theory]
    [InlineData(0x00, 0x93, 15)]
    [InlineData(0x04, 0x83, 15)]
    [InlineData(0x06, 15, 15)]
    public void Alarm_IsComparedInTheFormatOfRegisterB(byte format, byte hour, int wanted)
    {
        // Bit 7 of an hour is the afternoon: 0x93 would be 13 o'clock in the afternoon, which there is not.
        Set(5, hour);
        Set(0x0b, (byte)(Alarm | format));
        _queue.Advance(wanted * 3600 * Second);
        Assert.Equal(hour == 0x93 ? 0 : 1, _irq8.RisingEdges);
    }

    [Fact]
    public void Alarm_ThatTheTimeOfDayJumpedOver_Rings()
    {
        SetAlarm(0x00, 0x30, 0x00);
        _clock.Start = _clock.Start.AddHours(2);
        Assert.Equal(Request | Alarm | UpdateEnded, FlagsButPeriodic());
    }

    [Fact]
    public void TimeOfDay_BehindGuestTime_IsWaitedFor()
    {
        SetAlarm(0x10, 0xff, 0xff);
        _clock.Start = _clock.Start.AddSeconds(-3);
        _queue.Advance(12 * Second);
        Assert.False(_irq8.Asserted);
        _queue.Advance(Second + 100_000);
        Assert.True(_irq8.Asserted);
    }

    [Fact]
    public void Divider_LeavingReset_UpdatesHalfASecondLater()
    {
        Set(0x0a, 0x66);
        Set(0, 0x30);
        _queue.Advance(5 * Second);
        Assert.Equal(0x30, Get(0));
        Set(0x0a, 0x26);
        _queue.Advance((Second / 2) - 1000);
        Assert.Equal(0x30, Get(0));
        _queue.Advance(1000);
        Assert.Equal(0x31, Get(0));
    }

    [Fact]
    public void SavedState_KeepsFlagsAndLine()
    {
        Set(0x0b, UpdateEnded | Bcd24);
        _queue.Advance(2 * Second);
        var line = new RecordingLine();
        using var other = new CmosRtc(_clock, _queue, line, 0, 0);
        other.LoadState(_rtc.SavedState());
        Assert.True(line.Asserted);
        other.Out(0, 0x0c);
        Assert.Equal(Request | UpdateEnded, other.In(1) & ~Periodic);
        _queue.Advance(Second);
        Assert.Equal(2, line.RisingEdges);
    }

    [Fact]
    public void NextAlarm_IsWhatCountingFinds()
    {
        var random = new Random(11);
        byte[] bytes = [0x00, 0x10, 0x59, 0x23, 0x07, 0xc0, 0xff, 0x5a];
        for (var i = 0; i < 300; i++)
        {
            var alarm = new RtcAlarm(bytes[random.Next(8)], bytes[random.Next(8)], bytes[random.Next(8)], RegisterB.PowerOn);
            var from = random.Next(86_400);
            Assert.Equal(Count(alarm, from), alarm.NextAt(from));
        }
    }

    private static int? Count(RtcAlarm alarm, int from)
    {
        static bool Matches(byte wanted, int value) => wanted >= 0xc0 || wanted == (value / 10 * 16) + (value % 10);
        for (var second = from; second < from + 86_400; second++)
        {
            if (Matches(alarm.Second, second % 60) && Matches(alarm.Minute, second / 60 % 60) && Matches(alarm.Hour, second / 3600 % 24))
            {
                return second;
            }
        }

        return null;
    }

    private void SetAlarm(byte second, byte minute, byte hour)
    {
        Set(1, second);
        Set(3, minute);
        Set(5, hour);
        Set(0x0b, Alarm | Bcd24);
    }

    /// <summary>Register C. The rate that firmware leaves behind raises the periodic flag all the time.</summary>
    private int FlagsButPeriodic() => Get(0x0c) & ~Periodic;

    private byte Get(byte index)
    {
        _rtc.Out(0, index);
        return _rtc.In(1);
    }

    private void Set(byte index, byte value)
    {
        _rtc.Out(0, index);
        _rtc.Out(1, value);
    }

    /// <summary>A time of day that goes with guest time, from midnight on.</summary>
    private sealed class QueueClock(FakeTimerQueue queue) : TimeProvider
    {
        public DateTimeOffset Start { get; set; } = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Start.AddTicks(queue.NowNs / 100);
    }
}
