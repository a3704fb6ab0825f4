namespace HvRunner.Instructions;

/// <summary>
/// The transcendental functions of the x87 unit (SDM vol. 1, 8.3.7 to 8.3.10) on finite non-zero operands, by power series with about 118 right
/// bits, far more than the 64 that the results are rounded to. The trigonometric functions reduce their argument by the 66-bit value of pi that
/// the processors use (vol. 1, 8.3.8), not by pi itself: that is part of their defined behaviour.
/// </summary>
internal static class Transcendental
{
    // pi x 2^64, truncated: half of it, the period of a quadrant, has the weight 2^-65.
    private static readonly UInt128 ShortPi = new(3, 0x243f_6a88_85a3_08d3);

    private static readonly WideFloat Ln2 = new(false, -1, new(0xb172_17f7_d1cf_79ab, 0xc9e3_b398_03f2_f6af));
    private static readonly WideFloat TwoLog2E = new(false, 1, new(0xb8aa_3b29_5c17_f0bb, 0xbe87_fed0_691d_3e89));

    /// <summary>pi to 128 bits.</summary>
    public static readonly WideFloat Pi = new(false, 1, new(0xc90f_daa2_2168_c234, 0xc4c6_628b_80dc_1cd1));

    // The arc tangents of k/16, each from the one before: atan(a) = atan(b) + atan((a - b) / (1 + ab)).
    private static readonly WideFloat[] Arcs = MakeArcs();

    /// <summary>Sine and cosine of a number below 2^63 in magnitude.</summary>
    public static (WideFloat Sine, WideFloat Cosine) SineCosine(in Unpacked value)
    {
        var quadrant = 0;
        var rest = WideFloat.From(value) with { Negative = false };
        if (value.Exponent >= -2)
        {
            var (turns, remainder) = UInt128.DivRem((UInt128)value.Significand << (value.Exponent + 2), ShortPi);
            var isAbove = remainder << 1 > ShortPi;
            quadrant = ((int)(turns & 3) + (isAbove ? 1 : 0)) & 3;
            rest = WideFloat.Normalize(isAbove, 62, isAbove ? ShortPi - remainder : remainder);
        }

        var square = (rest * rest).ToFixed();
        var sine = rest * WideFloat.FromFixed(AlternatingFactorials(square, 3));
        var cosine = WideFloat.FromFixed(AlternatingFactorials(square, 2));
        (sine, cosine) = quadrant switch
        {
            0 => (sine, cosine),
            1 => (cosine, sine.Negated),
            2 => (sine.Negated, cosine.Negated),
            _ => (cosine.Negated, sine),
        };
        return (value.Negative ? sine.Negated : sine, cosine);
    }

    /// <summary>1 - z/(n(n-1)) + z^2/((n+2)(n+1)n(n-1)) - ..., kept below 1 for a square too small for fixed point.</summary>
    private static UInt128 AlternatingFactorials(UInt128 square, int n)
    {
        var sum = WideFloat.FixedOne;
        for (var k = n + 30; k >= n; k -= 2)
        {
            sum = WideFloat.FixedOne - (WideFloat.MultiplyFixed(square, sum) / (uint)(k * (k - 1)));
        }

        return sum == WideFloat.FixedOne ? sum - UInt128.One : sum;
    }

    /// <summary>2^x - 1 for x in [-1, 1].</summary>
    public static WideFloat ExponentialMinusOne(in Unpacked value)
    {
        // t (1 + t/2 (1 + t/3 (1 + ...))), with alternating signs for a negative t.
        var argument = WideFloat.From(value) * Ln2;
        var t = argument.ToFixed();
        var half = WideFloat.FixedOne >> 1;
        var sum = half;
        for (uint k = 40; k >= 2; k--)
        {
            // Halved, so that the sum of a positive argument stays below 1.
            var term = WideFloat.MultiplyFixed(t, sum) / k;
            sum = value.Negative ? half - term : half + term;
        }

        return argument * (WideFloat.FromFixed(sum) with { Exponent = WideFloat.FromFixed(sum).Exponent + 1 });
    }

