namespace HvRunner.Instructions;

/// <summary>
/// Exact addition, multiplication, division and square root with one rounding at the end, for all formats (SDM vol. 1, 4.8 and 4.9; IEEE 754).
/// Everything is integer arithmetic on 128 bits, so that results, flags and rounding modes do not depend on the host's own.
/// Tininess is detected after rounding, as x86 does. Not done: fused multiply-add.
/// </summary>
internal static class FloatArithmetic
{
    // How far the exponent of an x87 result moves on unmasked overflow and underflow (SDM vol. 1, 8.5.4 and 8.5.5).
    private const int ScaleDistance = 24576;

    /// <summary>
    /// Rounds sig x 2^(exponent - 127), bit 127 of <paramref name="sig"/> set and <paramref name="sticky"/> for what lies below it, to the
    /// context's format.
    /// </summary>
    public static Unpacked Round(bool negative, int exponent, UInt128 sig, bool sticky, ref FloatContext context)
    {
        var drop = 128 - context.Precision;
        var isTiny = exponent < context.MinimumExponent &&
            !(exponent == context.MinimumExponent - 1 && RoundsUpToPowerOfTwo(negative, sig, sticky, drop, context.Rounding));
        var scalesUp = isTiny && context.ScalesUnmasked(FloatExceptions.Underflow);
        if (exponent < context.MinimumExponent && !scalesUp)
        {
            drop += context.MinimumExponent - exponent;
        }

        var kept = drop >= 128 ? UInt128.Zero : sig >> drop;
        var rest = drop > 128 ? UInt128.One : drop == 128 ? sig : sig << (128 - drop);
        var inexact = rest != UInt128.Zero || sticky;
        context.RoundedUp = RoundsUp(negative, kept, rest, sticky, context.Rounding);
        if (context.RoundedUp)
        {
            kept++;
        }

        var masksUnderflow = (context.Masked & FloatExceptions.Underflow) != 0;
        if (isTiny && context.FlushToZero && masksUnderflow)
        {
            // Exact or not: SDM vol. 1, 10.2.3.3.
            context.Raised |= FloatExceptions.Underflow | FloatExceptions.Precision;
            return Unpacked.Zero(negative);
        }

        if (isTiny && (inexact || !masksUnderflow))
        {
            context.Raised |= FloatExceptions.Underflow;
        }

        if (inexact)
        {
            context.Raised |= FloatExceptions.Precision;
        }

        if (kept == UInt128.Zero)
        {
            return Unpacked.Zero(negative);
        }

        var length = 128 - (int)UInt128.LeadingZeroCount(kept);
        var newExponent = exponent - 127 + drop + length - 1;
        if (scalesUp)
        {
            // SDM vol. 1, 8.5.5: the handler gets the result with its exponent moved into range.
            newExponent += ScaleDistance;
            if (newExponent < context.MinimumExponent)
            {
                context.Raised |= FloatExceptions.Precision;
                return Unpacked.Zero(negative);
            }
        }
        else if (newExponent > context.MaximumExponent)
        {
            if (!context.ScalesUnmasked(FloatExceptions.Overflow))
            {
                return Overflow(negative, ref context);
            }

            context.Raised |= FloatExceptions.Overflow;
            newExponent -= ScaleDistance;
            if (newExponent > context.MaximumExponent)
            {
                context.Raised |= FloatExceptions.Precision;
                context.RoundedUp = true;
                return Unpacked.Infinity(negative);
            }
        }

        var significand = length > 64 ? (ulong)(kept >> (length - 64)) : (ulong)kept << (64 - length);
        return new Unpacked { Kind = FloatKind.Finite, Negative = negative, Exponent = newExponent, Significand = significand };
    }

    private static bool RoundsUp(bool negative, UInt128 kept, UInt128 rest, bool sticky, Rounding rounding)
    {
        var half = UInt128.One << 127;
        return rounding switch
        {
            Rounding.Nearest => rest > half || (rest == half && (sticky || (kept & UInt128.One) != UInt128.Zero)),
            Rounding.Down => negative && (rest != UInt128.Zero || sticky),
            Rounding.Up => !negative && (rest != UInt128.Zero || sticky),
            _ => false,
        };
    }

    private static bool RoundsUpToPowerOfTwo(bool negative, UInt128 sig, bool sticky, int drop, Rounding rounding)
    {
        var kept = sig >> drop;
        return kept == (UInt128.MaxValue >> drop) && RoundsUp(negative, kept, sig << (128 - drop), sticky, rounding);
    }

