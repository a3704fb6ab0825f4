// The two-operand arithmetic and logic instructions as types: the result, and what the status flags are to be computed from.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal interface IBinary
{
    /// <summary>The result goes to the first operand; CMP and TEST only set flags.</summary>
    static abstract bool Writes { get; }

    static abstract ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth;
}

/// <summary>One whose flags may be left out, when the next instruction sets them all without looking.</summary>
internal interface ISilentBinary : IBinary
{
    static abstract ulong Result(ulong a, ulong b);
}

internal readonly struct AddOperation : ISilentBinary
{
    public static bool Writes => true;

    public static ulong Result(ulong a, ulong b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        var result = TWidth.Truncate(a + b);
        processor.Kind = (byte)(FlagKind.Sum + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(result);
        processor.FlagB = TWidth.SignExtend(b);
        return result;
    }
}

internal readonly struct SubtractOperation : ISilentBinary
{
    public static bool Writes => true;

    public static ulong Result(ulong a, ulong b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        processor.Kind = (byte)(FlagKind.Difference + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(a);
        processor.FlagB = TWidth.SignExtend(b);
        return TWidth.Truncate(a - b);
    }
}

internal readonly struct CompareOperation : IBinary
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        processor.Kind = (byte)(FlagKind.Difference + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(a);
        processor.FlagB = TWidth.SignExtend(b);
        return 0;
    }
}

internal readonly struct AndOperation : ISilentBinary
{
    public static bool Writes => true;

    public static ulong Result(ulong a, ulong b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth => LogicResult.Set<TWidth>(processor, a & b);
}

internal readonly struct OrOperation : ISilentBinary
{
    public static bool Writes => true;

    public static ulong Result(ulong a, ulong b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth => LogicResult.Set<TWidth>(processor, a | b);
}

internal readonly struct XorOperation : ISilentBinary
{
    public static bool Writes => true;

    public static ulong Result(ulong a, ulong b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth => LogicResult.Set<TWidth>(processor, a ^ b);
}

internal readonly struct TestOperation : IBinary
{
    public static bool Writes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth => LogicResult.Set<TWidth>(processor, a & b);
}

internal readonly struct AddWithCarryOperation : IBinary
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        var result = TWidth.Truncate(a + b + processor.CarryFlag());
        var carries = (a & b) | ((a | b) & ~result);
        return PartsResult.Set<TWidth>(processor, result, carries, (a ^ result) & (b ^ result), a ^ b ^ ~result);
    }
}

internal readonly struct SubtractWithBorrowOperation : IBinary
{
    public static bool Writes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Apply<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        var result = TWidth.Truncate(a - b - processor.CarryFlag());
        var borrows = (~a & b) | (~(a ^ b) & result);
        return PartsResult.Set<TWidth>(processor, result, borrows, (a ^ b) & (a ^ result), ~(a ^ b) ^ result);
    }
}

internal static class LogicResult
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Set<TWidth>(Processor processor, ulong result)
        where TWidth : struct, IWidth
    {
        processor.Kind = (byte)(FlagKind.Logic + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(result);
        return result;
    }
}

internal static class PartsResult
{
    /// <summary>Records a result; carry and overflow are the operand's sign bits of the two vectors, the complement of adjust is bit 4 of the third.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Set<TWidth>(Processor processor, ulong result, ulong carry, ulong overflow, ulong notAdjust)
        where TWidth : struct, IWidth
    {
        var top = (TWidth.Bytes * 8) - 1;
        processor.Kind = (byte)(FlagKind.Parts + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(result);
        processor.FlagB = ((carry >> top) & 1) | (((overflow >> top) & 1) << 11) | (notAdjust & Flag.Adjust);
        return result;
    }

    /// <summary>Records a result with its carry and overflow flags, and the complement of adjust, already in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Set<TWidth>(Processor processor, ulong result, ulong parts)
        where TWidth : struct, IWidth
    {
        processor.Kind = (byte)(FlagKind.Parts + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(result);
        processor.FlagB = parts;
        return result;
    }
}
