// SSE, SSE2 and AVX floating-point arithmetic, comparison and conversion (SDM vol. 1, 10.4, 11.4, 11.5; vol. 2 per instruction), exact in
// software for every rounding mode, with denormals-are-zero, flush-to-zero and all six flags. An unmasked exception raises #XM (#UD without
// CR4.OSXMMEXCPT) with its flag set and the destination untouched.
// Not done: fused multiply-add, 16-bit floats.
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private FloatContext SimdContext(in FloatFormat format)
    {
        var control = Mxcsr;
        return new FloatContext
        {
            Rounding = (Rounding)((control >> 13) & 3),
            Masked = (FloatExceptions)((control >> 7) & 0x3f),
            FlushToZero = (control & 0x8000) != 0,
            DenormalsAreZero = (control & 0x40) != 0,
            PermitsHost = HostFloat.Permits(control),
        }.WithFormat(format);
    }

    /// <summary>Adds an operation's flags to MXCSR. False when one is unmasked: a fault is recorded.</summary>
    private bool TrySignalSimd(FloatExceptions raised, FloatExceptions masked)
    {
        var unmasked = raised & ~masked;
        if ((unmasked & FloatExceptions.BeforeResult) != 0)
        {
            raised &= FloatExceptions.BeforeResult;
        }

        if (raised != FloatExceptions.None)
        {
            Mxcsr |= (uint)raised;
        }

        if (unmasked == FloatExceptions.None)
        {
            return true;
        }

        Raise((_state.Cr4 & ControlBit.Cr4Osxmmexcpt) != 0 ? ExceptionVector.SimdFloatingPoint : ExceptionVector.InvalidOpcode);
        return false;
    }

    private Outcome ExecuteVectorFloat()
    {
        if (_instruction.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX) || _instruction.Code is Code.Cmpsd_m32_m32)
        {
            return Outcome.Elsewhere;
        }

        var (operation, shape) = VectorFloat.Classify(_instruction.Mnemonic);
        if (operation == FloatOperation.None)
        {
            return Outcome.Elsewhere;
        }

        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        if (operation is FloatOperation.CompareOrdered or FloatOperation.CompareUnordered)
        {
            return CompareScalar(operation, shape);
        }

        var format = VectorFloat.IsDouble(shape) ? FloatFormat.Double : FloatFormat.Single;
        var size = VectorFloat.IsDouble(shape) ? 8 : 4;
        var hasImmediate = operation is FloatOperation.Compare or FloatOperation.Round;
        var last = _instruction.OpCount - (hasImmediate ? 2 : 1);
        if (!TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var isUnary = operation is FloatOperation.SquareRoot or FloatOperation.Round;
        var left = ReadVectorRegister(_instruction.GetOpRegister(isUnary && !IsVex ? 0 : Math.Max(last - 1, 0)));
        if (!hasImmediate && VectorFloat.IsScalar(shape))
        {
            return ApplyScalar(operation, format, size, left.GetLower(), right.AsUInt64().ToScalar());
        }

        var count = VectorFloat.IsScalar(shape) ? 1 : VectorLength / size;
        var control = hasImmediate ? _instruction.Immediate8 : 0;
        control = operation == FloatOperation.Compare && !IsVex ? control & 7 : control;
        var context = SimdContext(format);
        Span<byte> a = stackalloc byte[32];
        Span<byte> b = stackalloc byte[32];
        left.CopyTo(a);
        right.CopyTo(b);
        if (!VectorFloat.IsScalar(shape) && isUnary)
        {
            b.CopyTo(a);
        }

        for (var i = 0; i < count; i++)
        {
            var x = ReadElement(a, i, size);
            var y = ReadElement(b, i, size);
            context.RoundedUp = false;
            WriteElement(a, i, size, VectorFloat.Apply(operation, format, x, y, control, ref context));
        }

        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(a));
        return Outcome.Done;
    }

    private Outcome ApplyScalar(FloatOperation operation, in FloatFormat format, int size, Vector128<byte> left, ulong right)
    {
        var context = SimdContext(format);
        var low = left.AsUInt64().ToScalar();
        var result = size == 8
            ? VectorFloat.Apply(operation, format, low, right, 0, ref context)
            : VectorFloat.Apply(operation, format, (uint)low, (uint)right, 0, ref context);
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        WriteVectorRegister(_instruction.Op0Register, ReplaceLow(left, Vector128.CreateScalar(result).AsByte(), size).ToVector256());
        return Outcome.Done;
    }

    private static ulong ReadElement(ReadOnlySpan<byte> bytes, int index, int size) =>
        size == 4 ? MemoryMarshal.Read<uint>(bytes[(4 * index)..]) : MemoryMarshal.Read<ulong>(bytes[(8 * index)..]);

    private static void WriteElement(Span<byte> bytes, int index, int size, ulong value)
    {
        if (size == 4)
        {
            MemoryMarshal.Write(bytes[(4 * index)..], (uint)value);
        }
        else
        {
            MemoryMarshal.Write(bytes[(8 * index)..], value);
        }
    }

    private Outcome CompareScalar(FloatOperation operation, FloatShape shape)
    {
        if (!TryReadVector(1, out var right))
        {
            return Outcome.Fault;
        }

        var format = VectorFloat.IsDouble(shape) ? FloatFormat.Double : FloatFormat.Single;
        var context = SimdContext(format);
        var left = ReadVectorRegister(_instruction.Op0Register).AsUInt64().ToScalar();
        var other = right.AsUInt64().ToScalar();
        if (!VectorFloat.IsDouble(shape))
        {
            left = (uint)left;
            other = (uint)other;
        }

        var order = TryCompareByHost(VectorFloat.IsDouble(shape), left, other, out var known)
            ? known
            : FloatInteger.Compare(format.Unpack(left), format.Unpack(other), operation == FloatOperation.CompareOrdered, ref context);
        if (!TrySignalSimd(context.Raised, context.Masked))
        {
            return Outcome.Fault;
        }

        _state.Rflags = (_state.Rflags & ~Flag.Status) | ComparisonFlags(order);
        return Outcome.Done;
    }

    /// <summary>Normal numbers and zeros compare alike everywhere and raise nothing.</summary>
    private static bool TryCompareByHost(bool isDouble, ulong left, ulong right, out int order)
    {
        if (isDouble)
        {
            order = BitConverter.UInt64BitsToDouble(left).CompareTo(BitConverter.UInt64BitsToDouble(right));
            return HostFloat.IsPlain(left) && HostFloat.IsPlain(right);
        }

        order = BitConverter.UInt32BitsToSingle((uint)left).CompareTo(BitConverter.UInt32BitsToSingle((uint)right));
        return HostFloat.IsPlain((uint)left) && HostFloat.IsPlain((uint)right);
    }
}
