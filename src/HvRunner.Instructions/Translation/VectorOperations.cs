// Integer operations on 128-bit vectors as types (SDM vol. 2).
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace HvRunner.Instructions;

/// <summary>A vector operation of two operands.</summary>
internal interface IVectorBinary
{
    static abstract Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b);
}

/// <summary>A vector operation of one operand and a constant.</summary>
internal interface IVectorImmediate
{
    static abstract Vector128<byte> Apply(Vector128<byte> a, int constant);
}

internal readonly struct VectorMove : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => b;
}

internal readonly struct VectorXor : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => a ^ b;
}

internal readonly struct VectorOr : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => a | b;
}

internal readonly struct VectorAnd : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => a & b;
}

internal readonly struct VectorAndNot : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => ~a & b;
}

internal readonly struct VectorAdd<T> : IVectorBinary
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => (a.As<byte, T>() + b.As<byte, T>()).AsByte();
}

internal readonly struct VectorSubtract<T> : IVectorBinary
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => (a.As<byte, T>() - b.As<byte, T>()).AsByte();
}

internal readonly struct VectorEqual<T> : IVectorBinary
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.Equals(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

/// <summary>PCMPGT compares signed elements.</summary>
internal readonly struct VectorGreater<T> : IVectorBinary
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.GreaterThan(a.As<byte, T>(), b.As<byte, T>()).AsByte();
}

internal readonly struct VectorMinimum : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.Min(a, b);
}

internal readonly struct VectorMaximum : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.Max(a, b);
}

/// <summary>PUNPCKLDQ: low elements of both in turn.</summary>
internal readonly struct VectorInterleaveLow32 : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b)
    {
        var (left, right) = (a.AsUInt64().ToScalar(), b.AsUInt64().ToScalar());
        return Vector128.Create((uint)left, (uint)right, (uint)(left >> 32), (uint)(right >> 32)).AsByte();
    }
}

/// <summary>PUNPCKLQDQ.</summary>
internal readonly struct VectorInterleaveLow64 : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) =>
        Vector128.Create(a.AsUInt64().ToScalar(), b.AsUInt64().ToScalar()).AsByte();
}

/// <summary>PUNPCKHQDQ.</summary>
internal readonly struct VectorInterleaveHigh64 : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.Create(Upper(a), Upper(b)).AsByte();

    // Not by an element's number, for which the compiler goes through a local in memory.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Upper(Vector128<byte> value) => Vector128.Shuffle(value.AsUInt64(), Vector128.Create(1UL, 1UL)).ToScalar();
}

/// <summary>PSHUFB: each byte picks one, or 0 when its top bit is set.</summary>
internal readonly struct VectorShuffleBytes : IVectorBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b) => Vector128.Shuffle(a, b & Vector128.Create((byte)0x8f));
}

/// <summary>PSHUFD.</summary>
internal readonly struct VectorShuffle32 : IVectorImmediate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, int constant) => Vector128.Shuffle(
        a.AsUInt32(),
        Vector128.Create((uint)constant & 3, (uint)(constant >> 2) & 3, (uint)(constant >> 4) & 3, (uint)(constant >> 6) & 3)).AsByte();
}

internal readonly struct VectorShiftLeft32 : IVectorImmediate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, int constant) =>
        (uint)constant > 31 ? Vector128<byte>.Zero : (a.AsUInt32() << constant).AsByte();
}

internal readonly struct VectorShiftRight32 : IVectorImmediate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, int constant) =>
        (uint)constant > 31 ? Vector128<byte>.Zero : (a.AsUInt32() >>> constant).AsByte();
}

internal readonly struct VectorShiftLeft64 : IVectorImmediate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, int constant) =>
        (uint)constant > 63 ? Vector128<byte>.Zero : (a.AsUInt64() << constant).AsByte();
}

internal readonly struct VectorShiftRight64 : IVectorImmediate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Apply(Vector128<byte> a, int constant) =>
        (uint)constant > 63 ? Vector128<byte>.Zero : (a.AsUInt64() >>> constant).AsByte();
}