    private static Unpacked Overflow(bool negative, ref FloatContext context)
    {
        context.Raised |= FloatExceptions.Overflow | FloatExceptions.Precision;
        var toInfinity = context.Rounding switch
        {
            Rounding.Nearest => true,
            Rounding.Down => negative,
            Rounding.Up => !negative,
            _ => false,
        };
        context.RoundedUp = toInfinity;
        return toInfinity ? Unpacked.Infinity(negative) : new Unpacked
        {
            Kind = FloatKind.Finite,
            Negative = negative,
            Exponent = context.MaximumExponent,
            Significand = ulong.MaxValue << (64 - context.Precision),
        };
    }

    /// <summary>Rounds a value that is already unpacked into another format.</summary>
    public static Unpacked Convert(in Unpacked value, ref FloatContext context)
    {
        var source = value;
        if (!PrepareOne(ref source, ref context))
        {
            return source;
        }

        return source.Kind == FloatKind.Finite
            ? Round(source.Negative, source.Exponent, (UInt128)source.Significand << 64, false, ref context)
            : source;
    }

    /// <summary>NaNs, denormals-are-zero and the denormal flag of a single operand. False: the value is the result already.</summary>
    public static bool PrepareOne(ref Unpacked value, ref FloatContext context)
    {
        if (value.IsNan)
        {
            context.Raised |= value.Kind == FloatKind.QuietNan ? FloatExceptions.None : FloatExceptions.Invalid;
            value = value.Kind == FloatKind.Unsupported ? Unpacked.Indefinite : value.Quieted;
            return false;
        }

        NoteDenormal(ref value, ref context);
        return true;
    }

    public static void NoteDenormal(ref Unpacked value, ref FloatContext context)
    {
        if (!value.IsDenormal)
        {
            return;
        }

        if (context.DenormalsAreZero)
        {
            value = Unpacked.Zero(value.Negative);
        }
        else
        {
            context.Raised |= FloatExceptions.Denormal;
        }
    }

    /// <summary>The same for two operands. False: <paramref name="result"/> is the NaN to return.</summary>
    public static bool PrepareTwo(ref Unpacked left, ref Unpacked right, ref FloatContext context, out Unpacked result)
    {
        result = default;
        if (left.IsNan || right.IsNan)
        {
            result = PropagateNan(left, right, ref context);
            return false;
        }

        NoteDenormal(ref left, ref context);
        NoteDenormal(ref right, ref context);
        return true;
    }

    private static Unpacked PropagateNan(in Unpacked left, in Unpacked right, ref FloatContext context)
    {
        if (left.Kind == FloatKind.Unsupported || right.Kind == FloatKind.Unsupported)
        {
            context.Raised |= FloatExceptions.Invalid;
            return Unpacked.Indefinite;
        }

        if (left.Kind == FloatKind.SignalingNan || right.Kind == FloatKind.SignalingNan)
        {
            context.Raised |= FloatExceptions.Invalid;
        }

        if (!left.IsNan || !right.IsNan || !context.IsX87)
        {
            return left.IsNan ? left.Quieted : right.Quieted;
        }

        // x87: a quiet NaN wins over a signaling one, else the larger significand, else the positive one (SDM vol. 1, table 4-7).
        if (left.Kind != right.Kind)
        {
            return left.Kind == FloatKind.QuietNan ? left : right;
        }

        if (left.Significand != right.Significand)
        {
            return left.Significand > right.Significand ? left.Quieted : right.Quieted;
        }

        return left.Negative ? right.Quieted : left.Quieted;
    }

    public static Unpacked Add(Unpacked left, Unpacked right, ref FloatContext context)
    {
        if (!PrepareTwo(ref left, ref right, ref context, out var nan))
        {
            return nan;
        }

        if (left.Kind == FloatKind.Infinity || right.Kind == FloatKind.Infinity)
        {
            return left.Kind == right.Kind && left.Negative != right.Negative
                ? Invalid(ref context)
                : left.Kind == FloatKind.Infinity ? left : right;
        }

        if (left.Kind == FloatKind.Zero && right.Kind == FloatKind.Zero)
        {
            return Unpacked.Zero(left.Negative == right.Negative ? left.Negative : context.Rounding == Rounding.Down);
        }

        if (left.Kind == FloatKind.Zero || right.Kind == FloatKind.Zero)
        {
            var only = left.Kind == FloatKind.Zero ? right : left;
            return Round(only.Negative, only.Exponent, (UInt128)only.Significand << 64, false, ref context);
        }

        if (right.Exponent > left.Exponent || (right.Exponent == left.Exponent && right.Significand > left.Significand))
        {
            (left, right) = (right, left);
        }

        // One bit above the larger operand is left for the carry.
        var large = (UInt128)left.Significand << 63;
        var small = (UInt128)right.Significand << 63;
        var distance = left.Exponent - right.Exponent;
        var shifted = distance < 128 ? small >> distance : UInt128.Zero;
        var sticky = distance >= 128 || (shifted << distance) != small;
        UInt128 sum;
        if (left.Negative == right.Negative)
        {
            sum = large + shifted;
        }
        else
        {
            // What was shifted out makes the difference a little smaller than the truncated operand says.
            sum = large - shifted - (sticky ? UInt128.One : UInt128.Zero);
        }

        if (sum == UInt128.Zero && !sticky)
        {
            return Unpacked.Zero(context.Rounding == Rounding.Down);
        }

        var zeros = (int)UInt128.LeadingZeroCount(sum);
        return Round(left.Negative, left.Exponent + 1 - zeros, sum << zeros, sticky, ref context);
    }

