// One-operand instructions as types: increments, negation, shifts and rotates by a count, bit tests. The second operand of Apply is an immediate
// or CL where there is one (SDM vol. 2; shift counts are masked to 5 bits, 6 with 64-bit operands).
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal interface IUnary
{
    /// <summary>The operand's new value.</summary>
    static abstract ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth;
}

internal readonly struct IncrementOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var carry = processor.CarryFlag();
        var result = TWidth.Truncate(value + 1);
        PartsResult.Set<TWidth>(processor, result, 0, ~value & result, value ^ result ^ ~1UL);
        processor.FlagB |= carry;
        return result;
    }
}

internal readonly struct DecrementOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var carry = processor.CarryFlag();
        var result = TWidth.Truncate(value - 1);
        PartsResult.Set<TWidth>(processor, result, 0, value & ~result, value ^ result ^ ~1UL);
        processor.FlagB |= carry;
        return result;
    }
}

internal readonly struct NegateOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth => SubtractOperation.Apply<TWidth>(processor, 0, value);
}

internal readonly struct NotOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth => TWidth.Truncate(~value);
}

internal readonly struct ShiftLeftOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var bits = TWidth.Bytes * 8;
        count &= bits == 64 ? 63 : 31;
        if (count == 0)
        {
            return value;
        }

        // Counts beyond a narrow operand push everything out; 64-bit arithmetic keeps the last bit that left until bit 63.
        var wide = value << (count - 1);
        var carry = (wide >> (bits - 1)) & 1;
        var result = TWidth.Truncate(wide << 1);
        var overflow = ((result >> (bits - 1)) & 1) ^ carry;
        return PartsResult.Set<TWidth>(processor, result, carry | (overflow << 11));
    }
}

internal readonly struct ShiftRightOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var bits = TWidth.Bytes * 8;
        count &= bits == 64 ? 63 : 31;
        if (count == 0)
        {
            return value;
        }

        var carry = (value >> (count - 1)) & 1;

        // The top bit is clear now, so the one below it says whether the sign changed: after larger counts than 1, too, as the executor has it.
        var result = value >> (count - 1) >> 1;
        return PartsResult.Set<TWidth>(processor, result, carry | (result >> (bits - 2) << 11));
    }
}

internal readonly struct ShiftArithmeticOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        count &= TWidth.Bytes == 8 ? 63 : 31;
        if (count == 0)
        {
            return value;
        }

        var wide = (long)TWidth.SignExtend(value) >> (count - 1);
        return PartsResult.Set<TWidth>(processor, TWidth.Truncate((ulong)(wide >> 1)), (ulong)wide & 1);
    }
}

internal readonly struct RotateLeftOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var bits = TWidth.Bytes * 8;
        count &= bits == 64 ? 63 : 31;
        if (count == 0)
        {
            return value;
        }

        count &= bits - 1;
        var result = count == 0 ? value : TWidth.Truncate((value << count) | (value >> (bits - count)));
        var carry = result & 1;
        processor.SetCarryAndOverflow(carry, (result >> (bits - 1)) ^ carry);
        return result;
    }
}

internal readonly struct RotateRightOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth
    {
        var bits = TWidth.Bytes * 8;
        count &= bits == 64 ? 63 : 31;
        if (count == 0)
        {
            return value;
        }

        count &= bits - 1;
        var result = count == 0 ? value : TWidth.Truncate((value >> count) | (value << (bits - count)));
        var top = (result >> (bits - 1)) & 1;
        processor.SetCarryAndOverflow(top, top ^ ((result >> (bits - 2)) & 1));
        return result;
    }
}

internal readonly struct ByteSwapOperation : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong value, int count)
        where TWidth : struct, IWidth =>
        TWidth.Bytes == 8 ? BinaryPrimitives.ReverseEndianness(value) : BinaryPrimitives.ReverseEndianness((uint)value);
}
