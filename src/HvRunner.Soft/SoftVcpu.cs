using System.Diagnostics;
using HvRunner.Abstractions;
using HvRunner.Instructions;

namespace HvRunner.Soft;

/// <summary>
/// One vCPU on the soft processor: a loop that delivers what the machine has acknowledged and then runs a slice of instructions, short enough that a kick
/// or a stop from another thread is seen within a millisecond or so. What happens on the vCPU's own thread, a device that asks for the end of the
/// machine or raises an interrupt, ends the slice behind the instruction that caused it. The processor's surroundings and its state are in the other parts.
/// </summary>
internal sealed partial class SoftVcpu : IVcpu, IVcpuTimestamp, IVcpuStolenTime, IVcpuInstructionCount
{
    /// <summary>Instructions between two looks at what other threads want.</summary>
    internal const long SliceInstructions = 20_000;

    private readonly Processor _processor;
    private readonly VirtualClock? _clock;
    private readonly IBackingMemory _memory;
    private readonly object _gate = new();
    private IExitHandler? _handler;
    private ulong _taskPriority;
    private bool _taskPriorityWritten;
    private bool _halted;
    private bool _waitsForStart;
    private int _thread;
    private long _retired;
    private volatile bool _kicked;
    private volatile bool _stopRequested;

    /// <summary>Makes a vCPU, after those with lower indices.</summary>
    /// <param name="index">Its index; the first is the bootstrap processor.</param>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="cpuid">What CPUID answers.</param>
    /// <param name="clock">Guest time, or null for the host's.</param>
    /// <param name="originNs">Guest time when the machine is made.</param>
    /// <param name="turns">Whose turn it is, or null for the only one.</param>
    /// <param name="siblings">All vCPUs of the partition, in the end; those with lower indices now.</param>
    internal SoftVcpu(
        int index, IBackingMemory memory, IReadOnlyList<CpuidLeaf> cpuid, VirtualClock? clock, long originNs, SoftTurns? turns, IReadOnlyList<SoftVcpu> siblings)
    {
        Index = index;
        _memory = memory;
        _clock = clock;
        _turns = turns;
        _siblings = siblings;
        _isKicked = () => _kicked;
        _cpuid = [.. cpuid];
        _random = clock is null ? null : new RepeatableRandom();
        _processor = new Processor(memory, this, siblings.Count == 0 ? null : siblings[0]._processor);
        _msrs = new SoftMsrs(_processor, () => NowNs, originNs);
        if (index == 0)
        {
            clock?.SwitchTo(_processor);
        }

        _waitsForStart = index != 0;
        PowerOnState.Apply(_processor, isBootstrap: index == 0);
        _processor.Reset();
    }

    public int Index { get; }

    public ExitCounts Counts { get; } = new();

    public long InstructionsRetired => Volatile.Read(ref _retired);

    /// <summary>Guest time, which is that of the machine's timer queue.</summary>
    private long NowNs => _clock?.NowNs ?? Stopwatch.GetTimestamp();

    public VcpuExit Run(IExitHandler handler)
    {
        _handler = handler;
        _taskPriority = _processor.Cr8;
        Volatile.Write(ref _thread, Environment.CurrentManagedThreadId);
        try
        {
            return _turns is null ? Loop(handler) : LoopInTurns(handler, _turns);
        }
        finally
        {
            Volatile.Write(ref _thread, 0);
            _handler = null;
        }
    }

    public void Kick()
    {
        if (_turns is not null)
        {
            Kick(_turns);
            return;
        }

        if (Volatile.Read(ref _thread) == Environment.CurrentManagedThreadId)
        {
            _kicked = true;
            _processor.LeaveSoon();
            return;
        }

        lock (_gate)
        {
            _kicked = true;
            Monitor.PulseAll(_gate);
        }
    }

    public void RequestStop()
    {
        _stopRequested = true;
        Kick();
    }

    private VcpuExit Loop(IExitHandler handler)
    {
        while (!_stopRequested)
        {
            if (_kicked)
            {
                Answer(handler);
                continue;
            }

            if (Prepare(handler, out var waitsForWindow, out var nonMaskableMayCome) is { } refused)
            {
                return refused;
            }

            if ((Sleeps ? Sleep(nonMaskableMayCome) : RunSlice(waitsForWindow)) is { } end)
            {
                return end;
            }
        }

        return new VcpuExit(VcpuExitKind.Stopped);
    }

    /// <summary>It executes nothing until something is delivered.</summary>
    private bool Sleeps => _halted || _waitsForStart;

    private void Answer(IExitHandler handler)
    {
        _kicked = false;

        // What a kick was for was there before it, and whoever looks for it now has to find it.
        Interlocked.MemoryBarrier();
        _answers = true;
        handler.Kicked();
        _answers = false;
    }

