using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;
using HvRunner.Fakes;

namespace HvRunner.Chipset.Tests.Timers;

public sealed class Pit8254Tests : IDisposable
{
    private readonly FakeTimerQueue _queue = new();
    private readonly RecordingLine _irq0 = new();
    private readonly Pit8254 _pit;
    private readonly SystemControlPortB _portB;

    public Pit8254Tests()
    {
        _pit = new Pit8254(_queue, _irq0);
        _portB = new SystemControlPortB(_pit);
    }

    public void Dispose() => _pit.Dispose();

    private void Program(int channel, int mode, int count)
    {
        _pit.Out(3, (byte)((channel << 6) | 0x30 | (mode << 1)));
        _pit.Out((ulong)channel, (byte)count);
        _pit.Out((ulong)channel, (byte)(count >> 8));
    }

    private void AdvanceTo(long tick) => _queue.Advance(PitClock.NsOf(tick) - _queue.NowNs);

    private int ReadWord(ulong channel)
    {
        _pit.Out(3, (byte)(channel << 6));
        return _pit.In(channel) | (_pit.In(channel) << 8);
    }

    [Fact]
    public void Clock_ConversionsAreExactInversesForYears()
    {
        Assert.Equal(PitClock.FrequencyHz * 86_400 * 365, PitClock.TickAt(86_400L * 365 * 1_000_000_000));
        var random = new Random(7);
        for (var i = 0; i < 10_000; i++)
        {
            var tick = random.NextInt64(PitClock.FrequencyHz * 86_400 * 3650);
            var ns = PitClock.NsOf(tick);
            Assert.Equal(tick, PitClock.TickAt(ns));
            Assert.Equal(tick == 0 ? 0 : tick - 1, PitClock.TickAt(Math.Max(0, ns - 1)));
        }
    }

    [Fact]
    public void PowerOn_NothingTicks()
    {
        Assert.Null(_queue.NextDeadlineNs);
        _queue.Advance(1_000_000_000);
        Assert.False(_irq0.Asserted);
    }

    [Fact]
    public void Mode0_RisesOnceAfterCountPlusOne()
    {
        Program(0, 0, 1000);
        AdvanceTo(1000);
        Assert.False(_irq0.Asserted);
        AdvanceTo(1001);
        Assert.True(_irq0.Asserted);
        AdvanceTo(1_000_000);
        Assert.Equal(1, _irq0.RisingEdges);
        Program(0, 0, 1000);
        Assert.False(_irq0.Asserted);
    }

    [Fact]
    public void Mode2_OneRisingEdgeEachPeriodWithoutDrift()
    {
        Program(0, 2, 11_932);
        var start = _irq0.RisingEdges;
        _queue.Advance(100_000_000_000);
        Assert.Equal(start + (int)((100 * PitClock.FrequencyHz - 1) / 11_932), _irq0.RisingEdges);
        Assert.True(_irq0.Asserted);
    }

    [Fact]
    public void Mode2_CountsFromNToOne()
    {
        Program(0, 2, 100);
        var seen = new SortedSet<int>();
        for (var tick = 1; tick <= 200; tick++)
        {
            AdvanceTo(tick);
            seen.Add(ReadWord(0));
        }

        Assert.Equal(1, seen.Min);
        Assert.Equal(100, seen.Max);
        Assert.Equal(100, seen.Count);
    }

    [Fact]
    public void Mode3_IsASquareWave()
    {
        Program(0, 3, 1000);
        AdvanceTo(1);
        Assert.True(_irq0.Asserted);
        AdvanceTo(501);
        Assert.False(_irq0.Asserted);
        AdvanceTo(1001);
        Assert.True(_irq0.Asserted);
        Assert.Equal(0, ReadWord(0) % 2);
    }

    [Fact]
    public void Mode4_StrobesOnce()
    {
        Program(0, 4, 1000);
        var start = _irq0.RisingEdges;
        AdvanceTo(1_000_000);
        Assert.Equal(start + 1, _irq0.RisingEdges);
    }

    [Fact]
    public void CountZero_Is65536()
    {
        Program(0, 0, 0);
        AdvanceTo(65_536);
        Assert.False(_irq0.Asserted);
        AdvanceTo(65_537);
        Assert.True(_irq0.Asserted);
    }

    [Fact]
    public void LateHost_DeliversOnePulseAndKeepsThePhase()
    {
        var late = new LateQueue();
        var line = new RecordingLine();
        using var pit = new Pit8254(late, line);
        pit.Out(3, 0x34);
        pit.Out(0, 0xe8);
        pit.Out(0, 0x03);
        var start = line.RisingEdges;
        late.Now = PitClock.NsOf(10_500);
        late.Fire();
        Assert.Equal(start + 1, line.RisingEdges);
        Assert.Equal(PitClock.NsOf(11_001), late.Deadline);
    }

    [Fact]
    public void VeryShortPeriods_AreServedAtABoundedRate()
    {
        Program(0, 2, 2);
        var start = _irq0.RisingEdges;
        _queue.Advance(1_000_000_000);
        Assert.InRange(_irq0.RisingEdges - start, 15_000, 20_000);
    }

    [Fact]
    public void ReadThatSeesTheEdgeFirst_DeliversItOnce()
    {
        var late = new LateQueue();
        var line = new RecordingLine();
        using var pit = new Pit8254(late, line);
        pit.Out(3, 0x34);
        pit.Out(0, 0xe8);
        pit.Out(0, 0x03);
        var start = line.RisingEdges;
        late.Now = PitClock.NsOf(1_100);
        pit.In(0);
        Assert.Equal(start + 1, line.RisingEdges);
        late.Fire();
        Assert.Equal(start + 1, line.RisingEdges);
        Assert.Equal(PitClock.NsOf(2_001), late.Deadline);
    }

