namespace HvRunner.Kvm;

/// <summary>
/// A time-stamp counter as a straight line over the timer queue's clock, drawn through readings, so that any thread can ask at any time what only one thread can read.
/// <para>
/// All it says is a bound from below: the line goes through the latest moment at which a reading can have been taken, and is no steeper than the readings prove. So a
/// deadline is never before the counter is there, and late by the width of one reading and what the rate is uncertain by: widths of 0.3 us that are 0.1 s apart leave
/// 6 in a million. A reading that the line does not contradict only ever lifts it. One that is below it says that the clock's rate was changed, or the counter: it begins anew.
/// </para>
/// <para>Readings come from one thread at a time; it may be asked from any. Nothing allocates, and whoever asks waits for nothing but a few stores.</para>
/// </summary>
internal sealed class TimestampModel
{
    /// <summary>The rate follows from readings at least so far apart.</summary>
    internal const long ShortestSpanNs = 10_000_000;

    /// <summary>And at most so far: a suspended host stops the clock for a second or more, which must not pass for a change of the rate.</summary>
    internal const long LongestSpanNs = 4_000_000_000;

    /// <summary>How far the rate is thought to be off at first, as a fraction: 500 in a million by a clock that is slewed, the rest by how the host measured it.</summary>
    private const int Doubt = 1024;

    /// <summary>A rate that is further off than this fraction is none: the clock or the counter has jumped. Time services slew by a twelfth at most.</summary>
    private const int Plausible = 8;

    /// <summary>Readings that the rate is measured from are replaced when the newer one is so old.</summary>
    private const long RenewalNs = 100_000_000;

    // Rates are in ticks for each 2^32 ns.
    private const int RateShift = 32;

    private readonly ulong _slowest;
    private readonly ulong _fastest;
    private TimestampReading _older;
    private TimestampReading _newer;
    private bool _wasBelow;

    // What is published: odd while it changes.
    private int _version;
    private ulong _counter;
    private long _atNs;
    private ulong _rate;

    /// <summary>Draws the line through a first reading.</summary>
    /// <param name="kilohertz">What the counter's rate is said to be, at least 1.</param>
    /// <param name="first">A reading.</param>
    internal TimestampModel(uint kilohertz, TimestampReading first)
    {
        var nominal = ((ulong)kilohertz << RateShift) / 1_000_000;
        _slowest = nominal - (nominal / Plausible);
        _fastest = nominal + (nominal / Plausible);
        _rate = nominal - (nominal / Doubt);
        Restart(first);
    }

    /// <summary>The least that the counter can be at a moment; before the last reading that reading's.</summary>
    internal ulong CounterAt(long ns)
    {
        Read(out var counter, out var atNs, out var rate);
        return Advance(counter, ns - atNs, rate);
    }

    /// <summary>The first nanosecond at which <see cref="CounterAt"/> is no less; long past for a counter that was there with the last reading. <see cref="long.MaxValue"/> for never.</summary>
    internal long DeadlineNs(ulong timestamp)
    {
        Read(out var counter, out var atNs, out var rate);
        if (timestamp <= counter)
        {
            return atNs;
        }

        var ns = (((UInt128)(timestamp - counter) << RateShift) + rate - 1) / rate;
        return ns < (UInt128)(long.MaxValue - atNs) ? atNs + (long)ns : long.MaxValue;
    }

    /// <summary>The counter was read again.</summary>
    internal void Add(TimestampReading reading)
    {
        var now = ToTheEnd(reading);
        var rate = _rate;
        var isBelow = IsBelow(now.Counter, Advance(_counter, now.BeforeNs - _atNs, rate));
        var line = Advance(_counter, now.AfterNs - _atNs, rate);

        // The counter may have jumped back, which says nothing of its rate; if the next reading is below the line too, the rate it is.
        if (isBelow && !_wasBelow)
        {
            (_older, _newer) = (now, now);
        }
        else
        {
            rate = RateAfter(now);
        }

        _wasBelow = isBelow;
        Publish(isBelow || IsBelow(line, now.Counter) ? now.Counter : line, now.AfterNs, rate);
    }

    /// <summary>The counter was set, and this is the first reading since. Its rate is what it was.</summary>
    internal void Restart(TimestampReading reading)
    {
        var now = ToTheEnd(reading);
        (_older, _newer) = (now, now);
        Publish(now.Counter, now.AfterNs, _rate);
    }

    /// <summary>A clock that says a nanosecond is anywhere within it.</summary>
    private static TimestampReading ToTheEnd(TimestampReading reading) => reading with { AfterNs = reading.AfterNs + 1 };

    /// <summary>By less than half a turn: counters wrap.</summary>
    private static bool IsBelow(ulong counter, ulong other) => (long)(counter - other) < 0;

    private static ulong Advance(ulong counter, long elapsedNs, ulong rate) => counter + (ulong)(((UInt128)Math.Max(0, elapsedNs) * rate) >> RateShift);

    private static UInt128 Rate(long ticks, long ns) => ((UInt128)ticks << RateShift) / (ulong)ns;

    /// <summary>The rate as it is, if the readings leave it possible; else the least that they do.</summary>
    private ulong RateAfter(TimestampReading now)
    {
        var elapsed = now.BeforeNs - _older.AfterNs;
        if (elapsed < ShortestSpanNs)
        {
            return _rate;
        }

        var ticks = (long)(now.Counter - _older.Counter);
        if (elapsed > LongestSpanNs || !IsPlausible(ticks, elapsed))
        {
            (_older, _newer) = (now, now);
            return _rate;
        }

        // A counter that says a tick is anywhere within it. Where a reading was so wide that it says nothing, the least is not worth having.
        var least = Math.Max(_slowest, (ulong)Rate(ticks - 1, now.AfterNs - _older.BeforeNs));
        if (_rate > Rate(ticks + 1, elapsed) + 1)
        {
            (_older, _newer) = (now, now);
            return least;
        }

        if (now.BeforeNs - _newer.AfterNs >= RenewalNs)
        {
            (_older, _newer) = (_newer, now);
        }

        return Math.Max(_rate, least);
    }

    private bool IsPlausible(long ticks, long elapsedNs) => ticks > 1 && Rate(ticks, elapsedNs) is var rate && rate > _slowest && rate < _fastest;

    private void Publish(ulong counter, long atNs, ulong rate)
    {
        // Nobody may see what follows before this, nor this after it.
        Interlocked.Increment(ref _version);
        Volatile.Write(ref _counter, counter);
        Volatile.Write(ref _atNs, atNs);
        Volatile.Write(ref _rate, rate);
        Volatile.Write(ref _version, _version + 1);
    }

    private void Read(out ulong counter, out long atNs, out ulong rate)
    {
        var spin = default(SpinWait);
        while (true)
        {
            var version = Volatile.Read(ref _version);
            counter = Volatile.Read(ref _counter);
            atNs = Volatile.Read(ref _atNs);
            rate = Volatile.Read(ref _rate);
            if ((version & 1) == 0 && Volatile.Read(ref _version) == version)
            {
                return;
            }

            spin.SpinOnce();
        }
    }
}
