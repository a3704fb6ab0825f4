// The data port of one 8254 counter: byte order, latches, read-back (data sheet 231164-005, "Write Operations", "Read Operations"),
// and its saved state.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

internal sealed partial class PitChannel
{
    // Volatile state: the flip-flops and latches between the bus and the counter.
    private byte _writtenLsb;
    private bool _writeMsbNext;
    private bool _readMsbNext;
    private bool _nullCount;
    private bool _held;
    private bool _countLatched;
    private ushort _latchedCount;
    private bool _statusLatched;
    private byte _latchedStatus;

    /// <summary>Binary or BCD, as the guest reads it.</summary>
    private ushort VisibleCount
    {
        get
        {
            var count = _count % Modulus;
            return (ushort)(_control.Bcd ? (count / 1000 << 12) | (count / 100 % 10 << 8) | (count / 10 % 10 << 4) | (count % 10) : count);
        }
    }

    /// <summary>The power-on state here: mode 0, nothing counts, OUT low, until a control word and a count are written.</summary>
    public void Reset(long tick, bool gate)
    {
        _tick = tick;
        _gate = gate;
        Program(new PitControlWord((byte)PitAccess.Word << 4));
        _rose = false;
    }

    /// <summary>A control word for this channel: everything starts anew and OUT takes the mode's first level.</summary>
    public void Program(PitControlWord control)
    {
        _control = control;
        _reload = 0;
        _count = 0;
        _counting = false;
        _terminalAhead = false;
        _oddHalf = false;
        _strobe = false;
        _loadNext = false;
        _triggered = false;
        _held = false;
        _nullCount = true;
        _writtenLsb = 0;
        _writeMsbNext = false;
        _readMsbNext = false;
        _countLatched = false;
        _latchedCount = 0;
        _statusLatched = false;
        _latchedStatus = 0;
        SetOut(control.Mode != 0);
    }

    /// <summary>A counter latch command; without effect while an earlier one has not been read.</summary>
    public void LatchCount()
    {
        if (!_countLatched)
        {
            _countLatched = true;
            _latchedCount = VisibleCount;
        }
    }

    /// <summary>The status half of a read-back command; without effect while an earlier one has not been read.</summary>
    public void LatchStatus()
    {
        if (!_statusLatched)
        {
            _statusLatched = true;
            _latchedStatus = (byte)(_control.Programmed | (_out ? PitStatus.Out : 0) | (_nullCount ? PitStatus.NullCount : 0));
        }
    }

    /// <summary>The guest reads the data port: a latched status first, then a latched count, else the running count.</summary>
    public byte ReadData()
    {
        if (_statusLatched)
        {
            _statusLatched = false;
            return _latchedStatus;
        }

        var msb = _control.Access == PitAccess.Msb || (_control.Access == PitAccess.Word && _readMsbNext);
        var count = _countLatched ? _latchedCount : VisibleCount;
        _readMsbNext = _control.Access == PitAccess.Word && !_readMsbNext;
        _countLatched &= _readMsbNext;
        return (byte)(msb ? count >> 8 : count);
    }

    /// <summary>The guest writes the data port.</summary>
    public void WriteData(byte value)
    {
        if (_control.Access == PitAccess.Word && !_writeMsbNext)
        {
            _writtenLsb = value;
            _writeMsbNext = true;
            if (_control.Mode == 0)
            {
                // The first of two bytes stops mode 0.
                _held = true;
                SetOut(false);
            }

            return;
        }

        _writeMsbNext = false;
        WriteCount(_control.Access switch
        {
            PitAccess.Lsb => value,
            PitAccess.Msb => (ushort)(value << 8),
            _ => (ushort)((value << 8) | _writtenLsb),
        });
    }

    private void WriteCount(ushort raw)
    {
        var count = _control.Bcd ? ((raw >> 12) * 1000) + ((raw >> 8 & 15) * 100) + ((raw >> 4 & 15) * 10) + (raw & 15) : raw;
        count %= Modulus;
        _reload = count switch
        {
            0 => Modulus,
            1 when _control.Mode is 2 or 3 => 2,
            _ => count,
        };
        _nullCount = true;
        _held = false;
        switch (_control.Mode)
        {
            case 0:
                SetOut(false);
                _loadNext = true;
                break;
            case 4:
                _loadNext = true;
                break;
            case 2 or 3:
                // While it runs, a new count waits for the end of the period, or of the half in mode 3.
                _loadNext |= !_counting;
                break;
        }
    }

    /// <summary>The caller has brought the channel up to the present tick, so no time is saved: a snapshot goes on where it stopped, on any clock.</summary>
    public void Save(StateWriter writer)
    {
        writer.Byte(_control.Value);
        writer.Bool(_gate);
        writer.Bool(_out);
        writer.UInt32((uint)_count);
        writer.UInt32((uint)_reload);
        writer.Bool(_counting);
        writer.Bool(_oddHalf);
        writer.Bool(_terminalAhead);
        writer.Bool(_strobe);
        writer.Bool(_loadNext);
        writer.Bool(_triggered);
        writer.Byte(_writtenLsb);
        writer.Bool(_writeMsbNext);
        writer.Bool(_readMsbNext);
        writer.Bool(_nullCount);
        writer.Bool(_held);
        writer.Bool(_countLatched);
        writer.UInt16(_latchedCount);
        writer.Bool(_statusLatched);
        writer.Byte(_latchedStatus);
    }

    public void Load(StateReader reader, long now)
    {
        _tick = now;
        _control = new PitControlWord(reader.Byte());
        _gate = reader.Bool();
        _out = reader.Bool();
        _count = (int)reader.UInt32();
        _reload = (int)reader.UInt32();
        _counting = reader.Bool();
        _oddHalf = reader.Bool();
        _terminalAhead = reader.Bool();
        _strobe = reader.Bool();
        _loadNext = reader.Bool();
        _triggered = reader.Bool();
        _writtenLsb = reader.Byte();
        _writeMsbNext = reader.Bool();
        _readMsbNext = reader.Bool();
        _nullCount = reader.Bool();
        _held = reader.Bool();
        _countLatched = reader.Bool();
        _latchedCount = reader.UInt16();
        _statusLatched = reader.Bool();
        _latchedStatus = reader.Byte();
        _rose = false;
        CheckLoaded();
    }

    /// <summary>Refuses what no counter can hold, since the counting relies on it: a saved state is a user's file.</summary>
    private void CheckLoaded()
    {
        var mode = _control.Mode;
        var least = mode is 2 or 3 ? 2 : 1;
        var countLeast = _counting && mode == 2 ? 1 : 0;
        var programmed = _reload >= least && _reload <= Modulus;
        var needsReload = _counting || _loadNext || _triggered;
        var fits = _count >= countLeast && _count <= Modulus && (programmed || (_reload == 0 && !needsReload)) &&
            (mode != 3 || !_counting || HalfRemaining > 0) && (!_terminalAhead || _count > 0 || !_counting || mode is 2 or 3);
        if (!fits || _control.IsReadBack || _control.Access == PitAccess.Latch)
        {
            throw new StateFormatException($"saved state of a timer channel is not possible: control 0x{_control.Value:x2}, count {_count}, reload {_reload}");
        }
    }
}
