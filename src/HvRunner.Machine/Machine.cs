using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Machine.Diagnostics;
using HvRunner.Machine.Verdicts;

namespace HvRunner.Machine;

/// <summary>
/// A machine that was built and runs once. <see cref="Run"/> blocks until the verdict; <see cref="Interrupt"/> and <see cref="InputReady"/> may be
/// called from any thread meanwhile. Made by <see cref="MachineBuilder"/>.
/// </summary>
public sealed class Machine : IDisposable
{
    private static readonly TimeSpan PanicGrace = TimeSpan.FromSeconds(5);

    private readonly MachineConfig _config;
    private readonly RunControl _control;
    private readonly Tracing _tracing;
    private readonly IBackingMemory _memory;
    private readonly IPartition _partition;
    private readonly Board _board;
    private readonly HaltMonitor _haltMonitor;
    private readonly VcpuThread[] _threads;

    // A monitor and a flag, not disposable events: an interruption may arrive while the machine is being disposed.
    private readonly object _gate = new();
    private bool _ended;
    private volatile bool _urgent;
    private long _firstEntry;
    private long _panickedAt;

    internal Machine(MachineConfig config, RunControl control, Tracing tracing, IBackingMemory memory, IPartition partition, Board board)
    {
        _config = config;
        _control = control;
        _tracing = tracing;
        _memory = memory;
        _partition = partition;
        _board = board;
        _haltMonitor = new HaltMonitor(partition.Vcpus, partition as IInKernelIrqchip, control);
        _threads = [.. partition.Vcpus.Select(ThreadOf)];
        _control.Ended += Stop;
    }

    /// <summary>The end of what the guest's console said.</summary>
    public Chipset.Serial.ConsoleTail ConsoleTail => _board.Tail;

    /// <summary>The verdict, as soon as something decisive has happened; the run may still be ending. Any thread.</summary>
    public Verdict? Verdict => _control.Verdict;

    /// <summary>To be called when <see cref="MachineConfig.ConsoleInput"/> has new bytes.</summary>
    public void InputReady() => _board.Com1.InputReady();

    /// <summary>The guest takes console input and has none left. Any thread.</summary>
    public bool WantsInput => _board.Com1.WantsInput;

    /// <summary>Ends the run as interrupted, unless it has its verdict; then what is left of the output is given up. Any thread.</summary>
    public void Interrupt(string sentence)
    {
        _control.End(new Verdict(VerdictKind.Interrupted, sentence));
        _urgent = true;
    }

    /// <summary>Runs the guest to its verdict, on the calling thread and the vCPUs' own. To be called once.</summary>
    public RunOutcome Run()
    {
        _firstEntry = Stopwatch.GetTimestamp();
        _tracing.Log?.Start();
        foreach (var thread in _threads)
        {
            thread.Start();
        }

        WaitForEnd();
        JoinVcpus();
        var end = Stopwatch.GetTimestamp();
        var verdict = _control.Verdict!;
        return new RunOutcome
        {
            Verdict = verdict,
            FirstEntryTimestamp = _firstEntry,
            EndTimestamp = end,
            Vcpus = [.. _partition.Vcpus.Select(vcpu => vcpu.Counts)],
            ConsoleBytesIn = _board.Com1.BytesIn,
            ConsoleBytesOut = _board.Com1.BytesOut,
            MemoryHash = _config.HashMemory ? MemoryHash.Of(_memory) : null,
            PostMortem = verdict.HasPostMortem ? PostMortem.Take(verdict, _partition, _memory, _config.Kernel.Source, _board.Tail) : null,
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

    private VcpuThread ThreadOf(IVcpu vcpu) => new(
        vcpu, new VcpuExitHandler(vcpu, _board.Ports, _board.Mmio, _board.ApicOf(vcpu.Index), _haltMonitor, _tracing, _config.Log), _control);

    private void Stop()
    {
        foreach (var vcpu in _partition.Vcpus)
        {
            vcpu.RequestStop();
        }

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
            _haltMonitor.Look();
            if (TimedOut())
            {
                _control.End(new Verdict(VerdictKind.Timeout, $"the time limit of {_config.Timeout!.Value.TotalSeconds:0.###} s passed"));
                _urgent = true;
            }

            EndAfterPanic();
        }
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

    /// <summary>The run is out of time or interrupted: what is left of the output is not waited for any longer. Any thread.</summary>
    public bool MustEnd => _urgent || TimedOut();

    private bool TimedOut() => _config.Timeout is { } limit && Stopwatch.GetElapsedTime(_firstEntry) >= limit;
}
