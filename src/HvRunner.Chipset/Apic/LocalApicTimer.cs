// The local APIC's timer: SDM volume 3A, "APIC Timer" and "TSC-Deadline Mode".
//
// Nothing counts here: the current count is computed from the time at which the count was loaded, so it never drifts, and a periodic
// timer keeps its phase for ever. The first zero crossing comes _first ticks after _startNs, each further one InitialCount ticks later
// (periodic mode). A divide configuration changed on the way, or periodic mode left, loads the count anew with what it then shows.
//
// Going into or out of TSC-deadline mode stops the timer and clears both the initial count and the deadline; going between one-shot and
// periodic does not stop it. The reserved mode 3 counts nothing.
//
// Threats: a guest may ask for a period of a nanosecond. However many crossings were missed, they are one interrupt; and a periodic
// timer asks the host for its next deadline 20 us after the last at the earliest.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

/// <summary>The timer's registers and arithmetic. It has no lock and arms nothing: <see cref="LocalApic"/> calls it under its own.</summary>
internal sealed class LocalApicTimer
{
    public const byte DivideWritable = 0x0b;

    /// <summary>Least time between two deadlines of a periodic timer.</summary>
    public const long MinimumIntervalNs = 20_000;

    /// <summary>When the TSC is behind where its deadline's nanosecond says: look again so much later.</summary>
    public const long RetryNs = 1_000;

    /// <summary>The largest frequency for which ticks of some twenty years fit.</summary>
    public const long MaximumFrequencyHz = 10_000_000_000;

    private const ulong NsPerSecond = 1_000_000_000;
    private const long LongestElapsedNs = 1L << 59;

    private readonly ulong _frequencyHz;
    private readonly IGuestTsc? _tsc;

    private TimerMode _mode;
    private uint _first;
    private bool _running;
    private long _startNs;
    private ulong _served;
    private ulong _tscDeadline;
    private long _lastExpiryNs;

    public LocalApicTimer(long frequencyHz, IGuestTsc? tsc)
    {
        _frequencyHz = (ulong)frequencyHz;
        _tsc = tsc;
    }

    public uint InitialCount { get; private set; }

    public byte DivideConfiguration { get; private set; }

    /// <summary>Reads 0 in every other mode, and once it has passed.</summary>
    public ulong TscDeadline => _tscDeadline;

    /// <summary>It will expire some time, if nobody stops it.</summary>
    public bool IsArmed => _running || _tscDeadline != 0;

    private uint Divisor
    {
        get
        {
            var code = (DivideConfiguration & 3) | ((DivideConfiguration & 8) >> 1);
            return code == 7 ? 1u : 2u << code;
        }
    }

    public void Reset(long nowNs)
    {
        DivideConfiguration = 0;
        _mode = TimerMode.OneShot;
        _lastExpiryNs = nowNs - MinimumIntervalNs;
        Stop();
    }

    public uint CurrentCount(long nowNs)
    {
        if (!_running)
        {
            return 0;
        }

        var ticks = TicksAt(nowNs);
        if (ticks < _first)
        {
            return (uint)(_first - ticks);
        }

        return _mode == TimerMode.Periodic ? (uint)(InitialCount - ((ticks - _first) % InitialCount)) : 0;
    }

    /// <summary>True when the timer has expired since the last call, however often.</summary>
    public bool Advance(long nowNs)
    {
        if (_tscDeadline != 0)
        {
            if (_tsc!.Now < _tscDeadline)
            {
                return false;
            }

            _tscDeadline = 0;
            return true;
        }

        if (!_running)
        {
            return false;
        }

        var crossings = CrossingsAt(nowNs);
        if (crossings <= _served)
        {
            return false;
        }

        _served = crossings;
        _running = _mode == TimerMode.Periodic;
        _lastExpiryNs = nowNs;
        return true;
    }

    /// <summary>When to look again, after <see cref="Advance"/>; null when the timer does not run.</summary>
    public long? NextDeadlineNs(long nowNs)
    {
        if (_tscDeadline != 0)
        {
            var deadline = _tsc!.DeadlineNs(_tscDeadline);
            return deadline > nowNs ? deadline : nowNs + RetryNs;
        }

        if (!_running)
        {
            return null;
        }

        var ticks = ((UInt128)_first + ((UInt128)_served * InitialCount)) * Divisor;
        var ns = _frequencyHz == NsPerSecond ? ticks : ((ticks * NsPerSecond) + _frequencyHz - 1) / _frequencyHz;
        var next = ns > LongestElapsedNs ? long.MaxValue : _startNs + (long)ns;
        return _mode == TimerMode.Periodic ? Math.Max(next, _lastExpiryNs + MinimumIntervalNs) : next;
    }

