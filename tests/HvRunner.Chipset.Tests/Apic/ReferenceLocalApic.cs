namespace HvRunner.Chipset.Tests.Apic;

/// <summary>A local APIC written from the rules of the SDM without a thought for speed. What it sends and ends is for <see cref="ReferenceInterrupts"/>.</summary>
internal sealed class ReferenceLocalApic(int initialId)
{
    private readonly bool[] _wires = new bool[2];
    private readonly bool[] _active = new bool[2];
    private readonly int[] _lint = [0x10000, 0x10000];

    public VectorBits Requests { get; } = new();

    public VectorBits Service { get; } = new();

    public VectorBits Levels { get; } = new();

    public ReferenceTimer Timer { get; } = new();

    /// <summary>0 off, 1 xAPIC, 2 x2APIC.</summary>
    public int Mode { get; private set; } = 1;

    public uint Id { get; set; } = (uint)initialId << 24;

    public uint LogicalId { get; set; }

    public uint LogicalModel { get; set; } = uint.MaxValue;

    public int Spurious { get; private set; } = 0xff;

    public int TaskPriority { get; set; }

    public uint CommandLow { get; set; }

    public uint CommandHigh { get; set; }

    public int AcceptedByLint0 { get; private set; } = -1;

    public int ErrorEntry { get; private set; } = 0x10000;

    public int Logged { get; private set; }

    public int Shown { get; private set; }

    public bool NonMaskable { get; set; }

    public bool ExternalMessage { get; set; }

    public bool InitPending { get; private set; }

    public bool Waits { get; private set; } = initialId != 0;

    public int StartUp { get; set; } = -1;

    public int Smis { get; private set; }

    public bool IsEnabled => (Spurious & 0x100) != 0;

    public bool CanAccept => Mode != 0 && IsEnabled && !InitPending;

    /// <summary>"The processor priority class is the larger of the task priority class and the class of the highest interrupt in service."</summary>
    public int ProcessorPriority
    {
        get
        {
            var serviceClass = Math.Max(0, Service.Highest()) / 16;
            return TaskPriority / 16 >= serviceClass ? TaskPriority : serviceClass * 16;
        }
    }

    public bool External => !InitPending && (ExternalMessage || HoldsExternal(0) || HoldsExternal(1));

    public int Deliverable
    {
        get
        {
            var highest = Requests.Highest();
            return !InitPending && highest / 16 > ProcessorPriority / 16 ? highest : -1;
        }
    }

    public int Lint(int pin) => _lint[pin];

    public bool IsAddressed(ReferenceMessage message, bool isSender)
    {
        switch (message.Shorthand)
        {
            case 1:
                return isSender;
            case 2:
                return true;
            case 3:
                return !isSender;
            default:
                break;
        }

        if (message.Destination == (message.Wide ? uint.MaxValue : 0xffu))
        {
            return true;
        }

        if (!message.Logical)
        {
            return message.Destination == (Mode == 2 ? (uint)initialId : Id >> 24);
        }

        if (Mode == 2)
        {
            return message.Destination >> 16 == (uint)initialId / 16 && (message.Destination & (1u << (initialId % 16))) != 0;
        }

        var mine = LogicalId >> 24;
        var theirs = message.Destination;
        return theirs < 0x100 && (LogicalModel >> 28) switch
        {
            15 => (mine & theirs) != 0,
            0 => mine / 16 == theirs / 16 && (mine & theirs & 15) != 0,
            _ => false,
        };
    }

    public bool Receive(ReferenceMessage message)
    {
        if (Mode == 0 || (InitPending && message.Mode is not (5 or 6)))
        {
            return false;
        }

        switch (message.Mode)
        {
            case 0 or 1:
                return Accept(message.Vector, message.Level);
            case 2:
                Smis++;
                return true;
            case 4:
                NonMaskable = true;
                return true;
            case 5:
                Init();
                return true;
            case 6 when Waits:
                Waits = false;
                StartUp = message.Vector;
                return true;
            case 7 when IsEnabled:
                ExternalMessage = true;
                return true;
            default:
                return false;
        }
    }

    public bool Accept(int vector, bool level)
    {
        if (!CanAccept)
        {
            return false;
        }

        if (vector < 16)
        {
            DetectError(0x40);
            return false;
        }

        Requests.Add(vector);
        Levels.Remove(vector);
        if (level)
        {
            Levels.Add(vector);
        }

        return true;
    }

    /// <summary>256 for a vector of the 8259.</summary>
    public int Take()
    {
        if (External)
        {
            ExternalMessage = false;
            return 256;
        }

        var vector = Deliverable;
        if (vector >= 0)
        {
            Requests.Remove(vector);
            Service.Add(vector);
        }

        return vector;
    }

