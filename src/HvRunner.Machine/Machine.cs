using System.Diagnostics;
using System.Globalization;
using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>
/// A machine that was built and runs once. <see cref="Run"/> blocks until the verdict; what may be asked of it meanwhile, from any thread, is in the other
/// part. Made by <see cref="MachineBuilder"/>.
/// </summary>
public sealed partial class Machine : IDisposable
{
    private static readonly TimeSpan PanicGrace = TimeSpan.FromSeconds(5);

    private readonly MachineConfig _config;
    private readonly RunControl _control;
    private readonly Tracing _tracing;
    private readonly IBackingMemory _memory;
    private readonly IPartition _partition;
    private readonly Board _board;
    private readonly PauseGate _pause;
    private readonly ProgressMeter _progress;
    private readonly HaltMonitor _haltMonitor;
    private readonly VcpuThread[] _threads;

    // A monitor and a flag, not disposable events: an interruption may arrive while the machine is being disposed.
    private readonly object _gate = new();
    private bool _ended;
    private long _firstEntry;
    private GuestProgress? _lastSecond;
    private long _panickedAt;

    internal Machine(MachineConfig config, RunControl control, Tracing tracing, IBackingMemory memory, IPartition partition, Board board)
    {
        _config = config;
        _control = control;
        _tracing = tracing;
        _memory = memory;
        _partition = partition;
        _board = board;
        _pause = new PauseGate(partition.Vcpus, config.Timers, NoteGap);
        _progress = new ProgressMeter(partition.Vcpus);
        _haltMonitor = new HaltMonitor(partition.Vcpus, partition as IInKernelIrqchip, control, board.MayInterrupt);
        _threads = [.. partition.Vcpus.Select(ThreadOf)];
        _control.Ended += Stop;
    }

    /// <summary>Runs the guest to its verdict, on the calling thread and the vCPUs' own. To be called once.</summary>
    public RunOutcome Run()
    {
        _firstEntry = Stopwatch.GetTimestamp();
        _progress.Start(_firstEntry);
        _tracing.Log?.Start();
        foreach (var thread in _threads)
        {
            thread.Start();
        }

        WaitForEnd();
        var decided = Stopwatch.GetTimestamp();
        JoinVcpus();
        LogStepped();
        var end = Stopwatch.GetTimestamp();
        var verdict = _control.Verdict!;
        return new RunOutcome
        {
            Verdict = verdict,
            FirstEntryTimestamp = _firstEntry,
            EndTimestamp = end,
            LastSecond = _lastSecond ?? _progress.LastSecond(decided),
            Vcpus = [.. _partition.Vcpus.Select(vcpu => vcpu.Counts)],
            ConsoleBytesIn = _board.Com1.BytesIn,
            ConsoleBytesOut = _board.Com1.BytesOut,
            MemoryHash = _config.HashMemory ? MemoryHash.Of(_memory) : null,
            PostMortem = _control.WantsPostMortem ? PostMortem.Take(verdict, _partition, _memory, _config.Kernel.Source, _board.Tail) : null,
        };
    }

    /// <summary>
    /// Gives everything back that <see cref="MachineBuilder"/> took. Not while <see cref="Run"/> is active, and only after whoever calls
    /// <see cref="InputReady"/> has stopped and the timer queue was disposed: both reach into the partition.
    /// </summary>
    public void Dispose()
    {
        _board.Dispose();
        _partition.Dispose();
        _memory.Dispose();
    }

    /// <summary>A vCPU was kept out of the guest while its clock went on: a guest that can be told so is.</summary>
    private void NoteGap(int vcpu)
    {
        (_partition.Vcpus[vcpu] as IVcpuPauseNotice)?.NotePause();
        _board.Clock?.NotePause(vcpu);
    }

    /// <summary>Only a guest that needs it is executed in this way, and slower by it, so that is worth a line.</summary>
    private void LogStepped()
    {
        foreach (var vcpu in _partition.Vcpus)
        {
            if (vcpu.Counts.SteppedInstruction != 0)
            {
                _config.Log.Information("vCPU {Vcpu}: {Count} instructions were executed by hvrun instead of the hypervisor", vcpu.Index, vcpu.Counts.SteppedInstruction);
            }
        }
    }

    private VcpuThread ThreadOf(IVcpu vcpu) => new(
        vcpu,
        new VcpuExitHandler(
            vcpu, _board.Ports, _board.Mmio, _board.Interrupts?.InterfaceOf(vcpu.Index), _board.ClockOf(vcpu), _pause, _haltMonitor, _tracing, _config.Log),
        _pause,
        _control);

    private void Stop()
    {
        foreach (var vcpu in _partition.Vcpus)
        {
            vcpu.RequestStop();
        }

        _pause.End();
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    private bool HasEnded(TimeSpan limit)
    {
        lock (_gate)
        {
            return _ended || (Monitor.Wait(_gate, limit) && _ended);
        }
    }

    private void WaitForEnd()
    {
        while (!HasEnded(HaltMonitor.Interval))
        {
            var now = Stopwatch.GetTimestamp();
            _progress.Sample(now);
            if (TimedOut())
            {
                EndAtTimeLimit(now);
            }

            if (_pause.IsPaused)
            {
                // Nobody halts, and nobody says its last words.
                _haltMonitor.Forget();
                _panickedAt = 0;
            }
            else
            {
                _haltMonitor.Look();
                EndAfterPanic();
            }
        }
    }

    private void EndAtTimeLimit(long now)
    {
        var limit = _config.Timeout!.Value;
        var progress = _progress.LastSecond(now);
        _lastSecond ??= progress;
        var when = limit < TimeSpan.FromSeconds(1) ? "in that time" : "in its last second";
        End(new Verdict(VerdictKind.Timeout, string.Create(CultureInfo.InvariantCulture, $"the time limit of {limit.TotalSeconds:0.###} s passed; {when} the guest made {progress}")));
    }

    /// <summary>A kernel that panicked may never say its last line; it gets a little time for it.</summary>
    private void EndAfterPanic()
    {
        if (_board.Tap.Panicked)
        {
            _panickedAt = _panickedAt == 0 ? Stopwatch.GetTimestamp() : _panickedAt;
            if (Stopwatch.GetElapsedTime(_panickedAt) >= PanicGrace)
            {
                _control.End(new Verdict(VerdictKind.Panic, "the kernel's console says that it panicked"));
            }
        }
    }

    /// <summary>
    /// Waits until every vCPU is out of the guest. One may still wait for a slow reader to take its last output; nothing is lost by that, so it may
    /// take its time, until the time limit passes or somebody interrupts.
    /// </summary>
    private void JoinVcpus()
    {
        foreach (var thread in _threads)
        {
            while (!thread.Join(HaltMonitor.Interval))
            {
                if (MustEnd)
                {
                    _config.ReleaseOutput();
                }
            }
        }
    }

    private bool TimedOut() => _config.Timeout is { } limit && Stopwatch.GetElapsedTime(_firstEntry) >= limit;
}
