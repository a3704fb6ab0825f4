namespace HvRunner.Chipset.Tests.Apic;

/// <summary>The local APIC's timer from the SDM's sentences: it counts clock by clock, at one clock a nanosecond, as its time stamp counter does.</summary>
internal sealed class ReferenceTimer
{
    private int _divideCode;
    private int _clocks;
    private bool _counting;

    public int Entry { get; private set; } = 0x10000;

    public uint Initial { get; private set; }

    public uint Count { get; private set; }

    public long Deadline { get; private set; }

    public long Now { get; set; }

    private int Divisor => _divideCode switch { 0 => 2, 1 => 4, 2 => 8, 3 => 16, 8 => 32, 9 => 64, 10 => 128, _ => 1 };

    private int Mode => (Entry >> 17) & 3;

    public void Reset()
    {
        Entry = 0x10000;
        _divideCode = 0;
        Stop();
    }

    public void Mask() => Entry |= 0x10000;

    /// <summary>"Transitions to and from TSC-deadline mode disarm the timer"; between the others it goes on, from what it then shows.</summary>
    public void WriteEntry(int value)
    {
        var mode = (value >> 17) & 3;
        if (mode == 2 != (Mode == 2))
        {
            Stop();
        }
        else if (_counting && Mode == 1 && mode == 0)
        {
            _clocks = 0;
        }

        Entry = value;
    }

    public void WriteInitialCount(uint value)
    {
        if (Mode != 2)
        {
            Initial = value;
            Count = value;
            _clocks = 0;
            _counting = value != 0;
        }
    }

    public void WriteDivide(int value)
    {
        _divideCode = value & 0xb;
        _clocks = 0;
    }

    public void WriteDeadline(long value)
    {
        if (Mode == 2)
        {
            Deadline = value;
        }
    }

    /// <summary>One nanosecond; true when the timer expires.</summary>
    public bool Clock()
    {
        Now++;
        if (!_counting || ++_clocks < Divisor)
        {
            return DeadlineHasPassed();
        }

        _clocks = 0;
        if (--Count != 0)
        {
            return false;
        }

        _counting = Mode == 1;
        Count = _counting ? Initial : 0;
        return true;
    }

    public bool DeadlineHasPassed()
    {
        var passed = Deadline != 0 && Now >= Deadline;
        Deadline = passed ? 0 : Deadline;
        return passed;
    }

    private void Stop()
    {
        Initial = 0;
        Count = 0;
        Deadline = 0;
        _counting = false;
        _clocks = 0;
    }
}
