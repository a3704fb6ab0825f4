using HvRunner.Chipset.Rtc;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Rtc;

public sealed class CmosRtcTests : IDisposable
{
    private const ulong MiB = 1024 * 1024;

    private readonly FixedClock _clock = new(new DateTimeOffset(2026, 11, 21, 15, 4, 59, 250, TimeSpan.Zero));
    private readonly FakeTimerQueue _queue = new();
    private readonly RecordingLine _irq8 = new();
    private readonly CmosRtc _rtc;

    public CmosRtcTests() => _rtc = new CmosRtc(_clock, _queue, _irq8, 512 * MiB, 0);

    public void Dispose() => _rtc.Dispose();

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

    /// <summary>Seconds, minutes, hours, day, month, year, century.</summary>
    private byte[] Time() => [Get(0), Get(2), Get(4), Get(7), Get(8), Get(9), Get(0x32)];

    [Fact]
    public void PowerOn_ShowsUtcInBcdAnd24Hours()
    {
        Assert.Equal([0x59, 0x04, 0x15, 0x21, 0x11, 0x26, 0x20], Time());
        Assert.Equal(7, Get(6));
        Assert.Equal(0x02, Get(0x0b));
        Assert.Equal(0x80, Get(0x0d));
        Assert.Equal(0x26, Get(0x0a));
    }

    [Fact]
    public void HostsTimeZone_DoesNotShow()
    {
        _clock.Now = _clock.Now.ToOffset(TimeSpan.FromHours(5));
        Assert.Equal(0x15, Get(4));
    }

    [Fact]
    public void RegisterB_ChoosesBinary()
    {
        Set(0x0b, 0x06);
        Assert.Equal([59, 4, 15, 21, 11, 26, 20], Time());
    }

    [Theory]
    [InlineData(0, 0x12)]
    [InlineData(1, 0x01)]
    [InlineData(11, 0x11)]
    [InlineData(12, 0x92)]
    [InlineData(15, 0x83)]
    [InlineData(23, 0x91)]
    public void TwelveHourMode_MarksTheAfternoon(int hour, byte expected)
    {
        _clock.Now = new DateTimeOffset(2026, 1, 1, hour, 0, 0, TimeSpan.Zero);
        Set(0x0b, 0x00);
        Assert.Equal(expected, Get(4));
        Set(0x0b, 0x80);
        Set(4, expected);
        Set(0x0b, 0x02);
        Assert.Equal(hour, (Get(4) >> 4) * 10 + (Get(4) & 15));
    }

    [Fact]
    public void UpdateInProgress_WarnsInTheLast244Microseconds()
    {
        var second = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        _clock.Now = second.AddMicroseconds(999_755);
        Assert.Equal(0x26, Get(0x0a));
        _clock.Now = second.AddMicroseconds(999_757);
        Assert.Equal(0xa6, Get(0x0a));
        _clock.Now = second.AddSeconds(1);
        Assert.Equal(0x26, Get(0x0a));
    }

    [Fact]
    public void SetBit_FreezesAndThenSetsTheTime()
    {
        Set(0x0b, 0x82);
        _clock.Now = _clock.Now.AddSeconds(100);
        Assert.Equal(0x59, Get(0));
        byte[] indices = [0, 2, 4, 7, 8, 9, 0x32];
        byte[] time = [0x30, 0x59, 0x23, 0x31, 0x12, 0x99, 0x19];
        for (var i = 0; i < indices.Length; i++)
        {
            Set(indices[i], time[i]);
        }

        Assert.Equal(time, Time());
        Set(0x0b, 0x02);
        Assert.Equal(time, Time());
        _clock.Now = _clock.Now.AddSeconds(30);
        Assert.Equal([0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x20], Time());
    }

    [Fact]
    public void ImpossibleDate_IsBroughtIntoRange()
    {
        Set(0x0b, 0x82);
        Set(7, 0x31);
        Set(8, 0x02);
        Set(9, 0x25);
        Set(0, 0xff);
        Set(0x0b, 0x02);
        Assert.Equal([0x59, 0x04, 0x15, 0x28, 0x02, 0x25, 0x20], Time());
    }

    [Fact]
    public void WriteWithoutSet_TakesEffectAtOnce()
    {
        Set(2, 0x30);
        Assert.Equal(0x30, Get(2));
        _clock.Now = _clock.Now.AddMinutes(1);
        Assert.Equal(0x31, Get(2));
    }

    [Fact]
    public void NmiBit_IsNoPartOfTheIndex()
    {
        _rtc.Out(0, 0x8f);
        _rtc.Out(1, 0x5a);
        Assert.Equal(0x5a, Get(0x0f));
    }

    [Fact]
    public void WideWrite_IsIndexAndData()
    {
        _rtc.Write(0, [0x40, 0x77]);
        Assert.Equal(0x77, Get(0x40));
    }

    [Theory]
    [InlineData(512 * MiB, 0, 640, 0xffff, 496 * 16, 0)]
    [InlineData(16 * MiB, 0, 640, 15 * 1024, 0, 0)]
    [InlineData(3072 * MiB, 1024 * MiB, 640, 0xffff, 3056 * 16, 1024 * 16)]
    [InlineData(512 * 1024, 0, 512, 0, 0, 0)]
    public void MemorySizes_AreWhereFirmwarePutsThem(ulong below, ulong above, int baseKiB, int extendedKiB, int above16M, int above4G)
    {
        using var rtc = new CmosRtc(_clock, _queue, _irq8, below, above);
        int Word(byte index)
        {
            rtc.Out(0, index);
            var low = rtc.In(1);
            rtc.Out(0, (byte)(index + 1));
            return low | (rtc.In(1) << 8);
        }

        Assert.Equal(baseKiB, Word(0x15));
        Assert.Equal(extendedKiB, Word(0x17));
        Assert.Equal(extendedKiB, Word(0x30));
        Assert.Equal(above16M, Word(0x34));
        Assert.Equal(above4G, Word(0x5b) | ((Word(0x5d) & 0xff) << 16));
        var sum = Enumerable.Range(0x10, 0x1e).Sum(i => Word((byte)i) & 0xff);
        Assert.Equal(sum, ((Word(0x2e) & 0xff) << 8) | (Word(0x2f) & 0xff));
    }

    [Fact]
    public void EndOfTime_StandsStill()
    {
        Set(0x0b, 0x82);
        Set(0x32, 0x99);
        Set(9, 0x99);
        Set(8, 0x12);
        Set(7, 0x31);
        Set(0x0b, 0x02);
        _clock.Now = _clock.Now.AddYears(100);
        Assert.Equal([0x59, 0x59, 0x23, 0x31, 0x12, 0x99, 0x99], Time());
    }

    [Fact]
    public void Snapshot_KeepsTheGuestsOffset()
    {
        Set(4, 0x03);
        using var other = new CmosRtc(_clock, _queue, _irq8, 1 * MiB, 0);
        other.LoadState(_rtc.SavedState());
        other.Out(0, 4);
        Assert.Equal(0x03, other.In(1));
    }
}
