// The watchdog of iBASE's IB700 single-board computer, as Linux's ib700wdt drives it and QEMU has it: ports 0x441 and 0x443. A write to
// the last port starts the count or starts it afresh, with the time that the value's low four bits choose: 30 s for 0, 2 s less for each
// step, none at all for 15. A write to the first port, of any value, stops it. When the time passes the machine is told, once.
//
// The port between the two is nobody's. Nothing can be read: the bus floats. A wide access is a run of byte accesses, as on the ISA bus.
// Not emulated: what a real board does when the time is up, which is a reset; the machine decides that.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Power;

/// <summary>The watchdog, 3 byte ports from 0x441. Accesses come from vCPU threads, the deadline from the timer queue's thread.</summary>
public sealed class Ib700Watchdog : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 3;

    private const byte StateVersion = 1;
    private const int StopOffset = 0;
    private const int StartOffset = 2;
    private const int TimeMask = 0x0f;
    private const long StepNs = 2_000_000_000;
    private const long LongestNs = TimeMask * StepNs;

    // Wiring.
    private readonly ITimerQueue _queue;
    private readonly IPowerControl _power;
    private readonly IDeadlineTimer _timer;
    private readonly Lock _lock = new();

    // Volatile state.
    private long? _deadlineNs;

    /// <summary>Makes the watchdog, stopped.</summary>
    /// <param name="queue">Guest time.</param>
    /// <param name="power">Is told when the time is up.</param>
    public Ib700Watchdog(ITimerQueue queue, IPowerControl power)
    {
        _queue = queue;
        _power = power;
        _timer = queue.CreateTimer(OnDeadline);
    }

    /// <inheritdoc/>
    public string Name => "ib700";

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        data.Fill(0xff);
        return IoStatus.Unclaimed;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        var claimed = false;
        lock (_lock)
        {
            for (var i = 0; i < data.Length && offset + (ulong)i < RegionSize; i++)
            {
                switch (offset + (ulong)i)
                {
                    case StopOffset:
                        Stop();
                        claimed = true;
                        break;
                    case StartOffset:
                        Start((TimeMask - (data[i] & TimeMask)) * StepNs);
                        claimed = true;
                        break;
                }
            }
        }

        return claimed ? IoStatus.Ok : IoStatus.Unclaimed;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            Stop();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            writer.Bool(_deadlineNs is not null);
            writer.Int64(_deadlineNs is { } deadline ? Math.Max(0, deadline - _queue.NowNs) : 0);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            var runs = reader.Bool();
            var leftNs = Math.Clamp(reader.Int64(), 0, LongestNs);
            if (runs)
            {
                Start(leftNs);
            }
            else
            {
                Stop();
            }
        }
    }

    /// <summary>Takes the deadline back for good.</summary>
    public void Dispose() => _timer.Dispose();

    private void Start(long ns)
    {
        var deadline = _queue.NowNs + ns;
        _deadlineNs = deadline;
        _timer.Arm(deadline);
    }

    private void Stop()
    {
        _deadlineNs = null;
        _timer.Disarm();
    }

    private void OnDeadline(long deadlineNs)
    {
        lock (_lock)
        {
            // A call that was under way when the guest fed the watchdog or stopped it does not count.
            if (_deadlineNs is not { } deadline || deadlineNs < deadline)
            {
                return;
            }

            _deadlineNs = null;
        }

        _power.WatchdogExpired(Name);
    }
}
