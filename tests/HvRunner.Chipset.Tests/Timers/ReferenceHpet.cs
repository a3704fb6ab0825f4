namespace HvRunner.Chipset.Tests.Timers;

/// <summary>An event timer block that counts tick by tick: slow, and close to the specification's words. Accesses are 64 bits wide, or a half of them.</summary>
internal sealed class ReferenceHpet
{
    private readonly Timer[] _timers = [new(), new(), new()];

    public ulong Counter { get; private set; }

    public bool Runs { get; private set; }

    public ulong Status
    {
        get
        {
            ulong bits = 0;
            for (var i = 0; i < _timers.Length; i++)
            {
                bits |= _timers[i].Status ? 1UL << i : 0;
            }

            return bits;
        }
    }

    /// <summary>Edges of a timer since the last call.</summary>
    public bool TakeEdge(int timer)
    {
        var rose = _timers[timer].Rose;
        _timers[timer].Rose = false;
        return rose;
    }

    /// <summary>The level that a level-triggered timer drives.</summary>
    public bool LevelOf(int timer) => Runs && _timers[timer] is { Enabled: true, IsLevel: true, Status: true };

    public bool IsEdge(int timer) => !_timers[timer].IsLevel;

    public ulong ComparatorOf(int timer) => _timers[timer].Comparator;

    public void Clock()
    {
        if (!Runs)
        {
            return;
        }

        Counter++;
        foreach (var timer in _timers)
        {
            timer.Pending = false;
            timer.Compare(Counter);
        }
    }

    public void Run(bool runs)
    {
        Runs = runs;
        Settle();
    }

    public void WriteCounter(ulong value)
    {
        if (!Runs)
        {
            Counter = value;
            Array.ForEach(_timers, timer => timer.Pending = true);
        }
    }

    public void Acknowledge(ulong bits)
    {
        for (var i = 0; i < _timers.Length; i++)
        {
            _timers[i].Status &= ((bits >> i) & 1) == 0;
        }
    }

    public void Configure(int index, bool level, bool enabled, bool periodic, bool setValue, bool is32Bit)
    {
        var timer = _timers[index];
        timer.Status &= level == timer.IsLevel;
        timer.IsLevel = level;
        timer.Enabled = enabled;
        timer.Periodic = periodic;
        timer.SetValue = setValue && periodic;
        if (timer.Is32Bit != is32Bit)
        {
            timer.Is32Bit = is32Bit;
            timer.Pending = true;
            timer.Comparator &= timer.Mask;
            timer.Period &= timer.Mask;
        }

        Settle();
    }

    public void WriteComparator(int index, ulong value)
    {
        var timer = _timers[index];
        if (!timer.Periodic || timer.SetValue)
        {
            timer.Comparator = value & timer.Mask;
            timer.Pending = true;
        }

        if (timer.Periodic)
        {
            timer.Period = value & timer.Mask;
        }

        timer.SetValue = false;
        Settle();
    }

    /// <summary>A comparator that was set to where the counter stands is reached.</summary>
    private void Settle()
    {
        foreach (var timer in _timers)
        {
            if (Runs && timer.Pending)
            {
                timer.Pending = false;
                timer.Compare(Counter);
            }
        }
    }

    private sealed class Timer
    {
        public bool IsLevel, Enabled, Periodic, SetValue, Is32Bit, Status, Rose, Pending = true;
        public ulong Comparator = ulong.MaxValue, Period;

        public ulong Mask => Is32Bit ? uint.MaxValue : ulong.MaxValue;

        public void Compare(ulong counter)
        {
            if ((counter & Mask) != (Comparator & Mask))
            {
                return;
            }

            Status |= IsLevel;
            Rose |= Enabled && !IsLevel;
            if (Periodic)
            {
                Comparator = (Comparator + Period) & Mask;
            }
        }
    }
}
