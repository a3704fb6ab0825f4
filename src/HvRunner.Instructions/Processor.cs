using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>
/// An x86-64 processor that runs whole programs: the register file itself, with what it needs to run fast hidden behind it. 64-bit code is
/// translated block by block into chains of handlers; everything else, and whatever a handler does not do, goes through the executor one
/// instruction at a time. One thread at a time. Between two calls of <see cref="Run"/> the inherited registers may be read freely, and changed
/// when <see cref="StateChanged"/> follows. Allocates nothing while it runs code that it has met before.
/// </summary>
public sealed partial class Processor : ProcessorState
{
    private readonly IGuestMemory _ram;
    private readonly IProcessorEnvironment _environment;
    private readonly InstructionExecutor<ProcessorMemory, ProcessorHost> _executor;
    private ProcessorMemory _memory;
    private ProcessorHost _host;

    // The budget is handed out in pieces, so that a chain ends before long: should a handler's last call be no jump after all, that bounds the stack.
    private const long LongestChain = 16384;

    // Instructions retired when budget and reserve will be used up.
    private long _goal;
    private long _reserve;

    // While the executor has an instruction of a block: how many the block counted when it began and has not executed, that one among them.
    private long _ahead;
    private bool _shadow;
    private bool _nonMaskableBlocked;
    private bool _leaveSoon;
    private ProcessorStop? _stop;

    /// <summary>Makes a processor in no particular state: set the registers, then call <see cref="StateChanged"/>.</summary>
    /// <param name="memory">Guest RAM; each range lies at consecutive host addresses that never move while the processor lives.</param>
    /// <param name="environment">Everything else.</param>
    /// <param name="sibling">
    /// Another processor of the same memory, or null. The two share translated code, and what one writes is seen by the other as on one machine; of all that are related in
    /// this way one at a time may run, or have any other member called.
    /// </param>
    public Processor(IGuestMemory memory, IProcessorEnvironment environment, Processor? sibling = null)
        : this(memory, environment, sibling, CodeCache.MaximumBlocks)
    {
    }

