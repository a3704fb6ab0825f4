using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// An x86-64 processor that runs whole programs: the register file itself, with what it needs to run fast hidden behind it. One thread at a time.
/// Between two calls of <see cref="Run"/> the inherited registers may be read freely, and changed when <see cref="StateChanged"/> follows.
/// Allocates nothing while it runs code that it has met before.
/// </summary>
public sealed partial class Processor : ProcessorState
{
    /// <summary>Makes a processor in no particular state: set the registers, then call <see cref="StateChanged"/>.</summary>
    /// <param name="memory">Guest RAM, at host addresses that never move while the processor lives.</param>
    /// <param name="environment">Everything else.</param>
    public Processor(IGuestMemory memory, IProcessorEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(environment);
        _ram = memory;
        _environment = environment;
    }

    /// <summary>Instructions retired since the processor was made; right to the basic block while <see cref="Run"/> is active.</summary>
    public long InstructionsRetired => _retired;

    /// <summary>An external interrupt may be delivered now: RFLAGS.IF is set and no interrupt shadow is open.</summary>
    public bool CanTakeInterrupt => (Rflags & Flag.Interrupt) != 0 && !_shadow;

    /// <summary>A non-maskable interrupt may be delivered now: none is being handled, and no shadow of MOV SS is open.</summary>
    public bool CanTakeNonMaskable => !_nonMaskableBlocked && !_shadow;

    /// <summary>Ask <see cref="Run"/> to return as soon as <see cref="CanTakeInterrupt"/> holds; sticky until cleared.</summary>
    public bool StopWhenInterruptible { get; set; }

    /// <summary>
    /// Makes <see cref="Run"/> return with <see cref="ProcessorStop.Budget"/> behind the instruction that is under way. For the environment, in the middle of
    /// that instruction; on the processor's own thread. Without effect between two calls of <see cref="Run"/>.
    /// </summary>
    public void LeaveSoon() => _leaveSoon = true;

    /// <summary>After <see cref="ProcessorStop.Unsupported"/>: what cannot be done, as a sentence.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Forgets everything that was derived from registers: call it after changing any of them from outside.</summary>
    public void StateChanged()
    {
        _shadow = false;
    }

    /// <summary>Runs until something in <see cref="ProcessorStop"/> happens; at least one instruction or one delivery is made when <paramref name="instructions"/> is positive.</summary>
    public ProcessorStop Run(long instructions)
    {
        var memory = new ProcessorMemory(_ram, _environment);
        var host = new ProcessorHost(_environment);
        var end = _retired + instructions;
        _leaveSoon = false;
        while (_retired < end)
        {
            var completion = _executor.Step(this, ref memory, ref host);
            _retired++;
            switch (completion.Kind)
            {
                case CompletionKind.Completed:
                    _shadow = completion.InterruptShadow;
                    _nonMaskableBlocked &= !completion.ReturnedFromInterrupt;
                    if (completion.DebugCause != 0 && Raise(completion, ref memory, ref host) is { } trap)
                    {
                        return trap;
                    }

                    if (completion.Halted)
                    {
                        _shadow = false;
                        return ProcessorStop.Halted;
                    }

                    break;
                case CompletionKind.Fault:
                    _shadow = false;
                    if (Raise(completion, ref memory, ref host) is { } stop)
                    {
                        return stop;
                    }

                    break;
                default:
                    return Refuse(completion);
            }

            if (_leaveSoon || (StopWhenInterruptible && CanTakeInterrupt))
            {
                break;
            }
        }

        return ProcessorStop.Budget;
    }

    /// <summary>Delivers an external interrupt. Only while <see cref="CanTakeInterrupt"/>. False: it ended in a triple fault.</summary>
    public bool Interrupt(byte vector)
    {
        var memory = new ProcessorMemory(_ram, _environment);
        var host = new ProcessorHost(_environment);
        return _executor.DeliverInterrupt(this, ref memory, ref host, vector).Kind == CompletionKind.Completed;
    }

    /// <summary>Delivers a non-maskable interrupt. Only while <see cref="CanTakeNonMaskable"/>. False: it ended in a triple fault.</summary>
    public bool NonMaskableInterrupt()
    {
        _nonMaskableBlocked = true;
        return Interrupt(2);
    }

    /// <summary>Delivers an exception; how the run ends when it cannot be.</summary>
    private ProcessorStop? Raise(in Completion cause, ref ProcessorMemory memory, ref ProcessorHost host)
    {
        var delivery = _executor.DeliverException(this, ref memory, ref host, cause);
        return delivery.Kind switch
        {
            CompletionKind.Completed => null,
            CompletionKind.Shutdown => ProcessorStop.Shutdown,
            _ => Refuse(delivery),
        };
    }

    private ProcessorStop Refuse(in Completion completion)
    {
        Refusal = completion.Reason switch
        {
            UnsupportedReason.TaskSwitch => "hardware task switching is not implemented",
            UnsupportedReason.Virtual8086 => "virtual-8086 mode is not implemented",
            _ => "the instruction is not implemented",
        };
        return ProcessorStop.Unsupported;
    }
}
