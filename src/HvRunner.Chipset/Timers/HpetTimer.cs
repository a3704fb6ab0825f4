// One comparator of an HPET: specification 1.0a, sections 2.3.8 and 2.3.9. It knows ticks of the main counter, neither time nor wires.
//
// A comparator matches when the main counter reaches its value, and only then: a value that the counter has passed is reached again when
// the counter has wrapped, after 2^32 ticks in 32-bit mode. It matches whether or not its interrupt is enabled. So the state is the number of
// ticks until the next match, and moving on costs the same however many ticks have passed.
//
// In periodic mode a match moves the comparator (the specification's accumulator) on by the period, which is the last value written. A
// write reaches the comparator itself only while VAL_SET is up, and takes it down. A period of 0 makes it one-shot.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <summary>A comparator with its configuration; the owner's lock guards it.</summary>
internal sealed class HpetTimer
{
    private const ulong Wrap32 = 1UL << 32;
    private const ulong MinimumIntervalTicks = 5_000;

    // Volatile state. _distance is the number of ticks to the next match; 0 is a match at the present tick.
    private HpetTimerConfiguration _configuration;
    private ulong _comparator;
    private ulong _period;
    private ulong _distance;
    private ulong _sinceMatch;
    private bool _setsValue;
    private bool _status;
    private bool _edgeHigh;

    /// <summary>Tn_CONF_CAP without its capabilities.</summary>
    public HpetTimerConfiguration Configuration => _configuration;

    /// <summary>The comparator as it reads: in periodic mode, the next match.</summary>
    public ulong Comparator => _comparator;

    /// <summary>Tn_INT_STS: a level-triggered match that nobody has acknowledged.</summary>
    public bool Status => _status;

    /// <summary>
    /// The level of the timer's interrupt. An edge goes low right before the next one only: an 8259 takes it for spurious when it is gone before the
    /// acknowledgement.
    /// </summary>
    public bool Output => _configuration.Enabled && (_configuration.Level ? _status : _edgeHigh);

    /// <summary>
    /// Ticks until a match that somebody would notice; null when there is none. A periodic timer is noticed at most every 50 us, however short its
    /// period: a guest must not keep the host busy.
    /// </summary>
    public ulong? TicksToInterrupt
    {
        get
        {
            if (!_configuration.Enabled || (_configuration.Level && _status))
            {
                return null;
            }

            return Period == 0 ? _distance : Math.Max(_distance, MinimumIntervalTicks - _sinceMatch);
        }
    }

    private ulong Mask => _configuration.Is32Bit ? uint.MaxValue : ulong.MaxValue;

    private ulong Period => _configuration.Periodic ? _period & Mask : 0;

    /// <summary>Power-on: one-shot, edge, off, and a comparator of all ones.</summary>
    public void Reset(ulong counter)
    {
        _configuration = default;
        _comparator = ulong.MaxValue;
        _period = 0;
        _sinceMatch = MinimumIntervalTicks;
        _setsValue = false;
        _status = false;
        _edgeHigh = false;
        Aim(counter);
    }

    /// <summary>The main counter has run on by <paramref name="ticks"/>. True when there were matches, one or many, and the interrupt is an edge.</summary>
    public bool Advance(ulong ticks)
    {
        _sinceMatch = Math.Min(_sinceMatch + Math.Min(ticks, MinimumIntervalTicks), MinimumIntervalTicks);
        if (ticks < _distance)
        {
            _distance -= ticks;
            return false;
        }

        Match(ticks - _distance);
        _sinceMatch = 0;
        if (_configuration.Level)
        {
            _status = true;
            return false;
        }

        _edgeHigh = _configuration.Enabled;
        return _edgeHigh;
    }

    /// <summary>A guest's write of Tn_CONF_CAP.</summary>
    public void Configure(uint value, uint offeredRoutes, ulong counter)
    {
        var old = _configuration;
        _configuration = old.Take(value, offeredRoutes);
        _setsValue = _configuration.Periodic && new HpetTimerConfiguration(value).SetsValue;
        if (_configuration.Level != old.Level)
        {
            _status = false;
        }

        if (_configuration.Level != old.Level || _configuration.Route != old.Route || !_configuration.Enabled)
        {
            _edgeHigh = false;
        }

        if (_configuration.Is32Bit != old.Is32Bit)
        {
            _comparator &= Mask;
            _period &= Mask;
            Aim(counter);
        }
    }

    /// <summary>A guest's write of Tn_COMPARATOR, of the bits in <paramref name="written"/>.</summary>
    public void WriteComparator(ulong value, ulong written, ulong counter)
    {
        written &= Mask;
        if (written == 0)
        {
            return;
        }

        if (!_configuration.Periodic || _setsValue)
        {
            _comparator = (_comparator & ~written) | (value & written);
            Aim(counter);
        }

        if (_configuration.Periodic)
        {
            _period = (_period & ~written) | (value & written);
        }

        _setsValue = false;
    }

    /// <summary>The main counter was set.</summary>
    public void Aim(ulong counter) => _distance = unchecked(_comparator - counter) & Mask;

    /// <summary>A guest's acknowledgement of a level-triggered interrupt.</summary>
    public void ClearStatus() => _status = false;

    /// <summary>The block was switched off.</summary>
    public void DropEdge() => _edgeHigh = false;

    /// <summary>Part of the block's record.</summary>
    public void Save(StateWriter writer)
    {
        writer.UInt32(_configuration.Value);
        writer.UInt64(_comparator);
        writer.UInt64(_period);
        writer.UInt64(_distance);
        writer.UInt64(_sinceMatch);
        writer.Bool(_setsValue);
        writer.Bool(_status);
        writer.Bool(_edgeHigh);
    }

    /// <summary>Part of the block's record.</summary>
    public void Load(StateReader reader, uint offeredRoutes)
    {
        _configuration = default(HpetTimerConfiguration).Take(reader.UInt32(), offeredRoutes);
        _comparator = reader.UInt64() & Mask;
        _period = reader.UInt64() & Mask;
        _distance = reader.UInt64();
        _sinceMatch = Math.Min(reader.UInt64(), MinimumIntervalTicks);
        _setsValue = reader.Bool() && _configuration.Periodic;
        _status = reader.Bool() && _configuration.Level;
        _edgeHigh = reader.Bool() && _configuration.Enabled && !_configuration.Level;
    }

    /// <summary>The counter stands <paramref name="past"/> ticks behind the match that was awaited.</summary>
    private void Match(ulong past)
    {
        var period = Period;
        if (period != 0)
        {
            _comparator = unchecked(_comparator + (((past / period) + 1) * period)) & Mask;
            _distance = period - (past % period);
        }
        else if (_configuration.Is32Bit)
        {
            _distance = Wrap32 - (past % Wrap32);
        }
        else
        {
            // 2^64 itself has no room, and nobody waits for it.
            _distance = past == 0 ? ulong.MaxValue : unchecked(0 - past);
        }
    }
}
