// One Intel 8259A programmable interrupt controller: data sheet 231468, as wired in a PC (Pic8259Pair).
//
// Eight inputs; a request passes the mask register (IMR) and, if no level of the same or a higher priority is in service (ISR), raises
// INT. The acknowledge cycle moves it into the ISR, where an EOI command takes it out. Priorities rotate by commands.
//
// In both trigger modes an input has to stay high until it is acknowledged: one that falls takes its request back, and an acknowledge
// that finds no request yields level 7 and no ISR bit. INT follows the requests, it does not remember one that went away.
//
// Edge or level is one bit per input in the ELCR beside the chip, as in every PC chip set since EISA; LTIM of ICW1 has no effect. ICW1
// also clears the ISR. A chip that has not been through ICW1 to ICW4 raises nothing.
//
// Not emulated: 8080 mode (the vector is ICW2's upper bits and the level whatever ICW4 says), buffered mode's pin.
//
// Threats: every byte is the guest's. State is eight-bit sets and levels masked to 0-7; no write loops longer than eight steps.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>One chip. It has no lock and no ports of its own: <see cref="Pic8259Pair"/> calls it under its own.</summary>
/// <param name="isMaster">SP/EN high: ICW3 names the inputs with slaves behind them, not the chip's own identity.</param>
internal sealed class Pic8259(bool isMaster)
{
    private const byte IdentityMask = 7;

    // Wires.
    private byte _lines;

    // Volatile state. _step is the ICW that is expected next, 0 when none is.
    private byte _edges;
    private byte _isr;
    private byte _imr;
    private byte _levelTriggered;
    private byte _vectorBase;
    private byte _icw3;
    private Icw1 _icw1;
    private Icw4 _icw4;
    private int _step;
    private int _lowest;
    private bool _initialized;
    private bool _specialMask;
    private bool _rotateInAutomaticEoi;
    private bool _readsIsr;
    private bool _poll;

    /// <summary>The INT output.</summary>
    public bool Int => PendingLevel() >= 0;

    /// <summary>Inputs that request: latched edges, and levels that are up.</summary>
    public byte Irr => (byte)((_edges & ~_levelTriggered) | (_lines & _levelTriggered));

    /// <summary>ICW2, bits 7:3: the vector of level 0.</summary>
    public byte VectorBase => _vectorBase;

    /// <summary>ICW3 of a slave: what it answers to on the cascade lines.</summary>
    public int Identity => _icw3 & IdentityMask;

    /// <summary>The next read is an acknowledge.</summary>
    public bool PollPending => _poll;

    /// <summary>This chip's ELCR byte.</summary>
    public byte LevelTriggered
    {
        get => _levelTriggered;
        set => _levelTriggered = (byte)(value & LevelMask);
    }

    private byte LevelMask => isMaster ? PicWiring.MasterLevelMask : PicWiring.SlaveLevelMask;

    /// <summary>A slave's vector is asked for when this level is acknowledged.</summary>
    public bool IsCascade(int level) => isMaster && !_icw1.Single && (_icw3 & (1 << level)) != 0;

    public void Reset()
    {
        _edges = _isr = _imr = _levelTriggered = _vectorBase = _icw3 = 0;
        _icw1 = default;
        _icw4 = default;
        _step = 0;
        _lowest = PicWiring.DefaultLevel;
        _initialized = _specialMask = _rotateInAutomaticEoi = _readsIsr = _poll = false;
    }

    public void SetLine(int level, bool asserted)
    {
        var bit = (byte)(1 << level);
        if (!asserted)
        {
            _lines &= (byte)~bit;
            _edges &= (byte)~bit;
        }
        else if ((_lines & bit) == 0)
        {
            _lines |= bit;
            _edges |= bit;
        }
    }

    /// <summary>The acknowledge cycle: the level that is now in service, or -1 when nothing requests.</summary>
    public int Acknowledge()
    {
        var level = PendingLevel();
        if (level < 0)
        {
            return -1;
        }

        var bit = (byte)(1 << level);
        _edges &= (byte)~bit;
        if (!_icw4.AutomaticEoi)
        {
            _isr |= bit;
        }
        else if (_rotateInAutomaticEoi)
        {
            _lowest = level;
        }

        return level;
    }

    public byte Read(int port)
    {
        if (_poll)
        {
            _poll = false;
            var level = Acknowledge();
            return level < 0 ? (byte)0 : (byte)(0x80 | level);
        }

        return port != 0 ? _imr : _readsIsr ? _isr : Irr;
    }

