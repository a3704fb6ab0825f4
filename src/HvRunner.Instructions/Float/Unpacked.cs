namespace HvRunner.Instructions;

/// <summary>What a floating-point datum is.</summary>
internal enum FloatKind : byte
{
    Zero,
    Finite,
    Infinity,
    QuietNan,
    SignalingNan,

    /// <summary>An encoding of the 80-bit format that no processor since the 387 accepts (SDM vol. 1, table 8-3).</summary>
    Unsupported,
}

/// <summary>Rounding control, in the encoding of FCW.RC and MXCSR.RC (SDM vol. 1, table 4-8).</summary>
internal enum Rounding : byte
{
    Nearest,
    Down,
    Up,
    Zero,
}

/// <summary>Exceptions, in the bits of FSW and MXCSR (SDM vol. 1, 4.9).</summary>
[Flags]
internal enum FloatExceptions
{
    None = 0,
    Invalid = 1,
    Denormal = 2,
    DivideByZero = 4,
    Overflow = 8,
    Underflow = 16,
    Precision = 32,

    /// <summary>Found before a result exists: unmasked, they leave the destination alone.</summary>
    BeforeResult = Invalid | Denormal | DivideByZero,
}

/// <summary>
/// A floating-point number taken out of its format: (-1)^Negative x Significand x 2^(Exponent - 63), bit 63 of the significand set when
/// finite. A NaN keeps its fraction left-aligned below bit 63, so that it survives moving between formats as the processor moves it.
/// </summary>
internal struct Unpacked
{
    public FloatKind Kind;
    public bool Negative;
    public bool IsDenormal;
    public int Exponent;
    public ulong Significand;

    public const ulong IntegerBit = 1UL << 63;
    public const ulong QuietBit = 1UL << 62;

    /// <summary>The QNaN that invalid operations give: "real indefinite".</summary>
    public static Unpacked Indefinite => new() { Kind = FloatKind.QuietNan, Negative = true, Significand = IntegerBit | QuietBit };

    public static Unpacked Zero(bool negative) => new() { Kind = FloatKind.Zero, Negative = negative };

    public static Unpacked Infinity(bool negative) => new() { Kind = FloatKind.Infinity, Negative = negative };

    public readonly bool IsNan => Kind >= FloatKind.QuietNan;

    public readonly Unpacked Negated => this with { Negative = !Negative };

    public readonly Unpacked Quieted => this with { Kind = FloatKind.QuietNan, Significand = Significand | QuietBit };
}

/// <summary>How to round and what happened: one operation's share of FCW and FSW, or of MXCSR.</summary>
internal struct FloatContext
{
    public Rounding Rounding;
    public int Precision;
    public int MinimumExponent;
    public int MaximumExponent;

    /// <summary>Exceptions whose mask bit is set.</summary>
    public FloatExceptions Masked;

    /// <summary>x87 rules for NaN operands instead of those of SSE.</summary>
    public bool IsX87;
    public bool FlushToZero;
    public bool DenormalsAreZero;
    public FloatExceptions Raised;

    /// <summary>MXCSR allows <see cref="HostFloat"/>; never set for x87.</summary>
    public bool PermitsHost;

    /// <summary>The last rounding went away from zero: C1 of the x87 status word.</summary>
    public bool RoundedUp;

    /// <summary>
    /// An unmasked overflow or underflow gives a result with its exponent moved into range. Only x87 registers show it; everywhere else the
    /// result is dropped, but whether it is inexact is judged the same way.
    /// </summary>
    public readonly bool ScalesUnmasked(FloatExceptions exception) => (Masked & exception) == FloatExceptions.None;

    public FloatContext WithFormat(in FloatFormat format) => this with
    {
        Precision = format.Precision,
        MinimumExponent = format.MinimumExponent,
        MaximumExponent = format.MaximumExponent,
    };
}
