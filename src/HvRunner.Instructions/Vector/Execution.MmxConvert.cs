// Conversions between two packed integers in an MMX register and two floating-point numbers (SDM vol. 1, 10.4.3 and 11.4.1.6; vol. 2, CVTPI2PS
// and its like). They need both SSE enabled and no pending x87 exception. An unmasked exception comes after the move to MMX state, as on AMD
// processors.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteMmxConvert()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Cvtpi2ps:
                return ConvertFromMmx(FloatFormat.Single, 4);
            case Mnemonic.Cvtpi2pd:
                return ConvertFromMmx(FloatFormat.Double, 8);
            case Mnemonic.Cvtps2pi or Mnemonic.Cvttps2pi:
                return ConvertToMmx(FloatFormat.Single, 4, _instruction.Mnemonic == Mnemonic.Cvttps2pi);
            case Mnemonic.Cvtpd2pi or Mnemonic.Cvttpd2pi:
                return ConvertToMmx(FloatFormat.Double, 8, _instruction.Mnemonic == Mnemonic.Cvttpd2pi);
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome ConvertFromMmx(in FloatFormat format, int size)
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        // Two singles leave the upper half of the destination alone.
        Span<byte> result = stackalloc byte[32];
        ReadVectorRegister(_instruction.Op0Register).CopyTo(result);
        var context = SimdContext(format);
        for (var i = 0; i < 2; i++)
        {
            var value = FloatInteger.FromInteger(source.AsInt32().GetElement(i));
            WriteElement(result, i, size, format.Pack(FloatArithmetic.Convert(value, ref context)));
        }

        LeaveMmxMarked(Outcome.Done);
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(result));
        return Outcome.Done;
    }

    private Outcome ConvertToMmx(in FloatFormat format, int size, bool truncates)
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        Span<byte> values = stackalloc byte[32];
        source.CopyTo(values);
        var context = SimdContext(format);
        ulong result = 0;
        for (var i = 0; i < 2; i++)
        {
            var value = format.Unpack(ReadElement(values, i, size));
            var integer = FloatInteger.ToInteger(value, 4, truncates ? Rounding.Zero : context.Rounding, ref context);
            result |= (ulong)(uint)integer << (32 * i);
        }

        LeaveMmxMarked(Outcome.Done);
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector128.CreateScalar(result).AsByte().ToVector256());
        return Outcome.Done;
    }
}