    /// <summary>log2 of a positive number; <paramref name="isExact"/> for powers of two.</summary>
    public static WideFloat Logarithm(in WideFloat value, out bool isExact)
    {
        // m x 2^e with m between 1/sqrt 2 and sqrt 2.
        var exponent = value.Exponent;
        var mantissa = value with { Exponent = 0 };
        if (value.Significand > new UInt128(0xb504_f333_f9de_6484, 0))
        {
            exponent++;
            mantissa = mantissa with { Exponent = -1 };
        }

        var difference = mantissa - WideFloat.One;
        isExact = difference.IsZero;
        var whole = exponent == 0
            ? default
            : WideFloat.Normalize(exponent < 0, 127, (UInt128)(uint)Math.Abs(exponent));
        return isExact ? whole : whole + LogarithmRatio(difference, mantissa + WideFloat.One);
    }

    /// <summary>log2(1 + x) for x between sqrt(1/2) - 1 and sqrt 2 - 1, with full precision for small x.</summary>
    public static WideFloat LogarithmPlusOne(in WideFloat value) =>
        LogarithmRatio(value, new WideFloat(false, 1, WideFloat.FixedOne) + value);

    /// <summary>2 atanh(numerator / denominator) / ln 2.</summary>
    private static WideFloat LogarithmRatio(in WideFloat numerator, in WideFloat denominator)
    {
        var ratio = numerator / denominator;
        var square = (ratio * ratio).ToFixed();
        var sum = UInt128.Zero;
        for (uint k = 51; k >= 3; k -= 2)
        {
            sum = (WideFloat.FixedOne / k) + WideFloat.MultiplyFixed(square, sum);
        }

        return ratio * (WideFloat.One + WideFloat.FromFixed(WideFloat.MultiplyFixed(square, sum))) * TwoLog2E;
    }

    /// <summary>The angle of the point (x, y), neither of them zero.</summary>
    public static WideFloat ArcTangent(in Unpacked y, in Unpacked x)
    {
        var (opposite, adjacent) = (WideFloat.From(y) with { Negative = false }, WideFloat.From(x) with { Negative = false });
        var isSteep = y.Exponent > x.Exponent || (y.Exponent == x.Exponent && y.Significand > x.Significand);
        var angle = ArcTangent(isSteep ? adjacent / opposite : opposite / adjacent);
        angle = isSteep ? (Pi with { Exponent = 0 }) - angle : angle;
        angle = x.Negative ? Pi - angle : angle;
        return angle with { Negative = y.Negative };
    }

    private static WideFloat ArcTangent(in WideFloat ratio)
    {
        // ratio lies between 0 and 1: the nearest sixteenth is taken from the table, the rest is a small argument.
        var nearest = (int)((ratio.ToFixed() >> 122) + UInt128.One) >> 1;
        if (nearest == 0)
        {
            return SmallArcTangent(ratio);
        }

        var known = WideFloat.Normalize(false, 127 - 4, (UInt128)(uint)nearest);
        return ratio == known
            ? Arcs[nearest]
            : Arcs[nearest] + SmallArcTangent((ratio - known) / (WideFloat.One + (ratio * known)));
    }

    private static WideFloat SmallArcTangent(in WideFloat ratio)
    {
        var square = (ratio * ratio).ToFixed();
        var sum = UInt128.Zero;
        for (var k = 33; k >= 1; k -= 2)
        {
            sum = (WideFloat.FixedOne / (uint)k) - WideFloat.MultiplyFixed(square, sum);
        }

        sum = sum == WideFloat.FixedOne ? sum - UInt128.One : sum;
        return ratio * WideFloat.FromFixed(sum);
    }

    private static WideFloat[] MakeArcs()
    {
        var arcs = new WideFloat[17];
        for (var k = 1; k < arcs.Length; k++)
        {
            // (k/16 - (k-1)/16) / (1 + k(k-1)/256) = 16 / (256 + k(k-1)).
            var step = WideFloat.Normalize(false, 127, 16) / WideFloat.Normalize(false, 127, (UInt128)(uint)(256 + (k * (k - 1))));
            arcs[k] = arcs[k - 1] + SmallArcTangent(step);
        }

        return arcs;
    }
}
