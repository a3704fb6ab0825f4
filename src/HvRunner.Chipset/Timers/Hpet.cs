// High Precision Event Timer (IA-PC HPET specification 1.0a): 1 KiB of registers, a 64-bit main counter of 100 MHz and three comparators,
// each one-shot or periodic, 32 or 64 bits wide, edge- or level-triggered. The period of 10 ns is far below the limit of 100 ns, and a
// whole number of nanoseconds: the counter never rounds.
//
// Wires: with legacy replacement (LEG_RT_CNF) timer 0 drives IRQ 0 and timer 1 IRQ 8, in place of the 8254 and the clock. These two do
// not reach the interrupt controller on their own: their wires end at PitInput and RtcInput here, and pass through otherwise. Every
// other timer drives the pin that it chose among those offered. Matches by messages on the front side bus (FSB, MSI) are absent:
// Tn_FSB_INT_DEL_CAP is 0, and the route register reads 0.
//
// Registers take 4 and 8 bytes, aligned; a 4-byte write of one half leaves the other alone. The main counter takes writes only while it
// is halted. A late host: however many matches have passed when the deadline is served, an edge is one rising edge, and the next
// deadline keeps its phase.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Timers;

/// <summary>A pin of the IO-APIC that an HPET's timers may choose.</summary>
/// <param name="Pin">Its number, 0 to 31.</param>
/// <param name="Line">The wire to it.</param>
public readonly record struct HpetRoute(int Pin, IInterruptLine Line);

/// <summary>One ISA wire behind the block, under its two names: as the block drives it, and as the device drives it whose wire passes through.</summary>
/// <param name="Own">For the block's timer.</param>
/// <param name="PassedOn">For the 8254 or the clock. Both end at the same place; what one has raised, the same lowers.</param>
public readonly record struct HpetLegacyWire(IInterruptLine Own, IInterruptLine PassedOn);

/// <summary>The event timer block. Accesses come from vCPU threads, deadlines from the timer queue's thread.</summary>
public sealed partial class Hpet : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the region in bytes (memory).</summary>
    public const int RegionSize = 0x400;

    /// <summary>Number of comparators.</summary>
    public const int TimerCount = 3;

    /// <summary>One tick of the main counter, in femtoseconds.</summary>
    public const uint PeriodFs = (uint)(TickNs * 1_000_000);

    /// <summary>The lower half of GCAP_ID, which the ACPI table repeats.</summary>
    public const uint EventTimerBlockId = HpetCapabilities.Revision | ((TimerCount - 1) << HpetCapabilities.LastTimerShift) |
        HpetCapabilities.Counter64Bit | HpetCapabilities.LegacyReplacement | (HpetCapabilities.Vendor << HpetCapabilities.VendorShift);

    private const byte StateVersion = 1;
    private const long TickNs = 10;
    private const ulong FurthestTicks = 1UL << 56;

    // Configuration.
    private readonly uint _offeredRoutes;

    // Wiring.
    private readonly ITimerQueue _queue;
    private readonly IDeadlineTimer _timer;
    private readonly Lock _lock = new();

    // Volatile state. _tick is when the rest was true; it is not saved, as the queue's zero is arbitrary.
    private readonly HpetTimer[] _timers = [new(), new(), new()];
    private HpetConfiguration _configuration;
    private ulong _counter;
    private long _tick;
    private long? _armedTick;

    /// <summary>Makes the block in its power-on state: halted at 0.</summary>
    /// <param name="queue">Guest time.</param>
    /// <param name="irq0">Where the 8254 would go. All wires are driven with the block's lock held.</param>
    /// <param name="irq8">Where the clock would go.</param>
    /// <param name="routes">The IO-APIC pins on offer; may be none.</param>
    public Hpet(ITimerQueue queue, HpetLegacyWire irq0, HpetLegacyWire irq8, params ReadOnlySpan<HpetRoute> routes)
    {
        _queue = queue;
        _wires = new Wire[LegacyWires + routes.Length];
        _wires[0] = new Wire(irq0, route: null);
        _wires[1] = new Wire(irq8, route: null);
        for (var i = 0; i < routes.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)routes[i].Pin, 31u, nameof(routes));
            _wires[LegacyWires + i] = new Wire(new HpetLegacyWire(routes[i].Line, routes[i].Line), routes[i].Pin);
            _offeredRoutes |= 1u << routes[i].Pin;
        }

        PitInput = new Input(this, 0);
        RtcInput = new Input(this, 1);
        _timer = queue.CreateTimer(OnDeadline);
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "hpet";

    private bool Runs => (_configuration & HpetConfiguration.Enable) != 0;

    private bool ReplacesLegacy => (_configuration & HpetConfiguration.LegacyReplacement) != 0;

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _configuration = HpetConfiguration.None;
            _counter = 0;
            _tick = _queue.NowNs / TickNs;
            foreach (var timer in _timers)
            {
                timer.Reset(_counter);
            }

            ForceLines();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            Drive(Synchronize());
            writer.Begin(Name, StateVersion);
            writer.Byte((byte)_configuration);
            writer.UInt64(_counter);
            foreach (var timer in _timers)
            {
                timer.Save(writer);
            }
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _configuration = (HpetConfiguration)reader.Byte() & HpetConfiguration.Writable;
            _counter = reader.UInt64();
            _tick = _queue.NowNs / TickNs;
            foreach (var timer in _timers)
            {
                timer.Load(reader, _offeredRoutes);
            }

            ForceLines();
        }
    }

    /// <summary>Takes the deadline back for good.</summary>
    public void Dispose() => _timer.Dispose();

    private void OnDeadline(long deadlineNs)
    {
        lock (_lock)
        {
            // A stale call, of a deadline that was replaced meanwhile, arms the same deadline again and changes nothing.
            _armedTick = null;
            Drive(Synchronize());
        }
    }

    /// <summary>Brings the counter and the comparators up to date; the timers whose edge rises, a bit each.</summary>
    private uint Synchronize()
    {
        var now = _queue.NowNs / TickNs;
        var ticks = (ulong)Math.Max(0, now - _tick);
        _tick = now;
        if (!Runs)
        {
            return 0;
        }

        _counter = unchecked(_counter + ticks);
        var edges = 0u;
        for (var i = 0; i < _timers.Length; i++)
        {
            edges |= _timers[i].Advance(ticks) ? 1u << i : 0;
        }

        return edges;
    }

    private void Arm()
    {
        ulong? nearest = null;
        for (var i = 0; i < _timers.Length && Runs; i++)
        {
            if (WireOf(i) >= 0 && _timers[i].TicksToInterrupt is { } ticks && ticks < (nearest ?? FurthestTicks))
            {
                nearest = ticks;
            }
        }

        long? next = nearest is { } distance ? _tick + (long)distance : null;
        if (next == _armedTick)
        {
            return;
        }

        _armedTick = next;
        if (next is { } deadline)
        {
            _timer.Arm(deadline * TickNs);
        }
        else
        {
            _timer.Disarm();
        }
    }
}