    internal Processor(IGuestMemory memory, IProcessorEnvironment environment, Processor? sibling, int maximumBlocks)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(environment);
        _ram = memory;
        _environment = environment;
        _code = sibling?._code ?? new CodeCache(maximumBlocks);
        _related = sibling?._related ?? [];
        _related.Add(this);
        _memory = new ProcessorMemory(this);
        _host = new ProcessorHost(environment);
        _buffer = new TranslationBuffer(this);
        _executor = new InstructionExecutor<ProcessorMemory, ProcessorHost>(ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating)
        {
            Translations = _buffer,
        };
        _banks = RamBank.Of(memory);
        Pages = _buffer.Select(0);
        Links = _code.Links;
    }

    /// <summary>
    /// Instructions retired since the processor was made. The environment sees the exact number whenever it is asked for an instruction, so time made of
    /// it never goes back; from within a page walk, the number at the end of the basic block. A repeated string instruction
    /// counts one for its start, and one for each 64 bytes or each element, depending on how it was executed.
    /// </summary>
    public long InstructionsRetired => _goal - _reserve - Budget - _ahead;

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

    /// <summary>
    /// Takes a part of the budget of <see cref="Run"/> away without a change of <see cref="InstructionsRetired"/>: for an environment to which something
    /// beside instructions takes time. <see cref="Run"/> returns behind the instruction that is under way when nothing is left. As <see cref="LeaveSoon"/>, in the
    /// middle of an instruction.
    /// </summary>
    public void ShortenRun(long instructions)
    {
        _goal -= instructions;
        Budget -= instructions;
        _leaveSoon |= Budget + _reserve <= 0;
    }

    /// <summary>After <see cref="ProcessorStop.Unsupported"/>: what cannot be done, as a sentence.</summary>
    public string? Refusal { get; private set; }

    /// <summary>As <see cref="StateChanged"/>, after registers were set to what a reset or INIT leaves: what is not in a register, the block of NMIs, is gone too.</summary>
    public void Reset()
    {
        _nonMaskableBlocked = false;
        StateChanged();
    }

    /// <summary>Forgets everything that was derived from registers: call it after changing any of them from outside.</summary>
    public void StateChanged()
    {
        _shadow = false;
        Kind = FlagKind.Explicit;
        ClearUnusedVectors();
        _buffer.FlushAll();
        NewContext();
        UpdateMode();
    }

    /// <summary>
    /// Runs until something in <see cref="ProcessorStop"/> happens, the task priority in CR8 changes, which may set an interrupt free, or the handler of an NMI ends, which may set another
    /// free. A budget may be overrun by the rest of a basic block; a positive one makes progress by at least one instruction or one delivery.
    /// </summary>
    public ProcessorStop Run(long instructions)
    {
        _goal = InstructionsRetired + instructions;
        Budget = Math.Min(instructions, LongestChain);
        _reserve = instructions - Budget;
        PendingLink = -1;
        _stop = null;
        _leaveSoon = false;

        // A sibling may have made the table larger.
        Links = _code.Links;
        var priority = Cr8;
        UpdateMode();
        while (Refill())
        {
            if (_stepping || _shadow)
            {
                Step();
            }
            else
            {
                RunBlocks();
            }

            if (_stop is { } stop)
            {
                return stop;
            }

            if (_leaveSoon || Cr8 != priority || (StopWhenInterruptible && CanTakeInterrupt))
            {
                break;
            }
        }

        return ProcessorStop.Budget;
    }

    /// <summary>Delivers an external interrupt. Only while <see cref="CanTakeInterrupt"/>. False: it ended in a triple fault, or cannot be done.</summary>
    public bool Interrupt(byte vector)
    {
        _stop = null;
        Settle(_executor.DeliverInterrupt(this, ref _memory, ref _host, vector));
        UpdateMode();
        return _stop is null;
    }

    /// <summary>Delivers a non-maskable interrupt. Only while <see cref="CanTakeNonMaskable"/>. False: it ended in a triple fault, or cannot be done.</summary>
    public bool NonMaskableInterrupt()
    {
        _nonMaskableBlocked = true;
        return Interrupt(ExceptionVector.NonMaskable);
    }

    /// <summary>Vector registers that XSTATE_BV calls initial read as zero, whatever bytes somebody left there.</summary>
    private void ClearUnusedVectors()
    {
        if ((Extended.Image[XsaveLayout.LegacySize] & XsaveLayout.Sse) == 0)
        {
            Extended.Image.Slice(XsaveLayout.XmmRegisters, 256).Clear();
        }
    }

    /// <summary>Moves on from what is held back to the budget; false when both are used up.</summary>
    private bool Refill()
    {
        if (Budget <= 0 && _reserve > 0)
        {
            var more = Math.Min(_reserve, LongestChain);
            Budget += more;
            _reserve -= more;
        }

        return Budget > 0;
    }

    /// <summary>One instruction through the executor, from fetch on.</summary>
    private void Step()
    {
        _shadow = false;
        var completion = _executor.Step(this, ref _memory, ref _host);
        Budget--;
        Take(completion);
        UpdateMode();
    }

    /// <summary>What an instruction through the executor brought with it.</summary>
    private void Take(in Completion completion)
    {
        _shadow = false;
        if (completion.Kind != CompletionKind.Completed || completion.DebugCause != 0)
        {
            // A debug trap behind IRET or SYSCALL is delivered with the rights of the new level, which has a table of its own.
            UpdateMode();
            Settle(completion.Kind == CompletionKind.Unsupported
                ? completion
                : _executor.DeliverException(this, ref _memory, ref _host, completion));
        }

        if (completion.Kind == CompletionKind.Completed)
        {
            _shadow = completion.InterruptShadow && completion.DebugCause == 0;
            if (_nonMaskableBlocked && completion.ReturnedFromInterrupt)
            {
                // Whoever kept another NMI meanwhile delivers it behind this very instruction.
                _nonMaskableBlocked = false;
                _leaveSoon = true;
            }

            Flush(completion);
            if (completion.Halted)
            {
                _shadow = false;
                _stop ??= completion.DebugCause == 0 ? ProcessorStop.Halted : null;
            }
        }
    }

    /// <summary>How a delivery ended.</summary>
    private void Settle(in Completion delivery)
    {
        switch (delivery.Kind)
        {
            case CompletionKind.Unsupported:
                Refusal = delivery.Reason switch
                {
                    UnsupportedReason.TaskSwitch => "the guest switches tasks by hardware, which is not implemented",
                    UnsupportedReason.Virtual8086 => "the guest enters virtual-8086 mode, which is not implemented",
                    _ => "the guest executes an instruction that is not implemented",
                };
                _stop = ProcessorStop.Unsupported;
                break;
            case CompletionKind.Shutdown:
                _stop = ProcessorStop.Shutdown;
                break;
        }
    }

    private void Flush(in Completion completion)
    {
        switch (completion.Flush)
        {
            case TranslationFlush.None:
                return;
            case TranslationFlush.Page:
                if (_buffer.FlushPage(completion.FlushAddress))
                {
                    NewContext(completion.FlushAddress);
                    return;
                }

                break;
            case TranslationFlush.NonGlobal:
                _buffer.FlushNonGlobal();
                NewContext(keepsGlobal: true);
                return;
            default:
                _buffer.FlushAll();
                break;
        }

        NewContext();
    }
}
