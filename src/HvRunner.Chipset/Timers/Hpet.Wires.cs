using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <content>The interrupt wires: which timer drives which, and what passes through in their place.</content>
public sealed partial class Hpet
{
    private const int LegacyWires = 2;

    // Wiring. IRQ 0 and IRQ 8 first, then the IO-APIC's pins.
    private readonly Wire[] _wires;

    // Volatile state. What the 8254 and the clock drive is theirs to save; they drive it again after a load.
    private readonly bool[] _inputs = new bool[LegacyWires];

    /// <summary>The 8254's wire: IRQ 0 unless timer 0 has replaced it. Driven with the 8254's lock held.</summary>
    public IInterruptLine PitInput { get; }

    /// <summary>The clock's wire: IRQ 8 unless timer 1 has replaced it. Driven with the clock's lock held.</summary>
    public IInterruptLine RtcInput { get; }

    /// <summary>The wire that a timer drives; -1 when it chose none that is on offer.</summary>
    private int WireOf(int timer)
    {
        if (ReplacesLegacy && timer < LegacyWires)
        {
            return timer;
        }

        var route = _timers[timer].Configuration.Route;
        for (var i = LegacyWires; i < _wires.Length; i++)
        {
            if (_wires[i].Route == route)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>What comes in for this wire goes out on it.</summary>
    private bool PassesThrough(int wire) => wire < LegacyWires && !ReplacesLegacy;

    /// <summary>Shows on the wires what the timers have done, and asks for the next deadline.</summary>
    private void Drive(uint edges)
    {
        for (var i = 0; i < _wires.Length; i++)
        {
            var wire = _wires[i];
            var (level, rises) = LevelOf(i, edges);
            if (rises)
            {
                wire.Set(false, PassesThrough(i));
            }

            wire.Set(level, PassesThrough(i));
        }

        Arm();
    }

    private (bool Level, bool Rises) LevelOf(int wire, uint edges)
    {
        var level = PassesThrough(wire) && _inputs[wire];
        var rises = false;
        for (var timer = 0; timer < _timers.Length; timer++)
        {
            if (WireOf(timer) == wire)
            {
                level |= Runs && _timers[timer].Output;
                rises |= (edges & (1u << timer)) != 0;
            }
        }

        return (level, rises);
    }

    private void ForceLines()
    {
        for (var i = 0; i < _wires.Length; i++)
        {
            _wires[i].Force(LevelOf(i, edges: 0).Level, PassesThrough(i));
        }

        _armedTick = null;
        _timer.Disarm();
        Arm();
    }

    /// <summary>A wire and the level that was last driven on it.</summary>
    private sealed class Wire(HpetLegacyWire line, int? route)
    {
        private bool _level;

        // What was raised in one device's name is lowered in the same.
        private IInterruptLine _raised = line.Own;

        /// <summary>The IO-APIC's pin; null for an ISA wire.</summary>
        public int? Route => route;

        public void Set(bool level, bool passesThrough)
        {
            if (level != _level)
            {
                Force(level, passesThrough);
            }
        }

        public void Force(bool level, bool passesThrough)
        {
            _level = level;
            if (level)
            {
                _raised = passesThrough ? line.PassedOn : line.Own;
            }

            _raised.Set(level);
        }
    }

    /// <summary>Where another device's wire ends.</summary>
    private sealed class Input(Hpet hpet, int wire) : IInterruptLine
    {
        public void Set(bool asserted)
        {
            lock (hpet._lock)
            {
                hpet._inputs[wire] = asserted;
                hpet._wires[wire].Set(hpet.LevelOf(wire, edges: 0).Level, hpet.PassesThrough(wire));
            }
        }
    }
}
