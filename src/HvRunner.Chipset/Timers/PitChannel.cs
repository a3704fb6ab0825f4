// One counter of an 8254: data sheet 231164-005, "Mode Definitions" and "Operation Common to All Modes". The host's side of its data
// port is in PitChannel.Access.cs.
//
// A channel is a state machine on CLK ticks that is brought up to date when somebody looks (AdvanceTo). It moves from event to
// event, and over whole periods by division, so the cost does not depend on how much time has passed. As in the data sheet, a count
// is loaded by the CLK pulse after the write that completes it, and that pulse does not count: a count of N ends N + 1 pulses after
// it was written.
//
// Where the data sheet is silent: a counter whose control word was written stops until a count is loaded; a gate edge means nothing
// before a count was written; the count 1, which modes 2 and 3 forbid, is taken as 2; BCD digits above 9 carry into the next digit,
// modulo 10000. Control words take effect at once and reset the latches.

namespace HvRunner.Chipset.Timers;

/// <summary>One counter. It knows ticks, not time; the owner's lock guards it.</summary>
internal sealed partial class PitChannel
{
    // Volatile state. _tick is the last CLK pulse that took effect.
    private long _tick;
    private PitControlWord _control;
    private bool _gate;
    private bool _out;
    private bool _rose;

    // The counting element. It may hold the modulus itself, which reads as 0, right after a load.
    private int _count;
    private int _reload;
    private bool _counting;
    private bool _oddHalf;
    private bool _terminalAhead;
    private bool _strobe;

    // What the next CLK pulse does besides counting.
    private bool _loadNext;
    private bool _triggered;

    /// <summary>The last CLK pulse that took effect.</summary>
    public long Tick => _tick;

    /// <summary>The OUT pin, as of the last <see cref="AdvanceTo"/>.</summary>
    public bool Out => _out;

    private int Modulus => _control.Bcd ? 10_000 : 65_536;

    private bool CountsNow => _counting && !_held && (_gate || _control.Mode is 1 or 5);

    /// <summary>True when OUT has gone from low to high since the last call, once or many times.</summary>
    public bool TakeRisingEdge()
    {
        var rose = _rose;
        _rose = false;
        return rose;
    }

    /// <summary>Brings the channel up to date with all CLK pulses up to <paramref name="tick"/>.</summary>
    public void AdvanceTo(long tick)
    {
        while (_tick < tick)
        {
            if (_loadNext || _triggered || _strobe)
            {
                StepEvent();
            }
            else if (CountsNow)
            {
                _tick += Count(tick - _tick);
            }
            else
            {
                _tick = tick;
            }
        }
    }

    /// <summary>
    /// The tick at which OUT next does what an edge-triggered controller must see in time: a rising edge, and in mode 3 the falling ones too. Null
    /// when there is none unless somebody programs the channel.
    /// </summary>
    public long? NextTransition()
    {
        if (_loadNext && _gate)
        {
            return _tick + 1 + _control.Mode switch { 3 => (_reload + 1) / 2, 4 => _reload + 1, _ => _reload };
        }

        if (_strobe)
        {
            return _tick + 1;
        }

        if (_loadNext || _triggered || !CountsNow)
        {
            return null;
        }

        return _control.Mode switch
        {
            0 or 1 when _terminalAhead => _tick + _count,
            4 or 5 when _terminalAhead => _tick + _count + 1,
            2 => _tick + _count,
            3 => _tick + HalfRemaining,
            _ => null,
        };
    }

    /// <summary>The GATE pin. It acts at the present tick; a rising edge takes effect at the next CLK pulse.</summary>
    public void SetGate(bool gate)
    {
        if (gate == _gate)
        {
            return;
        }

        _gate = gate;
        if (gate)
        {
            _triggered = _reload != 0 && (_control.Mode is 1 or 2 or 3 or 5);
        }
        else if (_control.Mode is 2 or 3)
        {
            SetOut(true);
        }
    }

    private int HalfRemaining => (_count / 2) + (_oddHalf && _out ? 1 : 0);

    private void StepEvent()
    {
        _tick++;
        if (_strobe)
        {
            _strobe = false;
            SetOut(true);
        }

        if (_loadNext || _triggered)
        {
            _loadNext = false;
            _triggered = false;
            LoadCount();
        }
        else if (CountsNow)
        {
            Count(1);
        }
    }

    private void LoadCount()
    {
        _count = _reload;
        _nullCount = false;
        _counting = true;
        _terminalAhead = true;
        switch (_control.Mode)
        {
            case 1:
                SetOut(false);
                break;
            case 3:
                LoadHalf();
                break;
        }
    }

    /// <summary>Mode 3 counts by two from an even number; the odd pulse of an odd count is spent in the high half.</summary>
    private void LoadHalf()
    {
        _oddHalf = _reload % 2 != 0;
        _count = _reload & ~1;
    }

    /// <summary>Lets up to <paramref name="ticks"/> pulses count, stops behind an event, and returns how many were used: at least one.</summary>
    private long Count(long ticks) => _control.Mode switch
    {
        2 => CountRate(ticks),
        3 => CountSquare(ticks),
        _ => CountOnce(ticks),
    };

    /// <summary>Modes 0, 1, 4 and 5: one terminal count for each load, then the counter wraps and goes on without an effect.</summary>
    private long CountOnce(long ticks)
    {
        if (!_terminalAhead || ticks < _count)
        {
            _count = (int)((_count - (ticks % Modulus) + Modulus) % Modulus);
            return ticks;
        }

        var used = _count;
        _count = 0;
        _terminalAhead = false;
        _strobe = _control.Mode is 4 or 5;
        SetOut(!_strobe);
        return used;
    }

    /// <summary>Mode 2: OUT is low while the counter is at 1; the next pulse reloads it.</summary>
    private long CountRate(long ticks)
    {
        if (_count > 1)
        {
            var used = Math.Min(ticks, _count - 1);
            _count -= (int)used;
            SetOut(_count > 1);
            return used;
        }

        SetOut(true);
        _count = _reload;
        _nullCount = false;
        return 1 + WholePeriods(ticks - 1);
    }

    /// <summary>Mode 3: OUT toggles and the counter is reloaded at the end of each half.</summary>
    private long CountSquare(long ticks)
    {
        var remaining = HalfRemaining;
        if (ticks < remaining)
        {
            _count -= 2 * (int)ticks;
            return ticks;
        }

        SetOut(!_out);
        LoadHalf();
        _nullCount = false;
        return remaining + (_out ? WholePeriods(ticks - remaining) : 0);
    }

    /// <summary>Right behind a rising edge: whole periods change nothing but the time, and hold no edge that is not on record already.</summary>
    private long WholePeriods(long ticks) => ticks / _reload * _reload;

    private void SetOut(bool value)
    {
        _rose |= value && !_out;
        _out = value;
    }
}