    public void Write(int port, byte value)
    {
        if (port != 0)
        {
            WriteData(value);
        }
        else if (Icw1.Is(value))
        {
            Initialize(new Icw1(value));
        }
        else if (Ocw3.Is(value))
        {
            WriteOcw3(new Ocw3(value));
        }
        else
        {
            WriteOcw2(new Ocw2(value));
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes([_lines, _edges, _isr, _imr, _levelTriggered, _vectorBase, _icw3, _icw1.Value, _icw4.Value, (byte)_step, (byte)_lowest]);
        writer.Bool(_initialized);
        writer.Bool(_specialMask);
        writer.Bool(_rotateInAutomaticEoi);
        writer.Bool(_readsIsr);
        writer.Bool(_poll);
    }

    public void Load(StateReader reader)
    {
        _lines = reader.Byte();
        _edges = (byte)(reader.Byte() & _lines);
        _isr = reader.Byte();
        _imr = reader.Byte();
        _levelTriggered = (byte)(reader.Byte() & LevelMask);
        _vectorBase = (byte)(reader.Byte() & 0xf8);
        _icw3 = reader.Byte();
        _icw1 = new Icw1(reader.Byte());
        _icw4 = new Icw4((byte)(reader.Byte() & Icw4.Defined));
        _step = reader.Byte();
        _lowest = reader.Byte();
        _initialized = reader.Bool();
        _specialMask = reader.Bool();
        _rotateInAutomaticEoi = reader.Bool();
        _readsIsr = reader.Bool();
        _poll = reader.Bool();
        if (_step is 1 or > 4 || _lowest > 7 || (_initialized && _step != 0))
        {
            throw new StateFormatException($"saved state of an 8259 expects ICW{_step} and has priority {_lowest} lowest, which no 8259 can");
        }
    }

    /// <summary>The level that an acknowledge would take, or -1.</summary>
    private int PendingLevel()
    {
        var requests = _initialized ? Irr & ~_imr : 0;
        if (requests == 0)
        {
            return -1;
        }

        // In special mask mode a masked level that is in service holds nothing back.
        var inService = _specialMask ? _isr & ~_imr : _isr;
        for (var i = 1; i <= PicWiring.LinesPerChip; i++)
        {
            var level = (_lowest + i) & 7;
            if ((inService & (1 << level)) != 0)
            {
                // In special fully nested mode a slave in service is not locked out itself; what stands below it is.
                return _icw4.SpecialFullyNested && IsCascade(level) && (requests & (1 << level)) != 0 ? level : -1;
            }

            if ((requests & (1 << level)) != 0)
            {
                return level;
            }
        }

        return -1;
    }

    private void Initialize(Icw1 value)
    {
        _icw1 = value;
        _icw4 = default;
        _edges = _isr = _imr = 0;
        _lowest = PicWiring.DefaultLevel;

        // "The slave mode address is set to 7"; a master's ICW3 is not mentioned and keeps its value until it is written.
        _icw3 = isMaster ? _icw3 : IdentityMask;
        _initialized = _specialMask = _rotateInAutomaticEoi = _readsIsr = _poll = false;
        _step = 2;
    }

    private void WriteData(byte value)
    {
        switch (_step)
        {
            case 0:
                _imr = value;
                return;
            case 2:
                _vectorBase = (byte)(value & 0xf8);
                _step = !_icw1.Single ? 3 : _icw1.NeedsIcw4 ? 4 : 0;
                break;
            case 3:
                _icw3 = value;
                _step = _icw1.NeedsIcw4 ? 4 : 0;
                break;
            default:
                _icw4 = new Icw4((byte)(value & Icw4.Defined));
                _step = 0;
                break;
        }

        _initialized = _step == 0;
    }

    private void WriteOcw2(Ocw2 value)
    {
        switch (value.Command)
        {
            case PicCommand.NonSpecificEoi:
            case PicCommand.RotateOnNonSpecificEoi:
                EndHighest(value.Command == PicCommand.RotateOnNonSpecificEoi);
                break;
            case PicCommand.SpecificEoi:
                _isr &= (byte)~(1 << value.Level);
                break;
            case PicCommand.RotateOnSpecificEoi:
                _isr &= (byte)~(1 << value.Level);
                _lowest = value.Level;
                break;
            case PicCommand.SetPriority:
                _lowest = value.Level;
                break;
            case PicCommand.SetRotateInAutomaticEoi:
                _rotateInAutomaticEoi = true;
                break;
            case PicCommand.ClearRotateInAutomaticEoi:
                _rotateInAutomaticEoi = false;
                break;
            default:
                break;
        }
    }

    private void WriteOcw3(Ocw3 value)
    {
        if (value.ChangesSpecialMask)
        {
            _specialMask = value.SpecialMask;
        }

        if (value.SelectsRegister)
        {
            _readsIsr = value.SelectsIsr;
        }

        _poll = value.Poll;
    }

    /// <summary>The non-specific EOI. In special mask mode it leaves levels alone that are masked.</summary>
    private void EndHighest(bool rotate)
    {
        var candidates = _specialMask ? _isr & ~_imr : _isr;
        for (var i = 1; candidates != 0 && i <= PicWiring.LinesPerChip; i++)
        {
            var level = (_lowest + i) & 7;
            if ((candidates & (1 << level)) != 0)
            {
                _isr &= (byte)~(1 << level);
                _lowest = rotate ? level : _lowest;
                return;
            }
        }
    }
}
