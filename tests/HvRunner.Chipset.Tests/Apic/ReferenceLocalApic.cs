namespace HvRunner.Chipset.Tests.Apic;

/// <summary>
/// A local APIC written from the SDM's sentences without a thought for speed: sets of numbers, and a timer that counts clock by clock. LINT0, the
/// timer and errors are the only local sources.
/// </summary>
internal sealed class ReferenceLocalApic
{
    private readonly HashSet<int> _service = [];
    private int _timerEntry = 0x10000;
    private int _divideCode;
    private int _clocks;
    private bool _counting;

    public HashSet<int> Requests { get; } = [];

    public HashSet<int> Levels { get; } = [];

    public IReadOnlySet<int> Service => _service;

    public int TaskPriority { get; set; }

    public bool Enabled { get; private set; }

    public int Lint0 { get; private set; } = 0x10000;

    public bool Lint0Up { get; private set; }

    public int AcceptedByLint0 { get; private set; } = -1;

    public int ErrorEntry { get; private set; } = 0x10000;

    public int Logged { get; private set; }

    public int Shown { get; private set; }

    public bool NonMaskable { get; set; }

    public uint Initial { get; private set; }

    public uint Count { get; private set; }

    public List<int> Ended { get; } = [];

    public int TimerEntry => _timerEntry;

    private int Divisor => _divideCode switch { 0 => 2, 1 => 4, 2 => 8, 3 => 16, 8 => 32, 9 => 64, 10 => 128, _ => 1 };

    private bool IsPeriodic => (_timerEntry & 0x20000) != 0;

    /// <summary>"The processor priority class is the larger of the task priority class and the class of the highest interrupt in service."</summary>
    public int ProcessorPriority
    {
        get
        {
            var serviceClass = _service.Count == 0 ? 0 : _service.Max() / 16;
            var taskClass = TaskPriority / 16;
            return taskClass >= serviceClass ? TaskPriority : serviceClass * 16;
        }
    }

    public bool External => IsUnmasked(Lint0) && Mode(Lint0) == 7 && Lint0Up;

    public int Deliverable
    {
        get
        {
            var above = Requests.Where(vector => vector / 16 > ProcessorPriority / 16).ToList();
            return above.Count == 0 ? -1 : above.Max();
        }
    }

    public void Accept(int vector, bool level)
    {
        if (!Enabled)
        {
            return;
        }

        if (vector < 16)
        {
            DetectError(0x40);
            return;
        }

        Requests.Add(vector);
        Levels.Remove(vector);
        if (level)
        {
            Levels.Add(vector);
        }
    }

    public int Take()
    {
        if (External)
        {
            return 256;
        }

        var vector = Deliverable;
        if (vector >= 0)
        {
            Requests.Remove(vector);
            _service.Add(vector);
        }

        return vector;
    }

    public void EndOfInterrupt()
    {
        if (_service.Count == 0)
        {
            return;
        }

        var vector = _service.Max();
        _service.Remove(vector);
        if (Levels.Contains(vector))
        {
            Ended.Add(vector);
            if (AcceptedByLint0 == vector)
            {
                AcceptedByLint0 = -1;
                LookAtLint0(rose: false);
            }
        }
    }

    public void WriteSpuriousVector(int value)
    {
        Enabled = (value & 0x100) != 0;
        if (!Enabled)
        {
            Lint0 |= 0x10000;
            _timerEntry |= 0x10000;
            ErrorEntry |= 0x10000;
        }
    }

    /// <summary>"An APIC error interrupt is generated when the local APIC sets one of the error bits."</summary>
    public void DetectError(int bit)
    {
        if ((Logged & bit) != 0)
        {
            return;
        }

        Logged |= bit;
        if (IsUnmasked(ErrorEntry))
        {
            Accept(ErrorEntry & 0xff, level: false);
        }
    }

    public void WriteErrorEntry(int value) => ErrorEntry = Enabled ? value : value | 0x10000;

    public void WriteErrorStatus()
    {
        Shown = Logged;
        Logged = 0;
    }

    public void SelfIpi(int vector)
    {
        if (vector < 16)
        {
            DetectError(0x20);
        }

        Accept(vector, level: false);
    }

    public void WriteLint0(int value)
    {
        Lint0 = Enabled ? value : value | 0x10000;
        if (Mode(Lint0) != 0 || (Lint0 & 0x8000) == 0)
        {
            AcceptedByLint0 = -1;
        }

        LookAtLint0(rose: false);
    }

    public void DriveLint0(bool up)
    {
        var moved = up != Lint0Up;
        Lint0Up = up;
        if (moved)
        {
            LookAtLint0(rose: up);
        }
    }

    public void WriteTimerEntry(int value)
    {
        if (_counting && IsPeriodic && (value & 0x20000) == 0)
        {
            _clocks = 0;
        }

        _timerEntry = Enabled ? value : value | 0x10000;
    }

    public void WriteInitialCount(uint value)
    {
        Initial = value;
        Count = value;
        _clocks = 0;
        _counting = value != 0;
    }

    public void WriteDivide(int value)
    {
        _divideCode = value & 0xb;
        _clocks = 0;
    }

    /// <summary>One clock of the bus.</summary>
    public void Clock()
    {
        if (!_counting || ++_clocks < Divisor)
        {
            return;
        }

        _clocks = 0;
        if (--Count != 0)
        {
            return;
        }

        if (IsUnmasked(_timerEntry))
        {
            Accept(_timerEntry & 0xff, level: false);
        }

        _counting = IsPeriodic;
        Count = IsPeriodic ? Initial : 0;
    }

    private static bool IsUnmasked(int entry) => (entry & 0x10000) == 0;

    private static int Mode(int entry) => (entry >> 8) & 7;

    private void LookAtLint0(bool rose)
    {
        if (!Lint0Up || !IsUnmasked(Lint0))
        {
            return;
        }

        var vector = Lint0 & 0xff;
        if (Mode(Lint0) == 4 && rose)
        {
            NonMaskable = true;
        }
        else if (Mode(Lint0) == 0 && (Lint0 & 0x8000) != 0)
        {
            if (AcceptedByLint0 < 0)
            {
                Accept(vector, level: true);
                AcceptedByLint0 = vector < 16 ? -1 : vector;
            }
        }
        else if (Mode(Lint0) == 0 && rose)
        {
            Accept(vector, level: false);
        }
    }
}