    /// <summary>The vector whose end is broadcast, or -1.</summary>
    public int EndOfInterrupt()
    {
        var vector = Service.Highest();
        if (vector < 0)
        {
            return -1;
        }

        Service.Remove(vector);
        if (!Levels.Has(vector))
        {
            return -1;
        }

        if (AcceptedByLint0 == vector)
        {
            AcceptedByLint0 = -1;
            LookAt(0);
        }

        return (Spurious & 0x1000) != 0 ? -1 : vector;
    }

    public void WriteSpurious(int value)
    {
        Spurious = value;
        if (!IsEnabled)
        {
            _lint[0] |= 0x10000;
            _lint[1] |= 0x10000;
            Timer.Mask();
            ErrorEntry |= 0x10000;
        }
    }

    public int Masked(int value) => IsEnabled ? value : value | 0x10000;

    public void WriteErrorEntry(int value) => ErrorEntry = Masked(value);

    public void WriteLint(int pin, int value)
    {
        _lint[pin] = Masked(value);
        if (pin == 0 && !IsLevel(_lint[0]))
        {
            AcceptedByLint0 = -1;
        }

        LookAt(pin);
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
            if ((ErrorEntry & 0xff) < 16)
            {
                Logged |= 0x40;
            }
            else
            {
                Accept(ErrorEntry & 0xff, level: false);
            }
        }
    }

    public void WriteErrorStatus()
    {
        Shown = Logged;
        Logged = 0;
    }

    public void Drive(int pin, bool up)
    {
        if (_wires[pin] != up)
        {
            _wires[pin] = up;
            LookAt(pin);
        }
    }

    public void Expire()
    {
        if (IsUnmasked(Timer.Entry))
        {
            Accept(Timer.Entry & 0xff, level: false);
        }
    }

    public void ChangeMode(int mode)
    {
        if (mode == 0 && Mode != 0)
        {
            ResetRegisters();
        }
        else if (mode == 2 && Mode == 1)
        {
            CommandHigh = 0;
        }

        Mode = mode;
        LookAt(0);
        LookAt(1);
    }

    public bool TakeInit()
    {
        if (!InitPending)
        {
            return false;
        }

        InitPending = false;
        NonMaskable = false;
        var id = Id;
        ResetRegisters();
        Id = id;
        _active[0] = IsActive(0);
        _active[1] = IsActive(1);
        return true;
    }

    public int TakeStartUp()
    {
        var vector = InitPending ? -1 : StartUp;
        StartUp = InitPending ? StartUp : -1;
        return vector;
    }

    private static bool IsUnmasked(int entry) => (entry & 0x10000) == 0;

    private static int ModeOf(int entry) => (entry >> 8) & 7;

    private static bool IsLevel(int entry) => ModeOf(entry) == 0 && (entry & 0x8000) != 0;

    /// <summary>Off, LINT0 is INTR and LINT1 is NMI.</summary>
    private int EntryOf(int pin) => Mode != 0 ? _lint[pin] : pin == 0 ? 0x700 : 0x400;

    private bool IsActive(int pin) => _wires[pin] == ((EntryOf(pin) & 0x2000) == 0);

    private bool HoldsExternal(int pin) => _active[pin] && IsUnmasked(EntryOf(pin)) && ModeOf(EntryOf(pin)) == 7;

    private void Init()
    {
        InitPending = true;
        StartUp = -1;
        Waits = initialId != 0;
    }

    private void LookAt(int pin)
    {
        var entry = EntryOf(pin);
        var rose = IsActive(pin) && !_active[pin];
        _active[pin] = IsActive(pin);
        if (!IsActive(pin) || !IsUnmasked(entry))
        {
            return;
        }

        if (pin == 0 && IsLevel(entry))
        {
            if (AcceptedByLint0 < 0)
            {
                AcceptedByLint0 = Accept(entry & 0xff, level: true) ? entry & 0xff : -1;
            }
        }
        else if (rose)
        {
            switch (ModeOf(entry))
            {
                case 0:
                    Accept(entry & 0xff, level: false);
                    break;
                case 2:
                    Smis++;
                    break;
                case 4:
                    NonMaskable = true;
                    break;
                case 5:
                    Init();
                    break;
                default:
                    break;
            }
        }
    }

    private void ResetRegisters()
    {
        Requests.Clear();
        Service.Clear();
        Levels.Clear();
        Timer.Reset();
        Id = (uint)initialId << 24;
        LogicalId = 0;
        LogicalModel = uint.MaxValue;
        Spurious = 0xff;
        TaskPriority = 0;
        CommandLow = 0;
        CommandHigh = 0;
        _lint[0] = 0x10000;
        _lint[1] = 0x10000;
        AcceptedByLint0 = -1;
        ErrorEntry = 0x10000;
        Logged = 0;
        Shown = 0;
        ExternalMessage = false;
    }
}