    /// <summary>Fires timers that are due and delivers what there is. Non-null when that ends the vCPU's run.</summary>
    private VcpuExit? Prepare(IExitHandler handler, out bool waitsForWindow, out bool nonMaskableMayCome)
    {
        _clock?.FireDue();
        var events = new EntryEvents(_processor.CanTakeInterrupt, _processor.CanTakeNonMaskable, Sleeps);
        SyncTaskPriority(handler);
        var isDelivered = !handler.BeforeEntry(ref events) || Deliver(events);
        (waitsForWindow, nonMaskableMayCome) = (events.WaitsForWindow, events.NonMaskableMayCome);
        return isDelivered ? null
            : _processor.Refusal is { } refusal ? new VcpuExit(VcpuExitKind.Failed, $"the soft processor cannot deliver an interrupt: {refusal}")
            : new VcpuExit(VcpuExitKind.Shutdown);
    }

    /// <summary>Delivers at most one event of each kind; false after a triple fault, or for what the processor does not implement.</summary>
    private bool Deliver(in EntryEvents events)
    {
        if (events.Init)
        {
            PowerOnState.ApplyInit(_processor);
            _processor.Reset();
            _halted = false;
            _waitsForStart = Index != 0;
        }

        if (events.StartupVector >= 0 && _waitsForStart)
        {
            _waitsForStart = false;
            _processor[SegmentName.Cs] = _processor[SegmentName.Cs] with { Selector = (ushort)(events.StartupVector << 8), Base = (ulong)events.StartupVector << 12 };
            _processor.Rip = 0;
            _processor.StateChanged();
        }

        if (_waitsForStart)
        {
            return true;
        }

        if (events.NonMaskable)
        {
            _halted = false;
            if (!_processor.NonMaskableInterrupt())
            {
                return false;
            }
        }

        if (events.Vector < 0)
        {
            return true;
        }

        // An NMI's handler runs first where both come at once: the vector's handler is entered, and the NMI's frame lies below it.
        _halted = false;
        return _processor.Interrupt((byte)events.Vector);
    }

    private VcpuExit? RunSlice(bool waitsForWindow)
    {
        var budget = SliceInstructions;
        if (_clock is not null)
        {
            budget = Math.Clamp(_clock.NextDeadlineNs - _clock.NowNs, 1, budget);
        }

        _processor.StopWhenInterruptible = waitsForWindow;
        var stop = _processor.Run(budget);
        Volatile.Write(ref _retired, _processor.InstructionsRetired);
        if (waitsForWindow && _processor.CanTakeInterrupt)
        {
            Counts.InterruptWindow++;
        }

        switch (stop)
        {
            case ProcessorStop.Halted:
                Counts.Halt++;
                _halted = true;
                return null;
            case ProcessorStop.Shutdown:
                return new VcpuExit(VcpuExitKind.Shutdown);
            case ProcessorStop.Unsupported:
                return new VcpuExit(VcpuExitKind.Failed, UnsupportedSentence());
            default:
                return null;
        }
    }

    /// <summary>The processor is halted and nothing was delivered: waits for somebody, or lets virtual time jump. Non-null when nothing can wake it.</summary>
    private VcpuExit? Sleep(bool nonMaskableMayCome)
    {
        if (_clock is null)
        {
            WaitForKick();
            return null;
        }

        if (_kicked)
        {
            return null;
        }

        var interruptsEnabled = (_processor.Rflags & InterruptFlag) != 0;
        var input = interruptsEnabled ? _clock.Idle?.Invoke() ?? IdleAnswer.Nothing : IdleAnswer.Nothing;
        if (input == IdleAnswer.InputCame || _kicked)
        {
            return null;
        }

        var next = _clock.NextDeadlineNs;
        if (next != long.MaxValue && (interruptsEnabled || nonMaskableMayCome))
        {
            _clock.SkipTo(next);
            return null;
        }

        if (input == IdleAnswer.InputMayCome)
        {
            WaitForKick();
            return null;
        }

        return new VcpuExit(VcpuExitKind.Halted, interruptsEnabled
            ? "the processor is halted, no timer is armed and no input is left: nothing can wake it"
            : "every vCPU is halted with interrupts off, and nothing can wake one");
    }

    private void WaitForKick()
    {
        lock (_gate)
        {
            // A stop is looked for by itself: the loop may have taken its kick for another's, and cleared it.
            while (!_kicked && !_stopRequested)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Brings CR8 and the local APIC's task priority together: whichever side changed since the last time wins, and CR8 where it was written.</summary>
    private void SyncTaskPriority(IExitHandler handler)
    {
        if (_taskPriorityWritten || _processor.Cr8 != _taskPriority)
        {
            handler.TaskPriority = _processor.Cr8 << 4;
        }
        else
        {
            _processor.Cr8 = handler.TaskPriority >> 4;
        }

        _taskPriority = _processor.Cr8;
        _taskPriorityWritten = false;
    }
}
