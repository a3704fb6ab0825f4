// Operand widths as types, so that one handler serves all four and each compiles to its own machine code (SDM vol. 1, 3.4.1.1: a 32-bit
// register write clears the upper half; 8- and 16-bit writes leave the rest alone).
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

/// <summary>The size of a memory operand.</summary>
internal interface ISize
{
    static abstract int Bytes { get; }
}

/// <summary>A vector's.</summary>
internal readonly struct Xword128 : ISize
{
    public static int Bytes => 16;
}

/// <summary>A general operand's width. Values travel zero-extended in 64 bits.</summary>
internal unsafe interface IWidth : ISize
{
    /// <summary>Log2 of <see cref="ISize.Bytes"/>, which orders the flag kinds of one group.</summary>
    static abstract int Log { get; }

    static abstract ulong Read(ref byte register);

    static abstract void Write(ref byte register, ulong value);

    static abstract ulong Load(nint host);

    static abstract void Store(nint host, ulong value);

    static abstract ulong Truncate(ulong value);

    static abstract ulong SignExtend(ulong value);
}

internal readonly unsafe struct Byte8 : IWidth
{
    public static int Bytes => 1;

    public static int Log => 0;

    public static ulong Read(ref byte register) => register;

    public static void Write(ref byte register, ulong value) => register = (byte)value;

    public static ulong Load(nint host) => *(byte*)host;

    public static void Store(nint host, ulong value) => *(byte*)host = (byte)value;

    public static ulong Truncate(ulong value) => (byte)value;

    public static ulong SignExtend(ulong value) => (ulong)(sbyte)value;
}

internal readonly unsafe struct Word16 : IWidth
{
    public static int Bytes => 2;

    public static int Log => 1;

    public static ulong Read(ref byte register) => Unsafe.As<byte, ushort>(ref register);

    public static void Write(ref byte register, ulong value) => Unsafe.As<byte, ushort>(ref register) = (ushort)value;

    public static ulong Load(nint host) => *(ushort*)host;

    public static void Store(nint host, ulong value) => *(ushort*)host = (ushort)value;

    public static ulong Truncate(ulong value) => (ushort)value;

    public static ulong SignExtend(ulong value) => (ulong)(short)value;
}

internal readonly unsafe struct Dword32 : IWidth
{
    public static int Bytes => 4;

    public static int Log => 2;

    public static ulong Read(ref byte register) => Unsafe.As<byte, uint>(ref register);

    public static void Write(ref byte register, ulong value) => Unsafe.As<byte, ulong>(ref register) = (uint)value;

    public static ulong Load(nint host) => *(uint*)host;

    public static void Store(nint host, ulong value) => *(uint*)host = (uint)value;

    public static ulong Truncate(ulong value) => (uint)value;

    public static ulong SignExtend(ulong value) => (ulong)(int)value;
}

internal readonly unsafe struct Qword64 : IWidth
{
    public static int Bytes => 8;

    public static int Log => 3;

    public static ulong Read(ref byte register) => Unsafe.As<byte, ulong>(ref register);

    public static void Write(ref byte register, ulong value) => Unsafe.As<byte, ulong>(ref register) = value;

    public static ulong Load(nint host) => *(ulong*)host;

    public static void Store(nint host, ulong value) => *(ulong*)host = value;

    public static ulong Truncate(ulong value) => value;

    public static ulong SignExtend(ulong value) => value;
}
