// F2XM1, FYL2X, FYL2XP1, FPTAN, FSIN, FCOS, FSINCOS and FPATAN (SDM vol. 1, 8.3.7 to 8.3.10; vol. 2 per instruction): the special operands of the
// manual's tables here, the others by Transcendental, rounded once as RC says. Trigonometric arguments from 2^63 on set C2 and change nothing.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteX87Transcendental()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.F2xm1:
                return ExponentialX87();
            case Mnemonic.Fsin or Mnemonic.Fcos:
                return SineX87();
            case Mnemonic.Fsincos or Mnemonic.Fptan:
                return SineAndCosineX87();
            case Mnemonic.Fyl2x or Mnemonic.Fyl2xp1 or Mnemonic.Fpatan:
                return CombineTranscendental();
            default:
                return Outcome.Elsewhere;
        }
    }

    private static Unpacked RoundWide(in WideFloat value, bool isExact, ref FloatContext context) => value.IsZero
        ? Unpacked.Zero(value.Negative)
        : FloatArithmetic.Round(value.Negative, value.Exponent, value.Significand, !isExact, ref context);

    private Outcome ExponentialX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0))
        {
            return UnderflowX87();
        }

        var context = X87Context(false);
        var value = ReadStack(0);
        if (FloatArithmetic.PrepareOne(ref value, ref context))
        {
            if (value.Kind == FloatKind.Infinity)
            {
                value = value.Negative ? FloatInteger.FromInteger(-1) : value;
            }
            else if (value.Kind == FloatKind.Finite && value.Exponent < 0)
            {
                value = RoundWide(Transcendental.ExponentialMinusOne(value), false, ref context);
            }
            else if (value.Exponent == 0 && value.Significand == Unpacked.IntegerBit && value.Kind == FloatKind.Finite)
            {
                // 2^1 - 1 is 1 and 2^-1 - 1 is -1/2.
                value.Exponent = value.Negative ? -1 : 0;
            }
            else if (value.Kind == FloatKind.Finite)
            {
                // Beyond 1 the result is undefined: as on AMD processors the operand stays.
                context.Raised |= FloatExceptions.Precision;
            }
        }

        if (!SignalX87Result(context))
        {
            WriteStack(0, value);
        }

        return Outcome.Done;
    }

    /// <summary>An argument that the trigonometric functions do not take: C2 set, nothing else.</summary>
    private bool IsOutOfRange(in Unpacked value)
    {
        var isFar = value.Kind == FloatKind.Finite && value.Exponent >= 63;
        var status = ReadX87Word(XsaveLayout.StatusWord);
        WriteX87Word(XsaveLayout.StatusWord, isFar ? (status | StatusWord.C2) & ~StatusWord.C1 : status & ~StatusWord.C2);
        return isFar;
    }

    private Outcome SineX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0))
        {
            IsOutOfRange(default);
            return UnderflowX87();
        }

        var context = X87Context(false);
        var value = ReadStack(0);
        if (IsOutOfRange(value))
        {
            return Outcome.Done;
        }

        var isSine = _instruction.Mnemonic == Mnemonic.Fsin;
        if (FloatArithmetic.PrepareOne(ref value, ref context))
        {
            if (value.Kind == FloatKind.Infinity)
            {
                value = FloatArithmetic.Invalid(ref context);
            }
            else if (value.Kind == FloatKind.Zero)
            {
                value = isSine ? value : FloatInteger.FromInteger(1);
            }
            else
            {
                var (sine, cosine) = Transcendental.SineCosine(value);
                value = RoundWide(isSine ? sine : cosine, false, ref context);
            }
        }

        if (!SignalX87Result(context))
        {
            WriteStack(0, value);
        }

        return Outcome.Done;
    }

    /// <summary>FSINCOS leaves the sine and pushes the cosine; FPTAN leaves the tangent and pushes 1.</summary>
    private Outcome SineAndCosineX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0) || !IsEmpty(7))
        {
            IsOutOfRange(default);
            return FaultTwoResults();
        }

        var context = X87Context(false);
        var value = ReadStack(0);
        if (IsOutOfRange(value))
        {
            return Outcome.Done;
        }

        var isTangent = _instruction.Mnemonic == Mnemonic.Fptan;
        var pushed = FloatInteger.FromInteger(1);
        if (!FloatArithmetic.PrepareOne(ref value, ref context))
        {
            pushed = value;
        }
        else if (value.Kind == FloatKind.Infinity)
        {
            pushed = value = FloatArithmetic.Invalid(ref context);
        }
        else if (value.Kind != FloatKind.Zero)
        {
            var (sine, cosine) = Transcendental.SineCosine(value);
            if (!isTangent)
            {
                pushed = RoundWide(cosine, false, ref context);
            }

            value = RoundWide(isTangent ? sine / cosine : sine, false, ref context);
        }

        if (!SignalX87Result(context))
        {
            WriteStack(0, value);
            RotateStack(true);
            WriteStack(0, pushed);
        }

        return Outcome.Done;
    }

    /// <summary>The functions of ST(1) and ST(0) that replace both.</summary>
    private Outcome CombineTranscendental()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        var context = X87Context(false);
        Unpacked result;
        if (IsEmpty(0) || IsEmpty(1))
        {
            if (SignalStackFault(false))
            {
                return Outcome.Done;
            }

            result = Unpacked.Indefinite;
        }
        else
        {
            var (y, x) = (ReadStack(1), ReadStack(0));
            if (FloatArithmetic.PrepareTwo(ref y, ref x, ref context, out result))
            {
                result = _instruction.Mnemonic switch
                {
                    Mnemonic.Fpatan => ArcTangentX87(y, x, ref context),
                    Mnemonic.Fyl2x => LogarithmX87(y, x, ref context),
                    _ => LogarithmPlusOneX87(y, x, ref context),
                };
            }

            if (SignalX87Result(context))
            {
                return Outcome.Done;
            }
        }

        WriteStack(1, result);
        PopStack();
        return Outcome.Done;
    }

    private static Unpacked ArcTangentX87(in Unpacked y, in Unpacked x, ref FloatContext context)
    {
        if (y.Kind == FloatKind.Finite && x.Kind == FloatKind.Finite)
        {
            return RoundWide(Transcendental.ArcTangent(y, x), false, ref context);
        }

        // A multiple of pi/4: by the rank of zero, finite and infinite, an operand of higher rank outweighs the other.
        var (rankY, rankX) = (Rank(y), Rank(x));
        var eighths = rankY > rankX ? 2 : rankY < rankX || rankX == 0 ? (x.Negative ? 4 : 0) : x.Negative ? 3 : 1;
        if (eighths == 0)
        {
            return Unpacked.Zero(y.Negative);
        }

        var pi = Transcendental.Pi;
        var angle = eighths switch
        {
            4 => pi,
            3 => (pi with { Exponent = 0 }) + (pi with { Exponent = -1 }),
            _ => pi with { Exponent = eighths - 2 },
        };
        return RoundWide(angle with { Negative = y.Negative }, false, ref context);

        static int Rank(in Unpacked value) => value.Kind switch { FloatKind.Zero => 0, FloatKind.Finite => 1, _ => 2 };
    }

    private static Unpacked LogarithmX87(in Unpacked y, in Unpacked x, ref FloatContext context)
    {
        // Division by zero and invalid operations go before a denormal operand.
        if (x.Kind == FloatKind.Zero)
        {
            context.Raised = FloatExceptions.None;
            if (y.Kind == FloatKind.Zero)
            {
                return FloatArithmetic.Invalid(ref context);
            }

            context.Raised = y.Kind == FloatKind.Finite ? FloatExceptions.DivideByZero : FloatExceptions.None;
            return Unpacked.Infinity(!y.Negative);
        }

        if (x.Negative)
        {
            context.Raised = FloatExceptions.None;
            return FloatArithmetic.Invalid(ref context);
        }

        if (x.Kind == FloatKind.Infinity)
        {
            return y.Kind == FloatKind.Zero ? FloatArithmetic.Invalid(ref context) : Unpacked.Infinity(y.Negative);
        }

        var isOne = x.Exponent == 0 && x.Significand == Unpacked.IntegerBit;
        if (y.Kind == FloatKind.Infinity)
        {
            return isOne ? FloatArithmetic.Invalid(ref context) : Unpacked.Infinity(y.Negative != (x.Exponent < 0));
        }

        if (isOne || y.Kind == FloatKind.Zero)
        {
            return Unpacked.Zero(y.Negative != (x.Exponent < 0));
        }

        var logarithm = Transcendental.Logarithm(WideFloat.From(x), out var isExact);
        return RoundWide(logarithm * WideFloat.From(y), isExact, ref context);
    }

    private static Unpacked LogarithmPlusOneX87(in Unpacked y, in Unpacked x, ref FloatContext context)
    {
        var negative = y.Negative != x.Negative;
        if (x.Kind == FloatKind.Infinity || y.Kind == FloatKind.Infinity)
        {
            var isInvalid = x.Kind == FloatKind.Zero || y.Kind == FloatKind.Zero || (x.Kind == FloatKind.Infinity && x.Negative);
            if (isInvalid)
            {
                context.Raised = FloatExceptions.None;
                return FloatArithmetic.Invalid(ref context);
            }

            return Unpacked.Infinity(negative);
        }

        if (x.Kind == FloatKind.Zero || y.Kind == FloatKind.Zero)
        {
            return Unpacked.Zero(negative);
        }

        // The manual defines the range up to 1 - sqrt(1/2) in magnitude; beyond it the plain logarithm of the sum serves.
        if (x.Exponent < -2)
        {
            return RoundWide(Transcendental.LogarithmPlusOne(WideFloat.From(x)) * WideFloat.From(y), false, ref context);
        }

        var sum = WideFloat.From(x) + WideFloat.One;
        if (sum.IsZero || sum.Negative)
        {
            context.Raised |= FloatExceptions.Precision;
            return x;
        }

        var logarithm = Transcendental.Logarithm(sum, out var isExact);
        return RoundWide(logarithm * WideFloat.From(y), isExact, ref context);
    }
}
