using System.Diagnostics;
using HvRunner.Abstractions;

namespace HvRunner.Machine;

/// <summary>
/// Where vCPUs wait while the machine is paused. A vCPU's thread enters before it runs its guest and leaves behind it; when it is kicked it passes by here and is
/// held as long as the pause lasts. So a pause is a flag, a kick for each vCPU, and a wait until none is inside; who never pauses pays one read of that flag for a
/// kick. The end of the run opens the gate for good. Members may be called from any thread but where they say otherwise.
/// </summary>
/// <param name="vcpus">The machine's vCPUs.</param>
/// <param name="timers">Guest time.</param>
/// <param name="noteGap">A vCPU was held while guest time went on, and goes on itself; on its own thread.</param>
internal sealed class PauseGate(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, Action<int> noteGap)
{
    private readonly object _gate = new();

    // Managed thread ids of the vCPUs that are inside or held here.
    private readonly int[] _threads = new int[vcpus.Count];
    private int _inside;
    private int _insideAndPausing;
    private volatile bool _paused;
    private bool _ended;

    /// <summary>A pause is asked for, and perhaps reached.</summary>
    internal bool IsPaused => _paused;

    /// <summary>
    /// Gets every vCPU out of its guest and keeps it out. False, and no pause, when one has not come within the limit or somebody else has resumed meanwhile.
    /// On a vCPU's own thread, in the middle of an exit, that vCPU is taken for out: it stops behind the instruction.
    /// </summary>
    internal bool Pause(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        _paused = true;
        foreach (var vcpu in vcpus)
        {
            vcpu.Kick();
        }

        lock (_gate)
        {
            var isVcpu = Array.IndexOf(_threads, Environment.CurrentManagedThreadId) >= 0;
            if (!isVcpu)
            {
                return WaitUntilOut(start, limit, isVcpu: false);
            }

            _insideAndPausing++;
            Monitor.PulseAll(_gate);
            var isOut = WaitUntilOut(start, limit, isVcpu: true);
            _insideAndPausing--;
            return isOut;
        }
    }

    /// <summary>Lets the vCPUs go on.</summary>
    internal void Resume()
    {
        lock (_gate)
        {
            _paused = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Holds nobody from now on. To be called when every vCPU was told to stop: none executes anything more.</summary>
    internal void End()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The calling thread is about to run this vCPU.</summary>
    internal void Enter(int vcpu)
    {
        lock (_gate)
        {
            Hold();
            _threads[vcpu] = Environment.CurrentManagedThreadId;
            _inside++;
        }
    }

    /// <summary>It has done so.</summary>
    internal void Leave(int vcpu)
    {
        lock (_gate)
        {
            _threads[vcpu] = 0;
            _inside--;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>This vCPU is out of its guest, on its own thread, and may be kept there.</summary>
    internal void Pass(int vcpu)
    {
        if (!_paused)
        {
            return;
        }

        var heldAtNs = timers.NowNs;
        if (HoldInside() && timers.NowNs != heldAtNs)
        {
            noteGap(vcpu);
        }
    }

    /// <summary>As <see cref="Pass"/> for whatever vCPU's thread this is, if any.</summary>
    internal void PassOnThisThread()
    {
        if (!_paused)
        {
            return;
        }

        int vcpu;
        lock (_gate)
        {
            vcpu = Array.IndexOf(_threads, Environment.CurrentManagedThreadId);
        }

        if (vcpu >= 0)
        {
            Pass(vcpu);
        }
    }

    /// <summary>True when the vCPU was held and goes on.</summary>
    private bool HoldInside()
    {
        lock (_gate)
        {
            if (!_paused || _ended)
            {
                return false;
            }

            _inside--;
            Monitor.PulseAll(_gate);
            Hold();
            _inside++;
            return !_ended;
        }
    }

    private void Hold()
    {
        while (_paused && !_ended)
        {
            Monitor.Wait(_gate);
        }
    }

    private bool WaitUntilOut(long start, TimeSpan limit, bool isVcpu)
    {
        // Two vCPUs that pause at once would wait for each other; a stranger waits until both have come here.
        while (_paused && _inside != (isVcpu ? _insideAndPausing : 0))
        {
            var left = limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                _paused = false;
                Monitor.PulseAll(_gate);
                return false;
            }

            Monitor.Wait(_gate, left);
        }

        return _paused;
    }
}
