// Floating-point operations between neighbours: HADDPS and its like, ADDSUBPS, dot products (SDM vol. 1, 12.3.3 and 12.10.4; vol. 2 per
// instruction). Every intermediate result of a dot product is rounded and may signal.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteHorizontalFloat()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Haddps or Mnemonic.Vhaddps or Mnemonic.Hsubps or Mnemonic.Vhsubps or Mnemonic.Addsubps or Mnemonic.Vaddsubps:
                return CombineNeighbours(FloatFormat.Single, 4);
            case Mnemonic.Haddpd or Mnemonic.Vhaddpd or Mnemonic.Hsubpd or Mnemonic.Vhsubpd or Mnemonic.Addsubpd or Mnemonic.Vaddsubpd:
                return CombineNeighbours(FloatFormat.Double, 8);
            case Mnemonic.Dpps or Mnemonic.Vdpps:
                return DotProduct(FloatFormat.Single, 4);
            case Mnemonic.Dppd or Mnemonic.Vdppd:
                return DotProduct(FloatFormat.Double, 8);
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome CombineNeighbours(in FloatFormat format, int size)
    {
        var last = _instruction.OpCount - 1;
        if (!TryBeginVector() || !TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var context = SimdContext(format);
        Span<byte> a = stackalloc byte[32];
        Span<byte> b = stackalloc byte[32];
        Span<byte> result = stackalloc byte[32];
        ReadVectorRegister(_instruction.GetOpRegister(last - 1)).CopyTo(a);
        right.CopyTo(b);
        result.Clear();
        var mnemonic = _instruction.Mnemonic;
        var alternates = mnemonic is Mnemonic.Addsubps or Mnemonic.Vaddsubps or Mnemonic.Addsubpd or Mnemonic.Vaddsubpd;
        var subtracts = mnemonic is Mnemonic.Hsubps or Mnemonic.Vhsubps or Mnemonic.Hsubpd or Mnemonic.Vhsubpd;
        var lane = 16 / size;
        for (var i = 0; i < VectorLength / size; i++)
        {
            ulong x, y;
            if (alternates)
            {
                (x, y) = (ReadElement(a, i, size), ReadElement(b, i, size));
                subtracts = (i & 1) == 0;
            }
            else
            {
                // The first half of each lane's results comes from the first operand.
                var source = i % lane < lane / 2 ? a : b;
                var pair = (i / lane * lane) + (2 * (i % (lane / 2)));
                (x, y) = (ReadElement(source, pair, size), ReadElement(source, pair + 1, size));
            }

            var operation = subtracts ? FloatOperation.Subtract : FloatOperation.Add;
            WriteElement(result, i, size, VectorFloat.Apply(operation, format, x, y, 0, ref context));
        }

        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(result));
        return Outcome.Done;
    }

    private Outcome DotProduct(in FloatFormat format, int size)
    {
        var last = _instruction.OpCount - 2;
        if (!TryBeginVector() || !TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var context = SimdContext(format);
        var left = ReadVectorRegister(_instruction.GetOpRegister(last - 1));
        var low = DotProduct(format, size, left.GetLower(), right.GetLower(), ref context);
        var high = IsYmm(_instruction.Op0Register) ? DotProduct(format, size, left.GetUpper(), right.GetUpper(), ref context) : default;
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, high));
        return Outcome.Done;
    }

    /// <summary>Control bits 4 and up say which products count, bits 0 and up where the sum goes.</summary>
    private readonly Vector128<byte> DotProduct(in FloatFormat format, int size, Vector128<byte> left, Vector128<byte> right, ref FloatContext context)
    {
        var control = (int)_instruction.Immediate8;
        Span<byte> a = stackalloc byte[16];
        Span<byte> b = stackalloc byte[16];
        left.CopyTo(a);
        right.CopyTo(b);
        var count = 16 / size;
        for (var i = 0; i < count; i++)
        {
            var product = (control & (0x10 << i)) == 0
                ? 0
                : VectorFloat.Apply(FloatOperation.Multiply, format, ReadElement(a, i, size), ReadElement(b, i, size), 0, ref context);
            WriteElement(a, i, size, product);
        }

        // An unmasked exception of the products ends the operation before the sums.
        ulong sum = 0;
        if ((context.Raised & ~context.Masked) == FloatExceptions.None)
        {
            sum = AddElements(format, size, a, 0, ref context);
            if (count == 4 && (context.Raised & ~context.Masked) == FloatExceptions.None)
            {
                var other = AddElements(format, size, a, 2, ref context);
                sum = (context.Raised & ~context.Masked) == FloatExceptions.None
                    ? VectorFloat.Apply(FloatOperation.Add, format, sum, other, 0, ref context)
                    : sum;
            }
        }

        for (var i = 0; i < count; i++)
        {
            WriteElement(a, i, size, (control & (1 << i)) != 0 ? sum : 0);
        }

        return Vector128.Create<byte>(a);
    }

    private static ulong AddElements(in FloatFormat format, int size, ReadOnlySpan<byte> values, int first, ref FloatContext context) =>
        VectorFloat.Apply(FloatOperation.Add, format, ReadElement(values, first, size), ReadElement(values, first + 1, size), 0, ref context);
}
