using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>What a scalar or packed floating-point instruction of SSE or AVX does with its elements.</summary>
internal enum FloatOperation : byte
{
    None,
    Add,
    Subtract,
    Multiply,
    Divide,
    Minimum,
    Maximum,
    SquareRoot,
    Compare,
    Round,
    CompareOrdered,
    CompareUnordered,
}

/// <summary>Packed or scalar, single or double.</summary>
internal enum FloatShape : byte
{
    PackedSingle,
    PackedDouble,
    ScalarSingle,
    ScalarDouble,
}

/// <summary>Which operation and shape a mnemonic names, and the operation on one element (SDM vol. 2 per instruction).</summary>
internal static class VectorFloat
{
    public static bool IsDouble(FloatShape shape) => shape is FloatShape.PackedDouble or FloatShape.ScalarDouble;

    public static bool IsScalar(FloatShape shape) => shape >= FloatShape.ScalarSingle;

    public static (FloatOperation Operation, FloatShape Shape) Classify(Mnemonic mnemonic) => mnemonic switch
    {
        Mnemonic.Addps or Mnemonic.Vaddps => (FloatOperation.Add, FloatShape.PackedSingle),
        Mnemonic.Addpd or Mnemonic.Vaddpd => (FloatOperation.Add, FloatShape.PackedDouble),
        Mnemonic.Addss or Mnemonic.Vaddss => (FloatOperation.Add, FloatShape.ScalarSingle),
        Mnemonic.Addsd or Mnemonic.Vaddsd => (FloatOperation.Add, FloatShape.ScalarDouble),
        Mnemonic.Subps or Mnemonic.Vsubps => (FloatOperation.Subtract, FloatShape.PackedSingle),
        Mnemonic.Subpd or Mnemonic.Vsubpd => (FloatOperation.Subtract, FloatShape.PackedDouble),
        Mnemonic.Subss or Mnemonic.Vsubss => (FloatOperation.Subtract, FloatShape.ScalarSingle),
        Mnemonic.Subsd or Mnemonic.Vsubsd => (FloatOperation.Subtract, FloatShape.ScalarDouble),
        Mnemonic.Mulps or Mnemonic.Vmulps => (FloatOperation.Multiply, FloatShape.PackedSingle),
        Mnemonic.Mulpd or Mnemonic.Vmulpd => (FloatOperation.Multiply, FloatShape.PackedDouble),
        Mnemonic.Mulss or Mnemonic.Vmulss => (FloatOperation.Multiply, FloatShape.ScalarSingle),
        Mnemonic.Mulsd or Mnemonic.Vmulsd => (FloatOperation.Multiply, FloatShape.ScalarDouble),
        Mnemonic.Divps or Mnemonic.Vdivps => (FloatOperation.Divide, FloatShape.PackedSingle),
        Mnemonic.Divpd or Mnemonic.Vdivpd => (FloatOperation.Divide, FloatShape.PackedDouble),
        Mnemonic.Divss or Mnemonic.Vdivss => (FloatOperation.Divide, FloatShape.ScalarSingle),
        Mnemonic.Divsd or Mnemonic.Vdivsd => (FloatOperation.Divide, FloatShape.ScalarDouble),
        Mnemonic.Minps or Mnemonic.Vminps => (FloatOperation.Minimum, FloatShape.PackedSingle),
        Mnemonic.Minpd or Mnemonic.Vminpd => (FloatOperation.Minimum, FloatShape.PackedDouble),
        Mnemonic.Minss or Mnemonic.Vminss => (FloatOperation.Minimum, FloatShape.ScalarSingle),
        Mnemonic.Minsd or Mnemonic.Vminsd => (FloatOperation.Minimum, FloatShape.ScalarDouble),
        Mnemonic.Maxps or Mnemonic.Vmaxps => (FloatOperation.Maximum, FloatShape.PackedSingle),
        Mnemonic.Maxpd or Mnemonic.Vmaxpd => (FloatOperation.Maximum, FloatShape.PackedDouble),
        Mnemonic.Maxss or Mnemonic.Vmaxss => (FloatOperation.Maximum, FloatShape.ScalarSingle),
        Mnemonic.Maxsd or Mnemonic.Vmaxsd => (FloatOperation.Maximum, FloatShape.ScalarDouble),
        Mnemonic.Sqrtps or Mnemonic.Vsqrtps => (FloatOperation.SquareRoot, FloatShape.PackedSingle),
        Mnemonic.Sqrtpd or Mnemonic.Vsqrtpd => (FloatOperation.SquareRoot, FloatShape.PackedDouble),
        Mnemonic.Sqrtss or Mnemonic.Vsqrtss => (FloatOperation.SquareRoot, FloatShape.ScalarSingle),
        Mnemonic.Sqrtsd or Mnemonic.Vsqrtsd => (FloatOperation.SquareRoot, FloatShape.ScalarDouble),
        Mnemonic.Cmpps or Mnemonic.Vcmpps => (FloatOperation.Compare, FloatShape.PackedSingle),
        Mnemonic.Cmppd or Mnemonic.Vcmppd => (FloatOperation.Compare, FloatShape.PackedDouble),
        Mnemonic.Cmpss or Mnemonic.Vcmpss => (FloatOperation.Compare, FloatShape.ScalarSingle),
        Mnemonic.Cmpsd or Mnemonic.Vcmpsd => (FloatOperation.Compare, FloatShape.ScalarDouble),
        Mnemonic.Roundps or Mnemonic.Vroundps => (FloatOperation.Round, FloatShape.PackedSingle),
        Mnemonic.Roundpd or Mnemonic.Vroundpd => (FloatOperation.Round, FloatShape.PackedDouble),
        Mnemonic.Roundss or Mnemonic.Vroundss => (FloatOperation.Round, FloatShape.ScalarSingle),
        Mnemonic.Roundsd or Mnemonic.Vroundsd => (FloatOperation.Round, FloatShape.ScalarDouble),
        Mnemonic.Comiss or Mnemonic.Vcomiss => (FloatOperation.CompareOrdered, FloatShape.ScalarSingle),
        Mnemonic.Comisd or Mnemonic.Vcomisd => (FloatOperation.CompareOrdered, FloatShape.ScalarDouble),
        Mnemonic.Ucomiss or Mnemonic.Vucomiss => (FloatOperation.CompareUnordered, FloatShape.ScalarSingle),
        Mnemonic.Ucomisd or Mnemonic.Vucomisd => (FloatOperation.CompareUnordered, FloatShape.ScalarDouble),
        _ => default,
    };

