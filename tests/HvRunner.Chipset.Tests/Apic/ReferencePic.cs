namespace HvRunner.Chipset.Tests.Apic;

/// <summary>One 8259A, written from the data sheet's sentences without a thought for speed: eight cells and a list of priorities.</summary>
internal sealed class ReferencePic(bool isMaster)
{
    private readonly Cell[] _cells = [.. Enumerable.Range(0, 8).Select(level => new Cell(level))];
    private readonly Queue<int> _expected = new();
    private List<int> _order = [0, 1, 2, 3, 4, 5, 6, 7];
    private bool _usable;
    private bool _single;
    private bool _specialMask;
    private bool _rotates;
    private bool _showsIsr;
    private bool _polls;
    private int _icw3;
    private int _icw4;

    public int Base { get; private set; }

    public int Identity => _icw3 % 8;

    public bool Polls => _polls;

    public bool Int => Candidate() is not null;

    public int Elcr
    {
        get => Byte(cell => cell.IsLevel);
        set
        {
            int[] edgeOnly = isMaster ? [0, 1, 2] : [0, 5];
            foreach (var cell in _cells)
            {
                cell.IsLevel = IsSet(value, cell.Level) && !edgeOnly.Contains(cell.Level);
            }
        }
    }

    public bool HasSlaveAt(int level) => isMaster && !_single && IsSet(_icw3, level);

    public void Drive(int level, bool up)
    {
        var cell = _cells[level];
        if (up && !cell.Up)
        {
            cell.SawEdge = true;
        }

        if (!up)
        {
            cell.SawEdge = false;
        }

        cell.Up = up;
    }

    public int? Acknowledge()
    {
        if (Candidate() is not { } cell)
        {
            return null;
        }

        cell.SawEdge = false;
        cell.InService = !IsSet(_icw4, 1);
        if (IsSet(_icw4, 1) && _rotates)
        {
            MakeLowest(cell.Level);
        }

        return cell.Level;
    }

    public int Read(int port)
    {
        if (_polls)
        {
            _polls = false;
            return Acknowledge() is { } level ? 0x80 + level : 0;
        }

        return port == 1 ? Byte(cell => cell.Masked) : _showsIsr ? Byte(cell => cell.InService) : Byte(cell => cell.Requests);
    }

    public void Write(int port, int value)
    {
        if (port == 1)
        {
            WriteData(value);
        }
        else if (IsSet(value, 4))
        {
            Icw1(value);
        }
        else if (IsSet(value, 3))
        {
            Ocw3(value);
        }
        else
        {
            Ocw2(value >> 5, value % 8);
        }
    }

    private static bool IsSet(int value, int bit) => ((value >> bit) & 1) == 1;

    private int Byte(Func<Cell, bool> predicate) => _cells.Where(predicate).Sum(cell => 1 << cell.Level);

    /// <summary>"The highest priority request is strobed into the ISR": it must be above everything that is in service.</summary>
    private Cell? Candidate()
    {
        if (!_usable)
        {
            return null;
        }

        foreach (var level in _order)
        {
            var cell = _cells[level];
            var blocks = cell.InService && !(_specialMask && cell.Masked);
            var wants = cell.Requests && !cell.Masked;
            if (blocks)
            {
                return wants && IsSet(_icw4, 4) && HasSlaveAt(level) ? cell : null;
            }

            if (wants)
            {
                return cell;
            }
        }

        return null;
    }

    private void MakeLowest(int level)
    {
        while (_order[7] != level)
        {
            _order = [.. _order.Skip(1), _order[0]];
        }
    }

    private void Icw1(int value)
    {
        foreach (var cell in _cells)
        {
            cell.SawEdge = cell.InService = cell.Masked = false;
        }

        MakeLowest(7);
        _single = IsSet(value, 1);
        _specialMask = _rotates = _showsIsr = _polls = _usable = false;
        _icw4 = 0;
        _icw3 = isMaster ? _icw3 : 7;
        _expected.Clear();
        _expected.Enqueue(2);
        if (!_single)
        {
            _expected.Enqueue(3);
        }

        if (IsSet(value, 0))
        {
            _expected.Enqueue(4);
        }
    }

    private void WriteData(int value)
    {
        if (!_expected.TryDequeue(out var word))
        {
            foreach (var cell in _cells)
            {
                cell.Masked = IsSet(value, cell.Level);
            }

            return;
        }

        if (word == 2)
        {
            Base = value / 8 * 8;
        }
        else if (word == 3)
        {
            _icw3 = value;
        }
        else
        {
            _icw4 = value;
        }

        _usable = _expected.Count == 0;
    }

    private void Ocw2(int command, int level)
    {
        var highest = _order.Cast<int?>().FirstOrDefault(i => _cells[i!.Value].InService && !(_specialMask && _cells[i.Value].Masked));
        var specific = command is 3 or 7;
        var ended = specific ? level : command is 1 or 5 ? highest : null;
        if (ended is { } number)
        {
            _cells[number].InService = false;
        }

        if (command is 6 || (command is 5 or 7 && ended is not null))
        {
            MakeLowest(command == 6 ? level : ended!.Value);
        }

        if (command is 0 or 4)
        {
            _rotates = command == 4;
        }
    }

    private void Ocw3(int value)
    {
        _specialMask = IsSet(value, 6) ? IsSet(value, 5) : _specialMask;
        _showsIsr = IsSet(value, 1) ? IsSet(value, 0) : _showsIsr;
        _polls = IsSet(value, 2);
    }

    private sealed class Cell(int level)
    {
        public int Level => level;

        public bool Up { get; set; }

        public bool SawEdge { get; set; }

        public bool IsLevel { get; set; }

        public bool InService { get; set; }

        public bool Masked { get; set; }

        public bool Requests => IsLevel ? Up : SawEdge;
    }
}

/// <summary>Two of them, cascaded as in a PC.</summary>
internal sealed class ReferencePicPair
{
    private readonly ReferencePic[] _chips = [new(isMaster: true), new(isMaster: false)];

    public bool Intr => _chips[0].Int;

    public void Drive(int irq, bool up)
    {
        _chips[irq / 8].Drive(irq % 8, up);
        Settle();
    }

    public void Write(int chip, int port, int value)
    {
        _chips[chip].Write(port, value);
        Settle();
    }

    public int Read(int chip, int port)
    {
        var polled = _chips[chip].Polls;
        var value = _chips[chip].Read(port);
        if (polled && chip == 1)
        {
            _chips[0].Drive(2, false);
        }

        Settle();
        return value;
    }

    public int ReadElcr(int chip) => _chips[chip].Elcr;

    public void WriteElcr(int chip, int value)
    {
        _chips[chip].Elcr = value;
        Settle();
    }

    public int Acknowledge()
    {
        var vector = _chips[0].Base + 7;
        if (_chips[0].Acknowledge() is { } level)
        {
            vector = _chips[0].Base + level;
            if (_chips[0].HasSlaveAt(level))
            {
                vector = 0xff;
                if (_chips[1].Identity == level)
                {
                    vector = _chips[1].Base + (_chips[1].Acknowledge() ?? 7);
                    _chips[0].Drive(2, false);
                }
            }
        }

        Settle();
        return vector;
    }

    private void Settle() => _chips[0].Drive(2, _chips[1].Int);
}