    public void SetMode(TimerMode mode, long nowNs)
    {
        if (mode == _mode)
        {
            return;
        }

        if (!Counts(mode) || !Counts(_mode))
        {
            Stop();
        }
        else if (_running && _mode == TimerMode.Periodic)
        {
            Reload(nowNs);
        }

        _mode = mode;
    }

    public void WriteInitialCount(uint value, long nowNs)
    {
        if (!Counts(_mode))
        {
            return;
        }

        InitialCount = value;
        _first = value;
        _running = value != 0;
        _startNs = nowNs;
        _served = 0;
    }

    public void WriteDivideConfiguration(byte value, long nowNs)
    {
        if (_running)
        {
            Reload(nowNs);
        }

        DivideConfiguration = (byte)(value & DivideWritable);
    }

    /// <summary>Ignored outside TSC-deadline mode; 0 takes the deadline back.</summary>
    public void WriteTscDeadline(ulong value)
    {
        if (_mode == TimerMode.TscDeadline)
        {
            _tscDeadline = value;
        }
    }

    public void Save(StateWriter writer, long nowNs)
    {
        writer.UInt32(InitialCount);
        writer.Byte(DivideConfiguration);
        writer.UInt32(_first);
        writer.Bool(_running);
        writer.Int64(_running ? nowNs - _startNs : 0);
        writer.UInt64(_served);
        writer.UInt64(_tscDeadline);
        writer.Int64(Math.Min(nowNs - _lastExpiryNs, MinimumIntervalNs));
    }

    /// <summary>Reads what <see cref="Save"/> wrote; <paramref name="mode"/> is the LVT entry's.</summary>
    public void Load(StateReader reader, TimerMode mode, long nowNs)
    {
        _mode = mode;
        InitialCount = reader.UInt32();
        DivideConfiguration = (byte)(reader.Byte() & DivideWritable);
        _first = reader.UInt32();
        _running = reader.Bool();
        var elapsedNs = reader.Int64();
        _served = reader.UInt64();
        _tscDeadline = reader.UInt64();
        _lastExpiryNs = nowNs - Math.Clamp(reader.Int64(), 0, MinimumIntervalNs);
        _startNs = nowNs - elapsedNs;

        // A one-shot timer that runs has not expired; one that said it had would wait for ever for a crossing that is behind it.
        var possible = elapsedNs is >= 0 and <= LongestElapsedNs && (_tscDeadline == 0 || mode == TimerMode.TscDeadline) &&
            (!_running || (Counts(mode) && (mode == TimerMode.Periodic || _served == 0) && _first != 0 && _first <= InitialCount && _served <= CrossingsAt(nowNs)));
        if (!possible)
        {
            Stop();
            throw new StateFormatException($"saved state of a local APIC's timer does not fit together: mode {mode}, {elapsedNs} ns since it was loaded");
        }

        // Nine years old: it counts on from here, or what is saved some time later would be too old to load.
        if (_running && elapsedNs > LongestElapsedNs / 2)
        {
            Reload(nowNs);
        }
    }

    private static bool Counts(TimerMode mode) => mode is TimerMode.OneShot or TimerMode.Periodic;

    private void Stop()
    {
        InitialCount = 0;
        _first = 0;
        _running = false;
        _served = 0;
        _tscDeadline = 0;
    }

    private void Reload(long nowNs)
    {
        _first = CurrentCount(nowNs);
        _startNs = nowNs;
        _served = 0;
    }

    private ulong TicksAt(long nowNs)
    {
        var elapsed = (ulong)Math.Max(0, nowNs - _startNs);
        var clocks = _frequencyHz == NsPerSecond ? elapsed : (ulong)((UInt128)elapsed * _frequencyHz / NsPerSecond);
        return clocks / Divisor;
    }

    private ulong CrossingsAt(long nowNs)
    {
        var ticks = TicksAt(nowNs);
        if (ticks < _first)
        {
            return 0;
        }

        return _mode == TimerMode.Periodic ? 1 + ((ticks - _first) / InitialCount) : 1;
    }
}