    [Fact]
    public void CounterLatch_HoldsUntilReadAndLatchesOnce()
    {
        Program(0, 2, 1000);
        AdvanceTo(101);
        _pit.Out(3, 0x00);
        AdvanceTo(201);
        _pit.Out(3, 0x00);
        Assert.Equal(900 & 0xff, _pit.In(0));
        Assert.Equal(900 >> 8, _pit.In(0));
        Assert.Equal(800 & 0xff, _pit.In(0));
        Assert.Equal(800 >> 8, _pit.In(0));
    }

    [Fact]
    public void ReadBack_GivesStatusThenCount()
    {
        Program(1, 2, 1000);
        AdvanceTo(101);
        _pit.Out(3, 0xc4);
        Assert.Equal(0x80 | 0x34, _pit.In(1));
        Assert.Equal(900, _pit.In(1) | (_pit.In(1) << 8));
    }

    [Fact]
    public void NullCount_IsSetFromWriteToLoad()
    {
        Program(1, 2, 1000);
        _pit.Out(3, 0xe4);
        Assert.Equal(0x40, _pit.In(1) & 0x40);
        AdvanceTo(1);
        _pit.Out(3, 0xe4);
        Assert.Equal(0, _pit.In(1) & 0x40);
    }

    [Fact]
    public void ByteAccess_TakesOneByte()
    {
        _pit.Out(3, 0x90);
        _pit.Out(2, 50);
        _portB.Out(0, 1);
        AdvanceTo(11);
        Assert.Equal(40, _pit.In(2));
        _pit.Out(3, 0xa0);
        _pit.Out(2, 2);
        AdvanceTo(12 + 256);
        Assert.Equal(1, _pit.In(2));
    }

    [Fact]
    public void Bcd_CountsInDecimal()
    {
        _pit.Out(3, 0x31);
        _pit.Out(0, 0x00);
        _pit.Out(0, 0x10);
        AdvanceTo(2);
        Assert.Equal(0x0999, ReadWord(0));
        AdvanceTo(1001);
        Assert.True(_irq0.Asserted);
        AdvanceTo(1002);
        Assert.Equal(0x9999, ReadWord(0));
    }

    [Fact]
    public void Gate2_StopsMode0AndOut2ShowsTheEnd()
    {
        Program(2, 0, 1000);
        AdvanceTo(5000);
        Assert.Equal(0, _portB.In(0) & 0x20);
        Assert.Equal(1000, ReadWord(2));
        _portB.Out(0, 0x01);
        AdvanceTo(5999);
        Assert.Equal(0, _portB.In(0) & 0x20);
        AdvanceTo(6000);
        Assert.Equal(0x21, _portB.In(0) & 0x21);
    }

    [Fact]
    public void Gate2_TriggersMode1()
    {
        Program(2, 1, 100);
        AdvanceTo(50);
        Assert.Equal(0x20, _portB.In(0) & 0x20);
        _portB.Out(0, 1);
        AdvanceTo(51);
        Assert.Equal(0, _portB.In(0) & 0x20);
        AdvanceTo(151);
        Assert.Equal(0x20, _portB.In(0) & 0x20);
    }

    [Fact]
    public void PortB_KeepsItsLowBitsAndTogglesRefresh()
    {
        _portB.Out(0, 0xff);
        Assert.Equal(0x0f, _portB.In(0) & 0xcf);
        var first = _portB.In(0) & 0x10;
        _queue.Advance(15_200);
        Assert.NotEqual(first, _portB.In(0) & 0x10);
    }

    [Fact]
    public void ControlPort_DoesNotRead() => Assert.Equal(IoStatus.Unclaimed, _pit.Read(3, new byte[1]));

    [Fact]
    public void Snapshot_GoesOnWhereItStoppedOnAnotherClock()
    {
        Program(0, 2, 10_000);
        AdvanceTo(4_001);
        var queue = new FakeTimerQueue();
        queue.Advance(PitClock.NsOf(77_777));
        var line = new RecordingLine();
        using var other = new Pit8254(queue, line);
        other.LoadState(_pit.SavedState());
        Assert.True(line.Asserted);
        var before = line.RisingEdges;
        Assert.Equal(PitClock.NsOf(77_777 + 6_000), queue.NextDeadlineNs);
        queue.Advance(PitClock.NsOf(77_777 + 6_000) - queue.NowNs);
        Assert.Equal(before + 1, line.RisingEdges);
    }

    [Fact]
    public void Load_RefusesAnImpossibleCounter()
    {
        Program(0, 2, 10_000);
        var state = _pit.SavedState();
        // Behind name, version, last edge, control, gate and out: the count, then the reload value.
        state.AsSpan(1 + 3 + 1 + 8 + 3 + 4, 4).Clear();
        Assert.Throws<StateFormatException>(() => _pit.LoadState(state));
    }

    /// <summary>A timer queue whose thread comes when a test says so.</summary>
    private sealed class LateQueue : ITimerQueue, IDeadlineTimer
    {
        private Action<long>? _expired;

        public long Now { get; set; }

        public long NowNs => Now;

        public long? Deadline { get; private set; }

        public IDeadlineTimer CreateTimer(Action<long> expired)
        {
            _expired = expired;
            return this;
        }

        public void Fire()
        {
            var deadline = Deadline ?? 0;
            Deadline = null;
            _expired!(deadline);
        }

        public void Arm(long deadlineNs) => Deadline = deadlineNs;

        public void Disarm() => Deadline = null;

        public void Dispose()
        {
        }
    }
}
