// Intel 8254 programmable interval timer as a PC has it: data sheet 231164-005, ports 0x40-0x43, CLK 1,193,182 Hz. Channel 0 drives
// IRQ 0 and its gate is always high; channel 1 counts but goes nowhere; channel 2's gate and OUT are at port 0x61
// (SystemControlPortB).
//
// The IRQ 0 line follows OUT of channel 0. Counts are computed from the time when somebody looks, and the timer queue is asked for
// one deadline at a time: the tick at which OUT next rises (mode 3: changes). Pulses that last one CLK (modes 2 and 4) are driven as
// low, then high, at their rising edge. Deadlines come from absolute tick numbers and keep their phase for ever.
//
// A late host: however many periods have passed when the deadline is served, the line makes one rising edge, and the next deadline
// is in phase with the guest's program. A guest is thus never flooded, and never has more than one tick waiting; it loses ticks that
// it could not have served in time. For the same reason a deadline is at least 60 ticks (50 us) after the last edge, however short a
// period a guest programs.
//
// Power-on: no channel counts until it is programmed; no firmware has set them up. A wide access is a run of byte accesses, as on
// the ISA bus. Not emulated: the speaker, reading the control port (nothing answers).

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <summary>The interval timer, 4 byte ports from 0x40. Accesses come from vCPU threads, deadlines from the timer queue's thread.</summary>
public sealed class Pit8254 : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 4;

    private const byte StateVersion = 1;
    private const long MinimumIntervalTicks = 60;

    // Wiring.
    private readonly ITimerQueue _queue;
    private readonly IInterruptLine _irq0;
    private readonly IDeadlineTimer _timer;
    private readonly Lock _lock = new();

    // Volatile state.
    private readonly PitChannel[] _channels = [new(), new(), new()];
    private long? _armedTick;
    private long _lastEdgeTick;
    private bool _lineLevel;

    /// <summary>Makes the timer in its power-on state.</summary>
    /// <param name="queue">Guest time; its zero is where CLK ticks are numbered from.</param>
    /// <param name="irq0">OUT of channel 0. Driven with the timer's lock held.</param>
    public Pit8254(ITimerQueue queue, IInterruptLine irq0)
    {
        _queue = queue;
        _irq0 = irq0;
        _timer = queue.CreateTimer(OnDeadline);
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "pit";

    private PitChannel Channel0 => _channels[0];

    private PitChannel Channel2 => _channels[2];

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            Synchronize();
            for (var i = 0; i < data.Length; i++)
            {
                var register = offset + (ulong)i;
                data[i] = register < PitRegister.Channels ? _channels[register].ReadData() : (byte)0xff;
            }

            DriveLine();
        }

        return offset == PitRegister.Control ? IoStatus.Unclaimed : IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            Synchronize();
            for (var i = 0; i < data.Length && offset + (ulong)i < RegionSize; i++)
            {
                WriteRegister((int)offset + i, data[i]);
            }

            DriveLine();
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            var now = PitClock.TickAt(_queue.NowNs);
            for (var i = 0; i < _channels.Length; i++)
            {
                _channels[i].Reset(now, gate: i != 2);
            }

            // No edge yet: the first deadline is as early as the guest programs it.
            _lastEdgeTick = now - MinimumIntervalTicks;
            ForceLine();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            var now = Synchronize();
            DriveLine();
            writer.Begin(Name, StateVersion);
            writer.Int64(Math.Min(now - _lastEdgeTick, MinimumIntervalTicks));
            foreach (var channel in _channels)
            {
                channel.Save(writer);
            }
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            var now = PitClock.TickAt(_queue.NowNs);
            reader.Begin(Name, StateVersion);
            _lastEdgeTick = now - Math.Clamp(reader.Int64(), 0, MinimumIntervalTicks);
            foreach (var channel in _channels)
            {
                channel.Load(reader, now);
            }

            ForceLine();
        }
    }

    /// <summary>Takes the deadline back for good.</summary>
    public void Dispose() => _timer.Dispose();

    /// <summary>Drives GATE of channel 2. Any thread.</summary>
    internal void SetGate2(bool gate)
    {
        lock (_lock)
        {
            Channel2.AdvanceTo(PitClock.TickAt(_queue.NowNs));
            Channel2.SetGate(gate);
        }
    }

    /// <summary>OUT of channel 2 and the number of the present tick. Any thread.</summary>
    internal (bool Out2, long Tick) ReadOut2()
    {
        lock (_lock)
        {
            var now = PitClock.TickAt(_queue.NowNs);
            Channel2.AdvanceTo(now);
            return (Channel2.Out, now);
        }
    }

    private void WriteRegister(int register, byte value)
    {
        if (register < PitRegister.Channels)
        {
            _channels[register].WriteData(value);
            return;
        }

        var control = new PitControlWord(value);
        if (control.IsReadBack)
        {
            ReadBack(new PitReadBack(value));
        }
        else if (control.Access == PitAccess.Latch)
        {
            _channels[control.Channel].LatchCount();
        }
        else
        {
            _channels[control.Channel].Program(control);
        }
    }

    private void ReadBack(PitReadBack command)
    {
        for (var i = 0; i < _channels.Length; i++)
        {
            if (!command.Selects(i))
            {
                continue;
            }

            if (command.LatchCount)
            {
                _channels[i].LatchCount();
            }

            if (command.LatchStatus)
            {
                _channels[i].LatchStatus();
            }
        }
    }

    private void OnDeadline(long deadlineNs)
    {
        lock (_lock)
        {
            // A stale call, of a deadline that was replaced meanwhile, arms the same deadline again and changes nothing.
            _armedTick = null;
            Synchronize();
            DriveLine();
        }
    }

    private long Synchronize()
    {
        var now = PitClock.TickAt(_queue.NowNs);
        foreach (var channel in _channels)
        {
            channel.AdvanceTo(now);
        }

        return now;
    }

    /// <summary>Shows on the line what channel 0 has done, and asks for the next deadline.</summary>
    private void DriveLine()
    {
        if (Channel0.TakeRisingEdge())
        {
            SetLine(false);
            SetLine(true);
            _lastEdgeTick = Channel0.Tick;
        }

        SetLine(Channel0.Out);
        Arm();
    }

    private void ForceLine()
    {
        _lineLevel = Channel0.Out;
        _irq0.Set(_lineLevel);
        _armedTick = null;
        _timer.Disarm();
        Arm();
    }

    private void SetLine(bool level)
    {
        if (level != _lineLevel)
        {
            _lineLevel = level;
            _irq0.Set(level);
        }
    }

    private void Arm()
    {
        var next = Channel0.NextTransition();
        if (next is { } tick)
        {
            next = Math.Max(tick, _lastEdgeTick + MinimumIntervalTicks);
        }

        if (next == _armedTick)
        {
            return;
        }

        _armedTick = next;
        if (next is { } deadline)
        {
            _timer.Arm(PitClock.NsOf(deadline));
        }
        else
        {
            _timer.Disarm();
        }
    }
}
