using System.Diagnostics;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>The line through readings of a counter, against a counter whose true value is known at every moment.</summary>
public class TimestampModelTests
{
    private const long Millisecond = 1_000_000;
    private const int LongestDeadlineMs = 20;

    /// <summary>
    /// Rates that are not what was said of them, readings of any width and at any distance, some held up for long: no deadline is before its time, and with a narrow
    /// reading at hand, once the rate could be measured, none is late by more than a microsecond.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Deadlines_AreNeverEarlyAndHardlyLate(int seed)
    {
        Console.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 100; round++)
        {
            var counter = new Counter(random, ppm: random.Next(-500, 501));
            var model = new TimestampModel(counter.Kilohertz, counter.Read(width: 300));
            var (lastSaid, worstNs) = (model.CounterAt(counter.NowNs), 0L);
            for (var i = 0; i < 200; i++)
            {
                counter.Pass(random.NextInt64(1, 40 * Millisecond));
                var isHeldUp = random.Next(10) == 0;
                model.Add(counter.Read(isHeldUp ? random.Next(1_000, 3_000_000) : random.Next(60, 300)));

                var said = model.CounterAt(counter.NowNs);
                Assert.True(said <= counter.Now, $"round {round}, reading {i}: said {said}, is {counter.Now}");
                Assert.True(said >= lastSaid, $"round {round}, reading {i}: {said} behind {lastSaid}");
                lastSaid = said;

                var deadline = counter.Now + (ulong)(random.NextInt64(1, LongestDeadlineMs * Millisecond) * counter.TicksPerNs);
                var ns = model.DeadlineNs(deadline);
                var late = ns - counter.FirstNsOf(deadline);
                Assert.True(late >= 0, $"round {round}, reading {i}: early by {-late} ns");
                if (i > 50 && !isHeldUp)
                {
                    worstNs = Math.Max(worstNs, late);
                }
            }

            Assert.InRange(worstNs, 0, 1_000);
        }
    }

    /// <summary>What <see cref="TimestampModel.CounterAt"/> says at a deadline and a nanosecond before it: a timer that looks finds it passed, and not sooner.</summary>
    [Theory]
    [InlineData(4)]
    public void Deadline_IsTheFirstNanosecondOfTheLine(int seed)
    {
        Console.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var start = (ulong)random.NextInt64() << random.Next(2);
            var model = new TimestampModel((uint)random.Next(1, int.MaxValue), new TimestampReading(1_000, start, 1_200));
            var timestamp = start + 1 + (ulong)random.NextInt64(1L << random.Next(1, 50));
            var ns = model.DeadlineNs(timestamp);
            if (timestamp < start || ns > 1L << 55)
            {
                continue;
            }

            Assert.True(model.CounterAt(ns) - start >= timestamp - start, $"round {round}");
            Assert.True(model.CounterAt(ns - 1) - start < timestamp - start, $"round {round}");
        }
    }

    /// <summary>A clock that is slewed from now on, as fast as clocks are: within some readings the deadlines are exact again.</summary>
    [Theory]
    [InlineData(500)]
    [InlineData(-500)]
    [InlineData(80_000)]
    [InlineData(-80_000)]
    public void SlewedClock_IsFollowed(int ppm)
    {
        var counter = new Counter(new Random(5), ppm: 0);
        var model = new TimestampModel(counter.Kilohertz, counter.Read(200));
        Sample(model, counter, 100);
        Assert.InRange(LatenessNs(model, counter), 0, 1_000);
        counter.Slew(ppm);
        Sample(model, counter, 100);
        Assert.InRange(LatenessNs(model, counter), 0, 1_000);
    }

    /// <summary>While the host is suspended the counter goes on and the clock does not; and some counters begin anew. Neither is a rate.</summary>
    [Theory]
    [InlineData(1L << 31)]
    [InlineData(1L << 40)]
    [InlineData(1L << 62)]
    [InlineData(-(1L << 31))]
    [InlineData(-(1L << 20))]
    public void Jump_IsNotTakenForARate(long ticks)
    {
        var counter = new Counter(new Random(6), ppm: 30);
        var model = new TimestampModel(counter.Kilohertz, counter.Read(200));
        Sample(model, counter, 100);
        counter.Jump(ticks);
        for (var i = 0; i < 30; i++)
        {
            counter.Pass(7 * Millisecond);
            model.Add(counter.Read(200));
            Assert.InRange(LatenessNs(model, counter), 0, 1_000);
        }
    }

    [Fact]
    public void SetCounter_KeepsItsRate()
    {
        var counter = new Counter(new Random(7), ppm: 400);
        var model = new TimestampModel(counter.Kilohertz, counter.Read(200));
        Sample(model, counter, 100);
        counter.Jump(-(long)counter.Now + 5);
        model.Restart(counter.Read(200));
        Assert.InRange(model.CounterAt(counter.NowNs), 5ul, counter.Now);
        Assert.InRange(LatenessNs(model, counter), 0, 1_000);
    }

    [Fact]
    public void Counter_Wraps()
    {
        var counter = new Counter(new Random(8), ppm: 100);
        var model = new TimestampModel(counter.Kilohertz, counter.Read(200));
        Sample(model, counter, 100);
        counter.Jump(-(long)counter.Now - 1_000);
        model.Restart(counter.Read(0));
        Assert.True(model.CounterAt(counter.NowNs) > ulong.MaxValue - 1_001);
        counter.Pass(30 * Millisecond);
        var said = model.CounterAt(counter.NowNs);
        Assert.InRange(counter.Now - said, 0ul, 10_000ul);
        model.Add(counter.Read(200));
        Assert.InRange(counter.Now - model.CounterAt(counter.NowNs), 0ul, 2_000ul);
        Assert.InRange(LatenessNs(model, counter), 0, 1_000);
    }

    [Theory]
    [InlineData(1u, ulong.MaxValue, long.MaxValue)]
    [InlineData(1_000_000u, ulong.MaxValue, long.MaxValue)]
    [InlineData(1_000_000u, 1ul << 63, long.MaxValue)]
    [InlineData(1_000_000u, 0ul, 1_001L)]
    [InlineData(1_000_000u, 500ul, 1_001L)]
    public void ExtremeDeadlines_AreNeverOrLongPast(uint kilohertz, ulong timestamp, long expected) =>
        Assert.Equal(expected, new TimestampModel(kilohertz, new TimestampReading(900, 500, 1_000)).DeadlineNs(timestamp));

    /// <summary>Whatever is read, the line stays one: a rate of nothing would be a division by it.</summary>
    [Theory]
    [InlineData(9)]
    public void Readings_MayBeAnything(int seed)
    {
        Console.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            var model = new TimestampModel((uint)random.Next(1, 1 << random.Next(1, 31)), new TimestampReading(0, (ulong)random.NextInt64(), 0));
            var ns = 0L;
            for (var i = 0; i < 50; i++)
            {
                ns += random.NextInt64(1L << random.Next(1, 50));
                var after = ns + random.NextInt64(1L << random.Next(1, 50));
                model.Add(new TimestampReading(ns, (ulong)random.NextInt64(1L << random.Next(1, 63)) << random.Next(2), after));
                ns = after;
                _ = model.CounterAt(random.NextInt64());
                Assert.True(model.DeadlineNs((ulong)random.NextInt64() << 1) > 0);
            }
        }
    }

    /// <summary>A counter that is set to and fro: nobody may see half of one line and half of the other, and who asks allocates nothing.</summary>
    [Fact]
    public void OtherThreads_SeeWholeLines()
    {
        const ulong Timestamp = 1ul << 50;
        TimestampReading[] readings = [new(1L << 40, 1ul << 40, 1L << 40), new(1L << 41, 1ul << 41, 1L << 41)];
        var whole = readings.Select(reading => new TimestampModel(1_000_000, reading).DeadlineNs(Timestamp)).ToArray();
        var model = new TimestampModel(1_000_000, readings[0]);
        var (asked, mixed, allocated) = (0L, 0L, -1L);
        var end = false;
        var reader = new Thread(() =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (; !Volatile.Read(ref end); asked++)
            {
                var ns = model.DeadlineNs(Timestamp);
                mixed += ns == whole[0] || ns == whole[1] ? 0 : 1;
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        reader.Start();
        var watch = Stopwatch.StartNew();
        for (var i = 0; watch.ElapsedMilliseconds < 200; i++)
        {
            model.Restart(readings[i & 1]);
        }

        Volatile.Write(ref end, true);
        reader.Join();
        Assert.NotEqual(whole[0], whole[1]);
        Assert.True(asked > 1_000, $"asked {asked} times");
        Assert.Equal((0, 0), (mixed, allocated));
    }

    private static void Sample(TimestampModel model, Counter counter, int readings)
    {
        for (var i = 0; i < readings; i++)
        {
            counter.Pass(7 * Millisecond);
            model.Add(counter.Read(200));
        }
    }

    private static long LatenessNs(TimestampModel model, Counter counter)
    {
        var deadline = counter.Now + (ulong)(LongestDeadlineMs * Millisecond * counter.TicksPerNs);
        return model.DeadlineNs(deadline) - counter.FirstNsOf(deadline);
    }

    /// <summary>Exact where it matters: in ticks for each 2^64 ns, from a moment on in which the rate or the counter was last changed.</summary>
    private sealed class Counter
    {
        private readonly Random _random;
        private readonly double _hertz;
        private UInt128 _rate;
        private ulong _start;
        private long _startNs;

        internal Counter(Random random, int ppm)
        {
            _random = random;
            _hertz = random.NextInt64(1_000_000_000, 5_000_000_000);
            Kilohertz = (uint)Math.Round(_hertz / 1_000);
            NowNs = random.NextInt64(1L << 50);
            _startNs = NowNs;
            _start = (ulong)random.NextInt64(1L << 60);
            _rate = RateOf(ppm);
        }

        internal uint Kilohertz { get; }

        internal long NowNs { get; private set; }

        internal ulong Now => At(NowNs);

        internal double TicksPerNs => (double)_rate / Math.Pow(2, 64);

        internal void Pass(long ns) => NowNs += ns;

        /// <summary>Reads it at some moment of the time that the reading takes.</summary>
        internal TimestampReading Read(long width)
        {
            var before = NowNs;
            NowNs += width;
            return new TimestampReading(before, At(_random.NextInt64(before, NowNs + 1)), NowNs);
        }

        internal void Slew(int ppm) => (_start, _startNs, _rate) = (Now, NowNs, RateOf(ppm));

        internal void Jump(long ticks) => (_start, _startNs) = (Now + (ulong)ticks, NowNs);

        internal long FirstNsOf(ulong timestamp) => _startNs + (long)((((UInt128)(timestamp - _start) << 64) + _rate - 1) / _rate);

        private ulong At(long ns) => _start + (ulong)(((UInt128)(ulong)(ns - _startNs) * _rate) >> 64);

        private UInt128 RateOf(int ppm) => (UInt128)(_hertz * (1 + (ppm / 1e6)) / 1e9 * Math.Pow(2, 64));
    }
}
