using HvRunner.Abstractions;
using HvRunner.Chipset.Power;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Power;

public sealed class Ib700WatchdogTests : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly FakeTimerQueue _queue = new();
    private readonly RecordingPower _power = new();
    private readonly Ib700Watchdog _watchdog;

    public Ib700WatchdogTests() => _watchdog = new Ib700Watchdog(_queue, _power);

    public void Dispose() => _watchdog.Dispose();

    [Fact]
    public void PowerOn_NothingCounts()
    {
        Assert.Null(_queue.NextDeadlineNs);
        _queue.Advance(100 * Second);
        Assert.Empty(_power.Events);
    }

    [Theory]
    [InlineData(0, 30)]
    [InlineData(1, 28)]
    [InlineData(7, 16)]
    [InlineData(14, 2)]
    [InlineData(0xf0, 30)]
    [InlineData(0x3e, 2)]
    public void Start_CountsTheTimeOfTheTable(byte value, int seconds)
    {
        _watchdog.Out(2, value);
        _queue.Advance((seconds * Second) - 1);
        Assert.Empty(_power.Events);
        _queue.Advance(1);
        Assert.Equal(["watchdog ib700"], _power.Events);
        _queue.Advance(100 * Second);
        Assert.Single(_power.Events);
    }

    [Fact]
    public void Start_WithNoTime_FiresAtOnce()
    {
        _watchdog.Out(2, 15);
        _queue.Advance(0);
        Assert.Single(_power.Events);
    }

    [Fact]
    public void Start_Again_CountsAfresh()
    {
        for (var i = 0; i < 10; i++)
        {
            _watchdog.Out(2, 14);
            _queue.Advance((2 * Second) - 1);
        }

        Assert.Empty(_power.Events);
        _queue.Advance(1);
        Assert.Single(_power.Events);
    }

    [Fact]
    public void Stop_EndsTheCount()
    {
        _watchdog.Out(2, 14);
        _watchdog.Out(0, 0x55);
        Assert.Null(_queue.NextDeadlineNs);
        _queue.Advance(100 * Second);
        Assert.Empty(_power.Events);
    }

    [Fact]
    public void Reset_EndsTheCount()
    {
        _watchdog.Out(2, 14);
        _watchdog.Reset();
        _queue.Advance(100 * Second);
        Assert.Empty(_power.Events);
    }

    [Fact]
    public void CallUnderWay_WhenTheGuestFeedsIt_DoesNotCount()
    {
        var late = new LateQueue();
        using var watchdog = new Ib700Watchdog(late, _power);
        watchdog.Out(2, 14);
        late.NowNs = (2 * Second) + 5;
        watchdog.Out(2, 14);
        late.Expired!(2 * Second);
        Assert.Empty(_power.Events);
        late.NowNs = 5 * Second;
        late.Expired!(late.Deadline);
        Assert.Single(_power.Events);
    }

    [Fact]
    public void PortBetween_IsNobodys()
    {
        Span<byte> data = [0];
        Assert.Equal(IoStatus.Unclaimed, _watchdog.Write(1, data));
        Assert.Equal(IoStatus.Unclaimed, _watchdog.Write(3, data));
        Assert.Equal(IoStatus.Unclaimed, _watchdog.Read(0, data));
        Assert.Equal(0xff, data[0]);
        Assert.Null(_queue.NextDeadlineNs);
    }

    [Fact]
    public void SavedState_GoesOnWithTheTimeThatIsLeft()
    {
        _watchdog.Out(2, 14);
        _queue.Advance(Second / 2);
        var state = _watchdog.SavedState();
        _watchdog.Out(0, 0);
        _queue.Advance(50 * Second);
        _watchdog.LoadState(state);
        _queue.Advance((3 * Second / 2) - 1);
        Assert.Empty(_power.Events);
        _queue.Advance(1);
        Assert.Single(_power.Events);
    }

    /// <summary>A queue whose calls come when a test makes them.</summary>
    private sealed class LateQueue : ITimerQueue, IDeadlineTimer
    {
        public long NowNs { get; set; }

        public Action<long>? Expired { get; private set; }

        public long Deadline { get; private set; }

        public IDeadlineTimer CreateTimer(Action<long> expired)
        {
            Expired = expired;
            return this;
        }

        public void Arm(long deadlineNs) => Deadline = deadlineNs;

        public void Disarm()
        {
        }

        public void Dispose()
        {
        }
    }
}
