using System.Diagnostics;
using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>
/// Guest timers on one Linux timerfd (timerfd_create(2), CLOCK_MONOTONIC, absolute), about 45 us late on an idle host. The descriptor is
/// always programmed for the earliest deadline; one thread, started with the first deadline, reads it and calls what fell due. A machine has
/// a handful of timers, so they stand in a plain list that is scanned.
/// </summary>
public sealed unsafe class TimerFdQueue : ITimerQueue, IDisposable
{
    private const long Disarmed = long.MaxValue;

    private readonly FileDescriptor _timer = new(HostException.Check(Libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"));
    private readonly Lock _gate = new();
    private readonly List<Deadline> _deadlines = [];
    private long _programmedNs = Disarmed;
    private Thread? _thread;
    private bool _calling;
    private bool _stopping;

    /// <summary>The largest lateness of any callback so far, in nanoseconds: for reports and benchmarks.</summary>
    public long WorstLatenessNs { get; private set; }

    /// <inheritdoc/>
    public long NowNs => Stopwatch.GetTimestamp();

    /// <inheritdoc/>
    public bool MayFire
    {
        get
        {
            lock (_gate)
            {
                return _calling || _deadlines.Exists(static deadline => deadline.AtNs != Disarmed);
            }
        }
    }

    /// <inheritdoc/>
    public IDeadlineTimer CreateTimer(Action<long> expired)
    {
        var deadline = new Deadline(this, expired);
        lock (_gate)
        {
            _deadlines.Add(deadline);
        }

        return deadline;
    }

    /// <summary>Stops the thread and waits for it; no callback runs afterwards.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            thread = _thread;
            Program(0);
        }

        thread?.Join();
        _timer.Dispose();
    }

    private void Arm(Deadline deadline, long atNs)
    {
        lock (_gate)
        {
            deadline.AtNs = atNs;
            if (atNs < _programmedNs && !_stopping)
            {
                Program(atNs);
                if (_thread is null)
                {
                    _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "timers" };
                    _thread.Start();
                }
            }
        }
    }

    /// <summary>Programs the descriptor; a deadline in the past fires at once, and 0 would disarm it, so the least is 1 ns.</summary>
    private void Program(long atNs)
    {
        _programmedNs = atNs;
        var ns = Math.Max(1, atNs);
        var value = new itimerspec
        {
            it_value = atNs == Disarmed ? default : new timespec { tv_sec = ns / 1_000_000_000, tv_nsec = ns % 1_000_000_000 },
        };
        HostException.Check(Libc.timerfd_settime(_timer.Value, TFD_TIMER_ABSTIME, &value, null), "timerfd_settime");
    }

    private void Serve()
    {
        while (true)
        {
            ulong expirations;
            if (Libc.read(_timer.Value, &expirations, sizeof(ulong)) < 0 && Marshal.GetLastPInvokeError() is not (EINTR or EAGAIN))
            {
                return;
            }

            while (TakeDue(out var deadline, out var atNs))
            {
                deadline.Expired(atNs);
            }

            lock (_gate)
            {
                if (_stopping)
                {
                    return;
                }
            }
        }
    }

    /// <summary>Takes the earliest deadline that has passed; when there is none, programs the descriptor for the next.</summary>
    private bool TakeDue(out Deadline due, out long atNs)
    {
        lock (_gate)
        {
            due = null!;
            atNs = Disarmed;
            _calling = false;
            foreach (var deadline in _deadlines)
            {
                if (deadline.AtNs < atNs)
                {
                    (due, atNs) = (deadline, deadline.AtNs);
                }
            }

            var now = NowNs;
            if (_stopping || atNs > now)
            {
                if (!_stopping)
                {
                    Program(atNs);
                }

                return false;
            }

            due.AtNs = Disarmed;
            _calling = true;
            WorstLatenessNs = Math.Max(WorstLatenessNs, now - atNs);
            return true;
        }
    }

    private sealed class Deadline(TimerFdQueue queue, Action<long> expired) : IDeadlineTimer
    {
        public Action<long> Expired { get; } = expired;

        public long AtNs { get; set; } = Disarmed;

        public void Arm(long deadlineNs) => queue.Arm(this, deadlineNs);

        public void Disarm()
        {
            lock (queue._gate)
            {
                AtNs = Disarmed;
            }
        }

        public void Dispose()
        {
            lock (queue._gate)
            {
                AtNs = Disarmed;
                queue._deadlines.Remove(this);
            }
        }
    }
}
