namespace HvRunner.Instructions;

/// <summary>
/// The three binary formats and their bit patterns (SDM vol. 1, 4.2.2 and 8.2). Unpacking never rounds; packing takes a value that
/// <see cref="FloatArithmetic.Round"/> has made representable. The 16-bit format is not done.
/// </summary>
/// <param name="Precision">Bits of the significand with the integer bit.</param>
/// <param name="MinimumExponent">Smallest exponent of a normal number.</param>
/// <param name="MaximumExponent">Largest exponent.</param>
internal readonly record struct FloatFormat(int Precision, int MinimumExponent, int MaximumExponent)
{
    public static FloatFormat Single => new(24, -126, 127);

    public static FloatFormat Double => new(53, -1022, 1023);

    public static FloatFormat Extended => new(64, -16382, 16383);

    /// <summary>Total bits of the interchange formats: 32 or 64.</summary>
    private int Width => Precision == 24 ? 32 : 64;

    /// <summary>From a 32- or 64-bit pattern.</summary>
    public Unpacked Unpack(ulong bits)
    {
        var fractionBits = Precision - 1;
        var top = Width - 1;
        var maximum = (2 * MaximumExponent) + 1;
        var biased = (int)(bits >> fractionBits) & maximum;
        var fraction = bits & ((1UL << fractionBits) - 1);
        return FromFields((bits >> top & 1) != 0, biased, maximum, fraction << (63 - fractionBits), MinimumExponent);
    }

    /// <summary>From the 80-bit format: the significand with its explicit integer bit, and sign and exponent.</summary>
    public static Unpacked UnpackExtended(ulong significand, ushort signAndExponent)
    {
        var negative = (signAndExponent & 0x8000) != 0;
        var biased = signAndExponent & 0x7fff;
        var hasInteger = (significand & Unpacked.IntegerBit) != 0;
        if (biased != 0 && !hasInteger)
        {
            return new Unpacked { Kind = FloatKind.Unsupported, Negative = negative, Significand = significand };
        }

        if (biased == 0 && hasInteger)
        {
            // A pseudo-denormal has the value of the smallest normal exponent.
            return new Unpacked { Kind = FloatKind.Finite, Negative = negative, IsDenormal = true, Exponent = -16382, Significand = significand };
        }

        return FromFields(negative, biased, 0x7fff, significand & ~Unpacked.IntegerBit, -16382);
    }

    private static Unpacked FromFields(bool negative, int biased, int maximum, ulong fraction, int minimumExponent)
    {
        var result = new Unpacked { Negative = negative, Significand = fraction | Unpacked.IntegerBit };
        if (biased == maximum)
        {
            result.Kind = fraction == 0 ? FloatKind.Infinity : (fraction & Unpacked.QuietBit) != 0 ? FloatKind.QuietNan : FloatKind.SignalingNan;
        }
        else if (biased != 0)
        {
            result.Kind = FloatKind.Finite;
            result.Exponent = biased - (maximum >> 1);
        }
        else if (fraction != 0)
        {
            var shift = System.Numerics.BitOperations.LeadingZeroCount(fraction);
            result.Kind = FloatKind.Finite;
            result.IsDenormal = true;
            result.Significand = fraction << shift;
            result.Exponent = minimumExponent - shift;
        }
        else
        {
            result.Kind = FloatKind.Zero;
        }

        return result;
    }

    /// <summary>To a 32- or 64-bit pattern.</summary>
    public ulong Pack(in Unpacked value)
    {
        var (biased, significand) = Fields(value);
        var fractionBits = Precision - 1;
        var fraction = (significand & ~Unpacked.IntegerBit) >> (63 - fractionBits);
        return ((value.Negative ? 1UL : 0) << (Width - 1)) | ((ulong)biased << fractionBits) | fraction;
    }

    /// <summary>To the 80-bit format.</summary>
    public static (ulong Significand, ushort SignAndExponent) PackExtended(in Unpacked value)
    {
        var (biased, significand) = Extended.Fields(value);
        return (significand, (ushort)(biased | (value.Negative ? 0x8000 : 0)));
    }

    private (int Biased, ulong Significand) Fields(in Unpacked value)
    {
        switch (value.Kind)
        {
            case FloatKind.Zero:
                return (0, 0);
            case FloatKind.Infinity:
                return ((2 * MaximumExponent) + 1, Unpacked.IntegerBit);
            case FloatKind.Finite:
                var below = MinimumExponent - value.Exponent;
                return below > 0 ? (0, below < 64 ? value.Significand >> below : 0) : (value.Exponent + MaximumExponent, value.Significand);
            default:
                return ((2 * MaximumExponent) + 1, value.Significand | Unpacked.IntegerBit | Unpacked.QuietBit);
        }
    }
}