    /// <summary>One element; a comparison gives all ones or zero.</summary>
    public static ulong Apply(FloatOperation operation, in FloatFormat format, ulong leftBits, ulong rightBits, int control, ref FloatContext context)
    {
        if (context.PermitsHost && operation is (>= FloatOperation.Add and <= FloatOperation.Divide) or FloatOperation.SquareRoot &&
            HostFloat.TryApply(operation, format.Precision == 53, leftBits, rightBits, out var quick))
        {
            return quick;
        }

        var left = format.Unpack(leftBits);
        var right = format.Unpack(rightBits);
        switch (operation)
        {
            case FloatOperation.Add:
                return format.Pack(FloatArithmetic.Add(left, right, ref context));
            case FloatOperation.Subtract:
                return format.Pack(FloatArithmetic.Add(left, right.IsNan ? right : right.Negated, ref context));
            case FloatOperation.Multiply:
                return format.Pack(FloatArithmetic.Multiply(left, right, ref context));
            case FloatOperation.Divide:
                return format.Pack(FloatArithmetic.Divide(left, right, ref context));
            case FloatOperation.SquareRoot:
                return format.Pack(FloatArithmetic.SquareRoot(right, ref context));
            case FloatOperation.Minimum or FloatOperation.Maximum:
                // Unordered operands, two zeros and equal ones all give the second operand, bit for bit.
                var order = FloatInteger.Compare(left, right, true, ref context);
                var takesLeft = order == (operation == FloatOperation.Minimum ? -1 : 1);
                var bits = takesLeft ? leftBits : rightBits;
                var chosen = takesLeft ? left : right;
                return context.DenormalsAreZero && chosen.IsDenormal ? format.Pack(Unpacked.Zero(chosen.Negative)) : bits;
            case FloatOperation.Round:
                return RoundElement(format, right, control, ref context);
            default:
                return CompareElement(left, right, control, ref context) ? ulong.MaxValue : 0;
        }
    }

    private static ulong RoundElement(in FloatFormat format, Unpacked value, int control, ref FloatContext context)
    {
        // Bit 2 takes the mode from MXCSR, bit 3 keeps the precision flag from being set. No denormal is reported.
        if (value.IsDenormal && context.DenormalsAreZero)
        {
            value = Unpacked.Zero(value.Negative);
        }

        value.IsDenormal = false;
        var before = context.Raised;
        var rounding = (control & 4) != 0 ? context.Rounding : (Rounding)(control & 3);
        var result = FloatInteger.ToIntegral(value, rounding, ref context);
        if ((control & 8) != 0)
        {
            context.Raised = (context.Raised & ~FloatExceptions.Precision) | (before & FloatExceptions.Precision);
        }

        return format.Pack(result);
    }

    /// <summary>The 32 predicates of VCMPPS: 8 relations, 4 variants of signaling and of the answer for unordered operands.</summary>
    private static bool CompareElement(in Unpacked left, in Unpacked right, int predicate, ref FloatContext context)
    {
        predicate &= 31;

        // LT, LE, NLT, NLE signal in their first variant, the others in their second; bit 4 swaps the two.
        var relation = predicate & 7;
        var signalsByDefault = relation is 1 or 2 or 5 or 6;
        var signals = signalsByDefault != ((predicate & 16) != 0);
        var order = FloatInteger.Compare(left, right, signals, ref context);
        var isUnordered = order == 2;
        if ((predicate & 8) == 0)
        {
            return relation switch
            {
                0 => order == 0,
                1 => order == -1,
                2 => order is -1 or 0,
                3 => isUnordered,
                4 => order != 0,
                5 => order != -1,
                6 => order is not (-1 or 0),
                _ => !isUnordered,
            };
        }

        return relation switch
        {
            0 => order is 0 or 2,
            1 => order is -1 or 2,
            2 => order is not 1,
            3 => false,
            4 => order is -1 or 1,
            5 => order is 0 or 1,
            6 => order == 1,
            _ => true,
        };
    }
}
