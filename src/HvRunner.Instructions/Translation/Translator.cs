// Instructions to operations. One block at a time: from its first byte to a branch, to an instruction behind which the mode may be another, to
// the end of the page, or to the largest length. An instruction that no handler knows becomes an operation that asks the executor.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private const int MaximumInstructions = 64;

    private readonly InstructionFetch _fetch = new();
    private readonly Operation[] _operations = new Operation[MaximumInstructions + 4];
    private readonly Instruction[] _instructions = new Instruction[MaximumInstructions];

    private CodeCache _code = null!;
    private ulong _start;
    private ulong _frame;
    private bool _withVectors;
    private int _count;
    private int _operationCount;

    // What set the flags last, as far as this block tells; and whether the last operation is a comparison that a branch could join.
    private FlagState _flags;
    private bool _joinable;

    private enum FlagState
    {
        Unknown,
        Sum,
        Difference,
        Logic,
        Parts,
    }

    /// <summary>The codes that CPUID lets run, as a bitmap; null lets all.</summary>
    public ulong[]? Permitted { get; set; }

    /// <summary>
    /// Translates the block at a host address, or answers null when no whole instruction lies there. Vector instructions get handlers only where
    /// they are allowed; elsewhere the executor raises what they raise.
    /// </summary>
    public Block? Translate(CodeCache code, nint host, ulong physical, ulong rip, bool withVectors)
    {
        _withVectors = withVectors;
        _code = code;
        _start = rip;
        _frame = physical & ~0xfffUL;
        _count = 0;
        _operationCount = 1;
        _flags = FlagState.Unknown;
        _joinable = false;
        var room = 4096 - (int)(physical & 4095);
        var offset = 0;
        var isOpen = true;
        while (isOpen && _count < MaximumInstructions && offset < room)
        {
            _fetch.Count = Math.Min(InstructionFetch.MaximumLength, room - offset);
            new ReadOnlySpan<byte>((void*)(host + offset), _fetch.Count).CopyTo(_fetch.Bytes);
            ref var instruction = ref _instructions[_count];
            if (_fetch.Decode(64, rip + (ulong)offset, out instruction) != DecoderError.None)
            {
                break;
            }

            ref var op = ref _operations[_operationCount];
            op = new Operation { Offset = (ushort)offset, Index = (byte)_count, Length = (byte)instruction.Length };
            _count++;
            _operationCount++;
            isOpen = Emit(in instruction, ref op);
            offset += instruction.Length;
        }

        if (_count == 0)
        {
            return null;
        }

        Close(offset, room);
        JoinPairs();
        _operations[0] = new Operation { Handler = &Handlers.Begin, Immediate = _count, Displacement = code.NextNumber };
        return new Block
        {
            Operations = _operations.AsSpan(0, _operationCount).ToArray(),
            Instructions = _instructions.AsSpan(0, _count).ToArray(),
            Physical = physical,
            Rip = rip,
            Length = offset,
            WithVectors = withVectors,
            Number = code.NextNumber,
        };
    }

    /// <summary>Lets one handler do the work of two neighbours where there is one.</summary>
    private void JoinPairs()
    {
        for (var i = 1; i < _operationCount - 1; i++)
        {
            ref var second = ref _operations[i + 1];
            ref readonly var instruction = ref _instructions[second.Index < _count ? second.Index : 0];
            var mayKeepFlags = instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar && (second.Immediate & 31) == 0;
            var pair = mayKeepFlags ? null : Pairs.Of(_operations[i].Handler, second.Handler);
            pair = pair == null ? Pairs.OfStack(in _operations[i], in second) : pair;
            if (pair != null)
            {
                _operations[i].Handler = pair;
                i++;
            }
        }
    }

    /// <summary>What goes on behind the last instruction, when it is no branch or a branch was executed slowly and not taken.</summary>
    private void Close(int offset, int room)
    {
        if (_instructions[_count - 1].Mnemonic == Mnemonic.Sti)
        {
            _operations[_operationCount - 1].Handler = &Handlers.SlowEnd;
        }

        ref var op = ref _operations[_operationCount++];
        op = new Operation { Offset = (ushort)offset, Index = (byte)_count };
        if (offset < room)
        {
            op.Handler = &Handlers.Continue;
            op.Immediate = _code.NewLinkPair(_frame);
        }
        else
        {
            op.Handler = &Handlers.ContinueFar;
        }
    }

    /// <summary>Fills one operation. False: the block ends behind it.</summary>
    private bool Emit(in Instruction instruction, ref Operation op)
    {
        var wasJoinable = _joinable;
        _joinable = false;
        if (instruction.FlowControl != FlowControl.Next)
        {
            EmitControl(in instruction, ref op, wasJoinable);
            return false;
        }

        if (EmitPlain(in instruction, ref op))
        {
            return true;
        }

        op.Handler = &Handlers.Slow;
        _flags = FlagState.Unknown;
        if (EndsBlock(in instruction))
        {
            op.Handler = &Handlers.SlowEnd;
            return false;
        }

        return true;
    }

    /// <summary>Instructions that change the mode, the rights, the mappings or the interrupt flag.</summary>
    private static bool EndsBlock(in Instruction instruction) =>
        (instruction.IsPrivileged && instruction.Mnemonic is not (Mnemonic.In or Mnemonic.Out)) ||
        instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfq or Mnemonic.Mwait ||
        (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsSegmentRegister());

    private bool EmitPlain(in Instruction instruction, ref Operation op)
    {
        // What CPUID does not name raises #UD, which is the executor's, or is a hint, which does nothing.
        if (!IsPermitted(instruction.Code))
        {
            return FeatureGate.IsHint(instruction.Code) && Set(ref op, &Handlers.Nothing);
        }

        if (instruction.HasRepePrefix || instruction.HasRepnePrefix)
        {
            if (EmitRepeated(in instruction, ref op))
            {
                return true;
            }

            if (instruction.Mnemonic is not (Mnemonic.Pause or Mnemonic.Endbr64 or Mnemonic.Nop or Mnemonic.Bsf or Mnemonic.Bsr))
            {
                return false;
            }
        }

        return instruction.Mnemonic switch
        {
            Mnemonic.Mov => EmitMove(in instruction, ref op),
            Mnemonic.Lea => EmitLoadAddress(in instruction, ref op),
            Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd => EmitExtension(in instruction, ref op),
            Mnemonic.Push or Mnemonic.Pop or Mnemonic.Leave => EmitStack(in instruction, ref op),
            Mnemonic.Nop or Mnemonic.Endbr64 or Mnemonic.Pause or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2 or
                Mnemonic.Prefetchnta or Mnemonic.Prefetchw or Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Sfence => Set(ref op, &Handlers.Nothing),
            Mnemonic.Xchg or Mnemonic.Cmpxchg or Mnemonic.Xadd => EmitExchange(in instruction, ref op),
            Mnemonic.Imul or Mnemonic.Mul or Mnemonic.Div or Mnemonic.Idiv => EmitMultiply(in instruction, ref op),
            Mnemonic.Cdq => Set(ref op, &Handlers.SignOfAccumulator<Dword32>),
            Mnemonic.Cqo => Set(ref op, &Handlers.SignOfAccumulator<Qword64>),
            Mnemonic.Cdqe or Mnemonic.Cwde => EmitAccumulatorExtension(in instruction, ref op),
            Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc => EmitBit(in instruction, ref op),
            Mnemonic.Bsf or Mnemonic.Bsr => EmitScan(in instruction, ref op),
            Mnemonic.Pushfq => Set(ref op, &Handlers.PushFlags<Fast>),
            Mnemonic.Cli => Set(ref op, &Handlers.ClearInterruptFlag),
            Mnemonic.Sti => Set(ref op, &Handlers.SetInterruptFlag),
            Mnemonic.Stac => Set(ref op, &Handlers.AllowUserAccess<Yes>),
            Mnemonic.Clac => Set(ref op, &Handlers.AllowUserAccess<No>),
            _ => EmitBinary(in instruction, ref op) || EmitUnary(in instruction, ref op) || EmitConditional(in instruction, ref op) ||
                (_withVectors && EmitVector(in instruction, ref op)),
        };
    }

    private bool IsPermitted(Code code) => Permitted is not { } permitted || (permitted[(int)code >> 6] & (1UL << (int)code)) != 0;

    private static bool Set(ref Operation op, delegate*<ref Operation, Processor, ChainEnd> handler)
    {
        op.Handler = handler;
        return true;
    }
}
