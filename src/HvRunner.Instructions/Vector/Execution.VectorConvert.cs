// Conversions between single, double and integers, scalar and packed (SDM vol. 1, 10.4.3 and 11.4.1.6; vol. 2, CVTxx2yy). Exact, rounded as MXCSR
// or truncation says. Not done: 16-bit floats.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteVectorConvert()
    {
        if (_instruction.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX))
        {
            return Outcome.Elsewhere;
        }

        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Cvtsi2ss or Mnemonic.Vcvtsi2ss:
                return ConvertFromGeneral(FloatFormat.Single, 4);
            case Mnemonic.Cvtsi2sd or Mnemonic.Vcvtsi2sd:
                return ConvertFromGeneral(FloatFormat.Double, 8);
            case Mnemonic.Cvtss2si or Mnemonic.Vcvtss2si:
                return ConvertToGeneral(FloatFormat.Single, false);
            case Mnemonic.Cvttss2si or Mnemonic.Vcvttss2si:
                return ConvertToGeneral(FloatFormat.Single, true);
            case Mnemonic.Cvtsd2si or Mnemonic.Vcvtsd2si:
                return ConvertToGeneral(FloatFormat.Double, false);
            case Mnemonic.Cvttsd2si or Mnemonic.Vcvttsd2si:
                return ConvertToGeneral(FloatFormat.Double, true);
            case Mnemonic.Cvtss2sd or Mnemonic.Vcvtss2sd:
                return ConvertScalar(FloatFormat.Single, FloatFormat.Double);
            case Mnemonic.Cvtsd2ss or Mnemonic.Vcvtsd2ss:
                return ConvertScalar(FloatFormat.Double, FloatFormat.Single);
            case Mnemonic.Cvtps2pd or Mnemonic.Vcvtps2pd:
                return ConvertPacked(PackedKind.Single, PackedKind.Double, false);
            case Mnemonic.Cvtpd2ps or Mnemonic.Vcvtpd2ps:
                return ConvertPacked(PackedKind.Double, PackedKind.Single, false);
            case Mnemonic.Cvtdq2ps or Mnemonic.Vcvtdq2ps:
                return ConvertPacked(PackedKind.Integer, PackedKind.Single, false);
            case Mnemonic.Cvtdq2pd or Mnemonic.Vcvtdq2pd:
                return ConvertPacked(PackedKind.Integer, PackedKind.Double, false);
            case Mnemonic.Cvtps2dq or Mnemonic.Vcvtps2dq:
                return ConvertPacked(PackedKind.Single, PackedKind.Integer, false);
            case Mnemonic.Cvttps2dq or Mnemonic.Vcvttps2dq:
                return ConvertPacked(PackedKind.Single, PackedKind.Integer, true);
            case Mnemonic.Cvtpd2dq or Mnemonic.Vcvtpd2dq:
                return ConvertPacked(PackedKind.Double, PackedKind.Integer, false);
            case Mnemonic.Cvttpd2dq or Mnemonic.Vcvttpd2dq:
                return ConvertPacked(PackedKind.Double, PackedKind.Integer, true);
            default:
                return Outcome.Elsewhere;
        }
    }

    private enum PackedKind
    {
        Single,
        Double,
        Integer,
    }

    private static FloatFormat FormatOf(PackedKind kind) => kind == PackedKind.Double ? FloatFormat.Double : FloatFormat.Single;

    private Outcome ConvertFromGeneral(in FloatFormat format, int size)
    {
        var last = _instruction.OpCount - 1;
        if (!TryBeginVector() || !TryRead(last, out var source))
        {
            return Outcome.Fault;
        }

        var context = SimdContext(format);
        var integer = (long)Width.SignExtend(source, OperandSize(last));

        // Up to 53 bits, or 24, the conversion is exact, and the host's is the same.
        var limit = 1L << format.Precision;
        var result = integer >= -limit && integer <= limit
            ? size == 8 ? BitConverter.DoubleToUInt64Bits(integer) : BitConverter.SingleToUInt32Bits(integer)
            : format.Pack(FloatArithmetic.Convert(FloatInteger.FromInteger(integer), ref context));
        return FinishScalar(last, result, size, context);
    }

    /// <summary>The low element of the destination changes, the rest comes from the first source.</summary>
    private Outcome FinishScalar(int last, ulong result, int size, in FloatContext context)
    {
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        var kept = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower();
        var low = Vector128.CreateScalar(result).AsByte();
        WriteVectorRegister(_instruction.Op0Register, ReplaceLow(kept, low, size).ToVector256());
        return Outcome.Done;
    }

    private Outcome ConvertToGeneral(in FloatFormat format, bool truncates)
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var context = SimdContext(format);
        var bits = format.Precision == 24 ? source.AsUInt32().ToScalar() : source.AsUInt64().ToScalar();
        var rounding = truncates ? Rounding.Zero : context.Rounding;
        var result = FloatInteger.ToInteger(format.Unpack(bits), OperandSize(0), rounding, ref context);
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteRegister(_instruction.Op0Register, (ulong)result);
        return Outcome.Done;
    }

    private Outcome ConvertScalar(in FloatFormat from, in FloatFormat to)
    {
        var last = _instruction.OpCount - 1;
        if (!TryBeginVector() || !TryReadVector(last, out var source))
        {
            return Outcome.Fault;
        }

        var context = SimdContext(to);
        var bits = from.Precision == 24 ? source.AsUInt32().ToScalar() : source.AsUInt64().ToScalar();
        var result = to.Pack(FloatArithmetic.Convert(from.Unpack(bits), ref context));
        return FinishScalar(last, result, to.Precision == 24 ? 4 : 8, context);
    }

    private Outcome ConvertPacked(PackedKind from, PackedKind to, bool truncates)
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var fromSize = from == PackedKind.Double ? 8 : 4;
        var toSize = to == PackedKind.Double ? 8 : 4;

        // The wider of the two kinds decides how many elements the operands' length holds.
        var isWideSource = IsMemory(1) ? _instruction.MemorySize.GetSize() == 32 : IsYmm(_instruction.Op1Register);
        var length = IsYmm(_instruction.Op0Register) || isWideSource ? 32 : 16;
        var count = length / Math.Max(fromSize, toSize);
        var context = SimdContext(FormatOf(to));
        Span<byte> input = stackalloc byte[32];
        Span<byte> output = stackalloc byte[32];
        source.CopyTo(input);
        for (var i = 0; i < count; i++)
        {
            var bits = ReadElement(input, i, fromSize);
            var value = from == PackedKind.Integer ? FloatInteger.FromInteger((int)bits) : FormatOf(from).Unpack(bits);
            var result = to == PackedKind.Integer
                ? (ulong)FloatInteger.ToInteger(value, 4, truncates ? Rounding.Zero : context.Rounding, ref context)
                : FormatOf(to).Pack(FloatArithmetic.Convert(value, ref context));
            WriteElement(output, i, toSize, result);
        }

        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(output));
        return Outcome.Done;
    }
}
