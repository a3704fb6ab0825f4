// FPREM, FPREM1, FSCALE and FXTRACT (SDM vol. 1, 8.3.5; vol. 2 per instruction): exact, or rounded once. A remainder takes the exponents at most
// 63 apart in one step; farther apart it is partial, and C2 asks for another round. The manual leaves open how far a partial step goes: as on
// AMD processors it removes a multiple of 32 bits and leaves the exponents 32 to 63 closer.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteX87Remainders() => _instruction.Mnemonic switch
    {
        Mnemonic.Fprem => RemainderX87(false),
        Mnemonic.Fprem1 => RemainderX87(true),
        Mnemonic.Fscale => ScaleX87(),
        Mnemonic.Fxtract => ExtractX87(),
        _ => Outcome.Elsewhere,
    };

    private Outcome RemainderX87(bool nearest)
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0) || IsEmpty(1))
        {
            WriteX87Word(XsaveLayout.StatusWord, ReadX87Word(XsaveLayout.StatusWord) & ~StatusWord.C2);
            return UnderflowX87();
        }

        var context = X87Context(false);
        var (dividend, divisor) = (ReadStack(0), ReadStack(1));
        ulong quotient = 0;
        var isPartial = false;

        // Without a quotient C0 and C3 stay.
        var kept = ReadX87Word(XsaveLayout.StatusWord) & (StatusWord.C0 | StatusWord.C3);
        if (FloatArithmetic.PrepareTwo(ref dividend, ref divisor, ref context, out var result))
        {
            if (dividend.Kind == FloatKind.Infinity || divisor.Kind == FloatKind.Zero)
            {
                // Goes before a denormal operand.
                context.Raised = FloatExceptions.None;
                result = FloatArithmetic.Invalid(ref context);
            }
            else if (dividend.Kind == FloatKind.Zero || divisor.Kind == FloatKind.Infinity)
            {
                kept = 0;
                result = dividend.Kind == FloatKind.Zero ? dividend : RoundX87(dividend, ref context);
            }
            else
            {
                kept = 0;
                result = Remainder(dividend, divisor, nearest, ref context, out quotient, out isPartial);
            }
        }

        var stops = SignalX87(context.Raised);
        if (stops)
        {
            WriteX87Word(XsaveLayout.StatusWord, ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.C1 | StatusWord.C2));
            return Outcome.Done;
        }

        var status = ReadX87Word(XsaveLayout.StatusWord) & ~(StatusWord.C0 | StatusWord.C1 | StatusWord.C2 | StatusWord.C3);
        status |= kept | (isPartial ? StatusWord.C2 : 0);
        status |= (quotient & 4) != 0 ? StatusWord.C0 : 0;
        status |= (quotient & 2) != 0 ? StatusWord.C3 : 0;
        status |= (quotient & 1) != 0 ? StatusWord.C1 : 0;
        WriteX87Word(XsaveLayout.StatusWord, status);
        WriteStack(0, result);
        return Outcome.Done;
    }

    private static Unpacked RoundX87(in Unpacked value, ref FloatContext context) =>
        FloatArithmetic.Round(value.Negative, value.Exponent, (UInt128)value.Significand << 64, false, ref context);

    private static Unpacked Remainder(
        in Unpacked dividend, in Unpacked divisor, bool nearest, ref FloatContext context, out ulong quotient, out bool isPartial)
    {
        quotient = 0;
        var distance = dividend.Exponent - divisor.Exponent;
        isPartial = distance > 63;
        if (distance < -1 || (distance < 0 && !nearest))
        {
            return RoundX87(dividend, ref context);
        }

        var negative = dividend.Negative;
        var shift = isPartial ? 32 + (distance & 31) : Math.Max(distance, 0);
        var (whole, rest) = UInt128.DivRem((UInt128)dividend.Significand << shift, (UInt128)divisor.Significand << (distance < 0 ? 1 : 0));
        var exponent = isPartial ? dividend.Exponent - shift : Math.Min(dividend.Exponent, divisor.Exponent);
        if (!isPartial)
        {
            quotient = (ulong)whole;
            var scaled = (UInt128)divisor.Significand << (distance < 0 ? 1 : 0);
            var twice = rest << 1;
            if (nearest && (twice > scaled || (twice == scaled && (quotient & 1) != 0)))
            {
                rest = scaled - rest;
                negative = !negative;
                quotient++;
            }
        }

        if (rest == UInt128.Zero)
        {
            return Unpacked.Zero(dividend.Negative);
        }

        var zeros = (int)UInt128.LeadingZeroCount(rest);
        return FloatArithmetic.Round(negative, exponent + 64 - zeros, rest << zeros, false, ref context);
    }

    /// <summary>An empty operand: the indefinite in ST(0) unless the exception is unmasked.</summary>
    private Outcome UnderflowX87()
    {
        if (!SignalStackFault(false))
        {
            WriteStack(0, Unpacked.Indefinite);
        }

        return Outcome.Done;
    }

    private Outcome ScaleX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0) || IsEmpty(1))
        {
            return UnderflowX87();
        }

        var context = X87Context(false);
        var (value, scale) = (ReadStack(0), ReadStack(1));
        if (FloatArithmetic.PrepareTwo(ref value, ref scale, ref context, out var result))
        {
            result = Scale(value, scale, ref context);
        }

        if (!SignalX87Result(context))
        {
            WriteStack(0, result);
        }

        return Outcome.Done;
    }

    private static Unpacked Scale(in Unpacked value, in Unpacked scale, ref FloatContext context)
    {
        if (scale.Kind == FloatKind.Infinity)
        {
            var isInvalid = value.Kind == (scale.Negative ? FloatKind.Infinity : FloatKind.Zero);
            return isInvalid ? FloatArithmetic.Invalid(ref context)
                : scale.Negative ? Unpacked.Zero(value.Negative) : Unpacked.Infinity(value.Negative);
        }

        if (value.Kind != FloatKind.Finite)
        {
            return value;
        }

        // Any distance beyond 2^16 is as good as that.
        var distance = 0;
        if (scale.Kind == FloatKind.Finite && scale.Exponent >= 0)
        {
            distance = scale.Exponent > 16 ? 1 << 17 : (int)(scale.Significand >> (63 - scale.Exponent));
            distance = scale.Negative ? -distance : distance;
        }

        return RoundX87(value with { Exponent = value.Exponent + distance }, ref context);
    }

    private Outcome ExtractX87()
    {
        if (!TryBeginX87(true))
        {
            return Outcome.Fault;
        }

        NoteX87Pointers();
        if (IsEmpty(0) || !IsEmpty(7))
        {
            return FaultTwoResults();
        }

        var context = X87Context(false);
        var value = ReadStack(0);
        Unpacked exponent;
        if (!FloatArithmetic.PrepareOne(ref value, ref context))
        {
            exponent = value;
        }
        else if (value.Kind == FloatKind.Infinity)
        {
            exponent = Unpacked.Infinity(false);
        }
        else if (value.Kind == FloatKind.Zero)
        {
            context.Raised |= FloatExceptions.DivideByZero;
            exponent = Unpacked.Infinity(true);
        }
        else
        {
            exponent = FloatInteger.FromInteger(value.Exponent);
            value.Exponent = 0;
            value.IsDenormal = false;
        }

        SetC1(false);
        if (!SignalX87(context.Raised))
        {
            WriteStack(0, exponent);
            RotateStack(true);
            WriteStack(0, value);
        }

        return Outcome.Done;
    }

    /// <summary>An instruction that replaces ST(0) and pushes finds ST(0) empty or no room: two indefinites unless the exception is unmasked.</summary>
    private Outcome FaultTwoResults()
    {
        if (!SignalStackFault(!IsEmpty(0)))
        {
            WriteStack(0, Unpacked.Indefinite);
            RotateStack(true);
            WriteStack(0, Unpacked.Indefinite);
        }

        return Outcome.Done;
    }
}
