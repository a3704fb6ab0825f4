namespace HvRunner.Chipset.Tests.Timers;

/// <summary>
/// One 8254 counter, clocked pulse by pulse from the data sheet's prose: slow and without any arithmetic on time. Written apart from the
/// device, which computes instead of counting.
/// </summary>
internal sealed class ReferenceCounter(bool gate)
{
    private int _mode;
    private int _access = 3;
    private bool _bcd;
    private int _programmed = 0x30;
    private int _cr;
    private bool _crWritten;
    private int _ce;
    private bool _loaded;
    private bool _load;
    private bool _trigger;
    private int _pulsesLeft;
    private bool _waitsForEnd;
    private bool _strobing;
    private bool _stopped;
    private int _lsb = -1;
    private bool _secondRead;
    private int? _latch;
    private int? _status;
    private bool _null = true;

    public bool Out { get; private set; }

    public int RisingEdges { get; private set; }

    private int Max => _bcd ? 9999 : 65535;

    public void Clock()
    {
        if (_strobing)
        {
            _strobing = false;
            Drive(true);
        }

        if (_load || _trigger)
        {
            _load = _trigger = false;
            Reload();
            _loaded = true;
            _waitsForEnd = true;
            if (_mode == 1)
            {
                Drive(false);
            }

            return;
        }

        if (!_loaded || _stopped || (!gate && _mode is not (1 or 5)))
        {
            return;
        }

        switch (_mode)
        {
            case 2:
                if (_ce == 1)
                {
                    Drive(true);
                    Reload();
                }
                else
                {
                    Decrement();
                    if (_ce == 1)
                    {
                        Drive(false);
                    }
                }

                break;
            case 3:
                Decrement();
                Decrement();
                if (--_pulsesLeft == 0)
                {
                    Drive(!Out);
                    Reload();
                }

                break;
            default:
                Decrement();
                if (_ce == 0 && _waitsForEnd)
                {
                    _waitsForEnd = false;
                    _strobing = _mode >= 4;
                    Drive(!_strobing);
                }

                break;
        }
    }

    public void Gate(bool value)
    {
        if (value && !gate && _crWritten && _mode is not (0 or 4))
        {
            _trigger = true;
        }

        if (!value && (_mode is 2 or 3))
        {
            Drive(true);
        }

        gate = value;
    }

    public void Program(int control)
    {
        _programmed = control & 0x3f;
        _mode = (control >> 1) & 7;
        _mode = _mode >= 6 ? _mode - 4 : _mode;
        _access = (control >> 4) & 3;
        _bcd = (control & 1) == 1;
        _cr = _ce = 0;
        _crWritten = _loaded = _load = _trigger = _strobing = _stopped = _secondRead = _waitsForEnd = false;
        _lsb = -1;
        _latch = _status = null;
        _null = true;
        Drive(_mode != 0);
    }

    public void LatchCount() => _latch ??= Shown();

    public void LatchStatus() => _status ??= _programmed + (Out ? 128 : 0) + (_null ? 64 : 0);

    public byte Read()
    {
        if (_status is { } status)
        {
            _status = null;
            return (byte)status;
        }

        var value = _latch ?? Shown();
        if (_access == 3 && !_secondRead)
        {
            _secondRead = true;
            return (byte)(value % 256);
        }

        _latch = null;
        _secondRead = false;
        return (byte)(_access == 1 ? value % 256 : value / 256);
    }

    public void Write(byte value)
    {
        int raw;
        if (_access == 3)
        {
            if (_lsb < 0)
            {
                _lsb = value;
                if (_mode == 0)
                {
                    _stopped = true;
                    Drive(false);
                }

                return;
            }

            raw = _lsb + (value * 256);
            _lsb = -1;
        }
        else
        {
            raw = _access == 1 ? value : value * 256;
        }

        var count = raw;
        if (_bcd)
        {
            count = 0;
            for (int digit = 0, weight = 1; digit < 4; digit++, weight *= 10)
            {
                count += raw / (1 << (4 * digit)) % 16 * weight;
            }
        }

        count %= Max + 1;
        _cr = _mode is 2 or 3 && count == 1 ? 2 : count;
        _crWritten = true;
        _null = true;
        _stopped = false;
        if (_mode == 0)
        {
            Drive(false);
        }

        if (_mode is 0 or 4 || (_mode is 2 or 3 && !_loaded))
        {
            _load = true;
        }
    }

    private void Reload()
    {
        // In mode 3 the high half of an odd count is one pulse longer, and the counter starts from the even number below.
        var pulses = _cr == 0 ? Max + 1 : _cr;
        _pulsesLeft = Out ? (pulses + 1) / 2 : pulses / 2;
        _ce = _mode == 3 ? _cr - (_cr % 2) : _cr;
        _null = false;
    }

    private void Decrement() => _ce = _ce == 0 ? Max : _ce - 1;

    private int Shown()
    {
        if (!_bcd)
        {
            return _ce;
        }

        var text = _ce.ToString("0000");
        return ((text[0] - '0') << 12) + ((text[1] - '0') << 8) + ((text[2] - '0') << 4) + (text[3] - '0');
    }

    private void Drive(bool value)
    {
        if (value && !Out)
        {
            RisingEdges++;
        }

        Out = value;
    }
}
