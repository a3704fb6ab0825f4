// x87 arithmetic and comparison (SDM vol. 1, 8.3.5 and 8.3.6), exact in software and rounded as FCW's precision and rounding control say.
// FCOMI and its like leave C1 alone, as AMD processors do.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteX87Arithmetic()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Fadd or Mnemonic.Faddp or Mnemonic.Fiadd or Mnemonic.Fmul or Mnemonic.Fmulp or Mnemonic.Fimul or
                Mnemonic.Fsub or Mnemonic.Fsubp or Mnemonic.Fisub or Mnemonic.Fsubr or Mnemonic.Fsubrp or Mnemonic.Fisubr or
                Mnemonic.Fdiv or Mnemonic.Fdivp or Mnemonic.Fidiv or Mnemonic.Fdivr or Mnemonic.Fdivrp or Mnemonic.Fidivr:
                return CombineX87();
            case Mnemonic.Fchs or Mnemonic.Fabs:
                return ChangeX87Sign();
            case Mnemonic.Fsqrt or Mnemonic.Frndint:
                return TransformX87();
            case Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Fcompp or Mnemonic.Fucom or Mnemonic.Fucomp or Mnemonic.Fucompp or
                Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip or
                Mnemonic.Ficom or Mnemonic.Ficomp or Mnemonic.Ftst:
                return CompareX87();
            case Mnemonic.Fxam:
                return ExamineX87();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome CombineX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        var context = X87Context(true);
        var destination = 0;
        var source = -1;
        Unpacked right = default;
        if (IsMemory(0))
        {
            if (!TryReadX87Memory(ref context, out right))
            {
                return Outcome.Fault;
            }
        }
        else
        {
            destination = StackIndex(0);
            source = StackIndex(1);
        }

        NoteX87Pointers();
        var pops = _instruction.Mnemonic is Mnemonic.Faddp or Mnemonic.Fmulp or Mnemonic.Fsubp or Mnemonic.Fsubrp or Mnemonic.Fdivp or Mnemonic.Fdivrp;
        Unpacked result;
        bool stops;
        if (IsEmpty(destination) || (source >= 0 && IsEmpty(source)))
        {
            stops = SignalStackFault(false);
            result = Unpacked.Indefinite;
        }
        else
        {
            var left = ReadStack(destination);
            right = source >= 0 ? ReadStack(source) : right;
            result = _instruction.Mnemonic switch
            {
                Mnemonic.Fadd or Mnemonic.Faddp or Mnemonic.Fiadd => FloatArithmetic.Add(left, right, ref context),
                Mnemonic.Fmul or Mnemonic.Fmulp or Mnemonic.Fimul => FloatArithmetic.Multiply(left, right, ref context),
                Mnemonic.Fsub or Mnemonic.Fsubp or Mnemonic.Fisub => SubtractFloat(left, right, ref context),
                Mnemonic.Fsubr or Mnemonic.Fsubrp or Mnemonic.Fisubr => SubtractFloat(right, left, ref context),
                Mnemonic.Fdiv or Mnemonic.Fdivp or Mnemonic.Fidiv => FloatArithmetic.Divide(left, right, ref context),
                _ => FloatArithmetic.Divide(right, left, ref context),
            };
            stops = SignalX87Result(context);
        }

        if (stops)
        {
            return Outcome.Done;
        }

        WriteStack(destination, result);
        if (pops)
        {
            PopStack();
        }

        return Outcome.Done;
    }

    private static Unpacked SubtractFloat(in Unpacked left, in Unpacked right, ref FloatContext context) =>
        FloatArithmetic.Add(left, right.IsNan ? right : right.Negated, ref context);

    private Outcome ChangeX87Sign()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0))
        {
            if (!SignalStackFault(false))
            {
                WriteStack(0, Unpacked.Indefinite);
            }

            return Outcome.Done;
        }

        // The sign alone changes, of NaNs as well.
        SetC1(false);
        ref var signByte = ref ExtendedForWrite(XsaveLayout.X87)[XsaveLayout.X87Registers + 9];
        signByte = (byte)(_instruction.Mnemonic == Mnemonic.Fchs ? signByte ^ 0x80 : signByte & 0x7f);
        return Outcome.Done;
    }

    private Outcome TransformX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var isRoot = _instruction.Mnemonic == Mnemonic.Fsqrt;
        var context = X87Context(isRoot);
        if (IsEmpty(0))
        {
            if (!SignalStackFault(false))
            {
                WriteStack(0, Unpacked.Indefinite);
            }

            return Outcome.Done;
        }

        var result = isRoot
            ? FloatArithmetic.SquareRoot(ReadStack(0), ref context)
            : FloatInteger.ToIntegral(ReadStack(0), context.Rounding, ref context);
        if (!SignalX87Result(context))
        {
            WriteStack(0, result);
        }

        return Outcome.Done;
    }

    private Outcome CompareX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        var mnemonic = _instruction.Mnemonic;
        var context = X87Context(false);
        var source = -1;
        Unpacked right = default;
        if (_instruction.OpCount > 0 && IsMemory(0))
        {
            if (!TryReadX87Memory(ref context, out right))
            {
                return Outcome.Fault;
            }
        }
        else if (mnemonic == Mnemonic.Ftst)
        {
            right = Unpacked.Zero(false);
        }
        else
        {
            source = _instruction.OpCount == 0 ? 1 : StackIndex(_instruction.OpCount - 1);
        }

        NoteX87Pointers();
        var quiet = mnemonic is Mnemonic.Fucom or Mnemonic.Fucomp or Mnemonic.Fucompp or Mnemonic.Fucomi or Mnemonic.Fucomip;
        var setsFlags = mnemonic is Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip;
        int order;
        bool stops;
        if (IsEmpty(0) || (source >= 0 && IsEmpty(source)))
        {
            stops = SignalStackFault(false);
            order = 2;
        }
        else
        {
            order = FloatInteger.Compare(ReadStack(0), source >= 0 ? ReadStack(source) : right, !quiet, ref context);
            if (!setsFlags)
            {
                SetC1(false);
            }

            stops = SignalX87(context.Raised);
        }

        // The verdict is given even when an unmasked exception keeps the stack from being popped.
        if (setsFlags)
        {
            _state.Rflags = (_state.Rflags & ~Flag.Status) | ComparisonFlags(order);
        }
        else
        {
            var status = ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.C0 | StatusWord.C2 | StatusWord.C3);
            status |= order switch { 2 => StatusWord.C0 | StatusWord.C2 | StatusWord.C3, 0 => StatusWord.C3, -1 => StatusWord.C0, _ => 0 };
            WriteX87Word(XsaveLayout.StatusWord, status);
        }

        if (stops)
        {
            return Outcome.Done;
        }

        if (mnemonic is Mnemonic.Fcomp or Mnemonic.Fucomp or Mnemonic.Fcomip or Mnemonic.Fucomip or Mnemonic.Ficomp or Mnemonic.Fcompp or Mnemonic.Fucompp)
        {
            PopStack();
        }

        if (mnemonic is Mnemonic.Fcompp or Mnemonic.Fucompp)
        {
            PopStack();
        }

        return Outcome.Done;
    }

    /// <summary>ZF, PF and CF as FCOMI and COMISS set them.</summary>
    private static ulong ComparisonFlags(int order) => order switch
    {
        2 => Flag.Zero | Flag.Parity | Flag.Carry,
        0 => Flag.Zero,
        -1 => Flag.Carry,
        _ => 0,
    };

    private Outcome ExamineX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var value = ReadStack(0);
        var kind = IsEmpty(0) ? StatusWord.C3 | StatusWord.C0 : value.Kind switch
        {
            FloatKind.Unsupported => 0,
            FloatKind.QuietNan or FloatKind.SignalingNan => StatusWord.C0,
            FloatKind.Infinity => StatusWord.C2 | StatusWord.C0,
            FloatKind.Zero => StatusWord.C3,
            _ => value.IsDenormal ? StatusWord.C3 | StatusWord.C2 : StatusWord.C2,
        };
        var status = ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.C0 | StatusWord.C1 | StatusWord.C2 | StatusWord.C3);
        WriteX87Word(XsaveLayout.StatusWord, status | kind | (value.Negative ? StatusWord.C1 : 0));
        return Outcome.Done;
    }
}