    public static Unpacked Multiply(Unpacked left, Unpacked right, ref FloatContext context)
    {
        if (!PrepareTwo(ref left, ref right, ref context, out var nan))
        {
            return nan;
        }

        var negative = left.Negative != right.Negative;
        if (left.Kind == FloatKind.Infinity || right.Kind == FloatKind.Infinity)
        {
            return left.Kind == FloatKind.Zero || right.Kind == FloatKind.Zero ? Invalid(ref context) : Unpacked.Infinity(negative);
        }

        if (left.Kind == FloatKind.Zero || right.Kind == FloatKind.Zero)
        {
            return Unpacked.Zero(negative);
        }

        var product = (UInt128)left.Significand * right.Significand;
        var zeros = (int)UInt128.LeadingZeroCount(product);
        return Round(negative, left.Exponent + right.Exponent + 1 - zeros, product << zeros, false, ref context);
    }

    public static Unpacked Divide(Unpacked left, Unpacked right, ref FloatContext context)
    {
        var before = context.Raised;
        if (!PrepareTwo(ref left, ref right, ref context, out var nan))
        {
            return nan;
        }

        var negative = left.Negative != right.Negative;
        if (left.Kind == right.Kind && left.Kind != FloatKind.Finite)
        {
            return Invalid(ref context);
        }

        if (left.Kind == FloatKind.Infinity)
        {
            return Unpacked.Infinity(negative);
        }

        if (right.Kind == FloatKind.Infinity || left.Kind == FloatKind.Zero)
        {
            return Unpacked.Zero(negative);
        }

        if (right.Kind == FloatKind.Zero)
        {
            // Goes before a denormal dividend (SDM vol. 1, table 4-11).
            context.Raised = before | FloatExceptions.DivideByZero;
            return Unpacked.Infinity(negative);
        }

        // Two digits of 64 bits: the quotient of the significands lies between 1/2 and 2.
        var (high, rest) = UInt128.DivRem((UInt128)left.Significand << 63, right.Significand);
        var (low, last) = UInt128.DivRem(rest << 64, right.Significand);
        var quotient = (high << 64) | low;
        var zeros = (int)UInt128.LeadingZeroCount(quotient);
        return Round(negative, left.Exponent - right.Exponent - zeros, quotient << zeros, last != UInt128.Zero, ref context);
    }

    public static Unpacked SquareRoot(Unpacked value, ref FloatContext context)
    {
        var before = context.Raised;
        if (!PrepareOne(ref value, ref context))
        {
            return value;
        }

        if (value.Kind == FloatKind.Zero)
        {
            return value;
        }

        if (value.Negative)
        {
            context.Raised = before;
            return Invalid(ref context);
        }

        if (value.Kind == FloatKind.Infinity)
        {
            return value;
        }

        var shift = (value.Exponent & 1) == 0 ? 63 : 64;
        var radicand = (UInt128)value.Significand << shift;
        var root = UInt128.Zero;
        for (var bit = UInt128.One << 63; bit != UInt128.Zero; bit >>= 1)
        {
            var candidate = root | bit;
            root = candidate * candidate <= radicand ? candidate : root;
        }

        // The square of root + 1/2 is root^2 + root + 1/4, and the radicand is whole: more than root left over means beyond the half.
        var rest = radicand - (root * root);
        var sig = (root << 64) | (rest > root ? UInt128.One << 63 : UInt128.Zero);
        return Round(false, ((value.Exponent - 63 - shift) / 2) + 63, sig, rest != UInt128.Zero, ref context);
    }

    public static Unpacked Invalid(ref FloatContext context)
    {
        context.Raised |= FloatExceptions.Invalid;
        return Unpacked.Indefinite;
    }
}
