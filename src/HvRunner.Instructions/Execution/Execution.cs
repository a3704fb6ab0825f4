using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// One instruction under execution: its decoded form, the processor it changes, and what it ends with. The type is spread over one file per
/// topic; each instruction group is a method that takes its instructions by mnemonic and answers <see cref="Outcome.Elsewhere"/> for others.
/// Every group follows one order, which is what makes a fault leave no trace: read all operands, check everything, translate the
/// destination, and only then write memory, registers and flags.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal ref partial struct Execution<TMemory, THost>
    where TMemory : struct, IPhysicalMemory
    where THost : struct, IProcessorHost
{
    private readonly ProcessorState _state;
    private readonly ProcessorFeatures _features;
    private readonly ref TMemory _memory;
    private readonly ref THost _host;

    private readonly TranslationCache? _translations;

    // One bit for each of Iced's codes, or null when every instruction runs.
    private readonly ulong[]? _permitted;

    private Instruction _instruction;
    private ulong _nextRip;
    private StateParts _changed;
    private byte _vector;
    private bool _hasErrorCode;
    private uint _errorCode;
    private ulong _faultAddress;
    private TranslationFlush _flush;
    private ulong _flushAddress;
    private UnsupportedReason _reason;
    private uint _debugCause;
    private bool _shadow;

    // MOV SS and POP SS also hold off the debug trap behind them.
    private bool _shadowByStack;

    // EFLAGS.TF as the instruction began; an instruction that enters a handler or masks TF clears this.
    private bool _stepsSingly;
    private bool _halted;
    private bool _plainWrites;
    private bool _returnedFromInterrupt;

    // RF is cleared behind an instruction, except between the iterations of a repeated one and by IRET, which loads it.
    private bool _keepsResumeFlag;

    // The mode, looked up once: the three of them decide addressing, operand sizes and checks everywhere.
    private readonly bool _is64;
    private readonly bool _isProtected;
    private readonly int _cpl;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Execution(ProcessorState state, ref TMemory memory, ref THost host, ProcessorFeatures features, TranslationCache? translations, ExecutorOptions options)
    {
        _translations = translations;
        _permitted = (options & ExecutorOptions.FeatureGating) != 0 ? features.Permitted : null;
        _state = state;
        _memory = ref memory;
        _host = ref host;
        _features = features;
        _isProtected = (state.Cr0 & ControlBit.Cr0Pe) != 0;
        _is64 = (state.Efer & ControlBit.EferLma) != 0 && state.Segments[(int)SegmentName.Cs].Long;

        // SS.DPL is CPL (SDM vol. 3C, 24.4.1): unlike CS.RPL it is also right between setting CR0.PE and the far jump behind it.
        _cpl = _isProtected ? state.Segments[(int)SegmentName.Ss].Dpl : 0;
    }

    /// <summary>Locked instructions write without compare-and-exchange from here on.</summary>
    public void GiveUpAtomicity() => _plainWrites = true;

    /// <summary>Takes an instruction that was decoded before in place of <see cref="Fetch"/>.</summary>
    public void Take(in Instruction instruction) => _instruction = instruction;

    /// <summary>Runs the fetched instruction once.</summary>
    public Outcome Execute()
    {
        _stepsSingly = (_state.Rflags & Flag.Trap) != 0;
        _nextRip = _instruction.NextIP;
        _keepsResumeFlag = false;
        if ((_state.Rflags & Flag.Virtual8086) != 0)
        {
            return Lacking(UnsupportedReason.Virtual8086);
        }

        var code = (int)_instruction.Code;
        if (_permitted is { } permitted && (permitted[code >> 6] & (1UL << code)) == 0)
        {
            return FeatureGate.IsHint(_instruction.Code) ? Outcome.Done : UndefinedOpcode();
        }

        var group = InstructionGroups.OfCode(code);
        if (group != InstructionGroup.Unknown)
        {
            return Run(group);
        }

        for (group = InstructionGroup.Unknown + 1; group < InstructionGroup.Unsupported; group++)
        {
            var outcome = Run(group);
            if (outcome != Outcome.Elsewhere)
            {
                InstructionGroups.Learn(code, group);
                return outcome;
            }
        }

        InstructionGroups.Learn(code, InstructionGroup.Unsupported);
        return Outcome.Unsupported;
    }

    /// <summary>Moves RIP on or describes the fault.</summary>
    public Completion Finish(Outcome outcome)
    {
        if (outcome == Outcome.Done)
        {
            _state.Rip = _nextRip;
            if (!_keepsResumeFlag)
            {
                _state.Rflags &= ~Flag.Resume;
            }

            var cause = _debugCause | (_stepsSingly && !_shadowByStack ? DebugBit.SingleStep : 0);
            return new Completion
            {
                Kind = CompletionKind.Completed,
                Changed = _changed | StateParts.General,
                Length = _instruction.Length,
                Flush = _flush,
                FlushAddress = _flushAddress,
                InterruptShadow = _shadow,
                Halted = _halted && cause == 0,
                ReturnedFromInterrupt = _returnedFromInterrupt,
                DebugCause = cause,
            };
        }

        if (outcome != Outcome.Fault)
        {
            var reason = _reason == UnsupportedReason.None ? UnsupportedReason.Instruction : _reason;
            return new Completion { Kind = CompletionKind.Unsupported, Reason = reason, Length = _instruction.Length };
        }

        return new Completion
        {
            Kind = CompletionKind.Fault,
            Vector = _vector,
            HasErrorCode = _hasErrorCode && _isProtected,
            ErrorCode = _isProtected ? _errorCode : 0,
            Cr2 = _faultAddress,
            DebugCause = _vector == ExceptionVector.Debug ? _debugCause : 0,
            Changed = _changed,
            Length = _instruction.Length,
        };
    }

    private Outcome Run(InstructionGroup group) => group switch
    {
        InstructionGroup.Moves => ExecuteMoves(),
        InstructionGroup.Arithmetic => ExecuteArithmetic(),
        InstructionGroup.Shifts => ExecuteShifts(),
        InstructionGroup.MultiplyDivide => ExecuteMultiplyDivide(),
        InstructionGroup.Bits => ExecuteBits(),
        InstructionGroup.Atomics => ExecuteAtomics(),
        InstructionGroup.DecimalAdjust => ExecuteDecimalAdjust(),
        InstructionGroup.ControlFlow => ExecuteControlFlow(),
        InstructionGroup.Strings => ExecuteStrings(),
        InstructionGroup.FlagOperations => ExecuteFlagOperations(),
        InstructionGroup.ShadowStacks => ExecuteShadowStacks(),
        InstructionGroup.SoftwareInterrupts => ExecuteSoftwareInterrupts(),
        InstructionGroup.System => ExecuteSystem(),
        InstructionGroup.FarTransfers => ExecuteFarTransfers(),
        InstructionGroup.Ports => ExecutePorts(),
        InstructionGroup.FastCalls => ExecuteFastCalls(),
        InstructionGroup.Identification => ExecuteIdentification(),
        InstructionGroup.Xsave => ExecuteXsave(),
        InstructionGroup.X87Moves => ExecuteX87Moves(),
        InstructionGroup.X87Arithmetic => ExecuteX87Arithmetic(),
        InstructionGroup.X87Control => ExecuteX87Control(),
        InstructionGroup.X87Remainders => ExecuteX87Remainders(),
        InstructionGroup.X87Decimal => ExecuteX87Decimal(),
        InstructionGroup.X87Transcendental => ExecuteX87Transcendental(),
        InstructionGroup.VectorMoves => LeaveMmxMarked(ExecuteVectorMoves()),
        InstructionGroup.Packed => LeaveMmxMarked(ExecutePacked()),
        InstructionGroup.Shuffles => LeaveMmxMarked(ExecuteShuffles()),
        InstructionGroup.VectorFloat => ExecuteVectorFloat(),
        InstructionGroup.VectorConvert => ExecuteVectorConvert(),
        InstructionGroup.Blends => LeaveMmxMarked(ExecuteBlends()),
        InstructionGroup.HorizontalFloat => ExecuteHorizontalFloat(),
        InstructionGroup.MmxConvert => LeaveMmxMarked(ExecuteMmxConvert()),
        InstructionGroup.Estimates => ExecuteEstimates(),
        InstructionGroup.StringCompare => ExecuteStringCompare(),
        _ => Outcome.Unsupported,
    };

    private Outcome Lacking(UnsupportedReason reason)
    {
        _reason = reason;
        return Outcome.Unsupported;
    }

    private Outcome Raise(byte vector)
    {
        _vector = vector;
        _hasErrorCode = false;
        _errorCode = 0;
        return Outcome.Fault;
    }

    private Outcome Raise(byte vector, uint errorCode)
    {
        _vector = vector;
        _hasErrorCode = true;
        _errorCode = errorCode;
        return Outcome.Fault;
    }

    /// <summary>Records a fault for methods that answer false.</summary>
    private bool Refuse(byte vector, uint errorCode)
    {
        Raise(vector, errorCode);
        return false;
    }

    private Outcome UndefinedOpcode() => Raise(ExceptionVector.InvalidOpcode);

    private Outcome GeneralProtection() => Raise(ExceptionVector.GeneralProtection, 0);
}
