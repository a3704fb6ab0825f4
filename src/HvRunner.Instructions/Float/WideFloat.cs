namespace HvRunner.Instructions;

/// <summary>
/// A number with a significand of 128 bits, for intermediate results of transcendental functions: (-1)^Negative x Significand x 2^(Exponent -
/// 127), bit 127 of the significand set, or zero. Operations truncate, so that a chain of a few stays within 2^-120 of the exact value. It knows
/// no infinities, NaNs or exponent limits. Beside it stands fixed-point arithmetic on [0, 1] with 127 fraction bits, in which series are summed.
/// </summary>
internal readonly record struct WideFloat(bool Negative, int Exponent, UInt128 Significand)
{
    /// <summary>1.0 in fixed point.</summary>
    public static readonly UInt128 FixedOne = UInt128.One << 127;

    public bool IsZero => Significand == UInt128.Zero;

    public static WideFloat One => new(false, 0, FixedOne);

    public WideFloat Negated => this with { Negative = !Negative };

    public static WideFloat From(in Unpacked value) =>
        value.Kind == FloatKind.Zero ? default : new(value.Negative, value.Exponent, (UInt128)value.Significand << 64);

    /// <summary>value x 2^(exponent - 127) for any value.</summary>
    public static WideFloat Normalize(bool negative, int exponent, UInt128 value)
    {
        if (value == UInt128.Zero)
        {
            return default;
        }

        var zeros = (int)UInt128.LeadingZeroCount(value);
        return new WideFloat(negative, exponent - zeros, value << zeros);
    }

    public static WideFloat FromFixed(UInt128 value) => Normalize(false, 0, value);

    /// <summary>The magnitude in fixed point; it is at most 1.</summary>
    public UInt128 ToFixed() => Exponent < -127 ? UInt128.Zero : Significand >> -Exponent;

    public static WideFloat operator *(in WideFloat left, in WideFloat right)
    {
        var high = MultiplyHigh(left.Significand, right.Significand);
        return Normalize(left.Negative != right.Negative, left.Exponent + right.Exponent + 1, high);
    }

    public static WideFloat operator /(in WideFloat left, in WideFloat right)
    {
        // The dividend is made the smaller one, then one quotient bit after the other.
        var exponent = left.Exponent - right.Exponent;
        var rest = left.Significand;
        if (rest >= right.Significand)
        {
            rest -= right.Significand;
        }
        else
        {
            exponent--;
            rest = Double(rest, right.Significand, out _);
        }

        var quotient = FixedOne;
        for (var bit = 126; bit >= 0; bit--)
        {
            rest = Double(rest, right.Significand, out var fits);
            quotient |= fits ? UInt128.One << bit : UInt128.Zero;
        }

        return new WideFloat(left.Negative != right.Negative, exponent, quotient);
    }

    /// <summary>Twice a remainder, less the divisor if that fits.</summary>
    private static UInt128 Double(UInt128 rest, UInt128 divisor, out bool fits)
    {
        var carry = rest >> 127 != UInt128.Zero;
        rest <<= 1;
        fits = carry || rest >= divisor;
        return fits ? unchecked(rest - divisor) : rest;
    }

    public static WideFloat operator +(in WideFloat left, in WideFloat right)
    {
        if (left.IsZero || right.IsZero)
        {
            return left.IsZero ? right : left;
        }

        var (large, small) = left.Exponent > right.Exponent || (left.Exponent == right.Exponent && left.Significand >= right.Significand)
            ? (left, right)
            : (right, left);
        var distance = large.Exponent - small.Exponent;
        var shifted = distance < 127 ? small.Significand >> (distance + 1) : UInt128.Zero;
        var half = large.Significand >> 1;
        return Normalize(large.Negative, large.Exponent + 1, large.Negative == small.Negative ? half + shifted : half - shifted);
    }

    public static WideFloat operator -(in WideFloat left, in WideFloat right) => left + right.Negated;

    /// <summary>The product of two fixed-point numbers.</summary>
    public static UInt128 MultiplyFixed(UInt128 left, UInt128 right) => MultiplyHigh(left, right) << 1;

    private static UInt128 MultiplyHigh(UInt128 left, UInt128 right)
    {
        var (a, b) = ((ulong)(left >> 64), (ulong)left);
        var (c, d) = ((ulong)(right >> 64), (ulong)right);
        var low = (UInt128)b * d;
        var first = (UInt128)a * d;
        var second = (UInt128)b * c;
        var middle = (low >> 64) + (ulong)first + (ulong)second;
        return ((UInt128)a * c) + (first >> 64) + (second >> 64) + (middle >> 64);
    }
}
