// Effective addresses as types (SDM vol. 1, 3.7.5): the forms that compilers emit most, and one for everything.
// In 64-bit mode only FS and GS have a base, and no segment has a limit (vol. 1, 3.3.7.1); nothing else is translated.
using System.Runtime.CompilerServices;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>How an operation's memory operand is addressed.</summary>
internal interface IAddress
{
    static abstract ulong Linear(ref Operation op, Processor processor);
}

/// <summary>[base + displacement].</summary>
internal readonly struct BaseAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Linear(ref Operation op, Processor processor) => processor.Register(op.B) + (ulong)(long)op.Displacement;
}

/// <summary>[base + index * scale + displacement].</summary>
internal readonly struct IndexedAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Linear(ref Operation op, Processor processor) =>
        processor.Register(op.B) + (processor.Register(op.C) << (op.D & AnyAddress.ScaleMask)) + (ulong)(long)op.Displacement;
}

/// <summary>[index * scale + displacement]: an element of an array at a known place.</summary>
internal readonly struct ScaledAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Linear(ref Operation op, Processor processor) =>
        (processor.Register(op.C) << (op.D & AnyAddress.ScaleMask)) + (ulong)(long)op.Displacement;
}

/// <summary>[RIP + displacement], the displacement counted from the block's start.</summary>
internal readonly struct RelativeAddress : IAddress
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Linear(ref Operation op, Processor processor) => processor.BlockRip + (ulong)(long)op.Displacement;
}

/// <summary>Every form: <see cref="Operation.D"/> says which parts there are.</summary>
internal readonly struct AnyAddress : IAddress
{
    public const byte ScaleMask = 3;
    public const byte HasBase = 4;
    public const byte HasIndex = 8;
    public const byte Fs = 0x10;
    public const byte Gs = 0x20;
    public const byte Address32 = 0x40;
    public const byte Relative = 0x80;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Linear(ref Operation op, Processor processor)
    {
        int form = op.D;
        var offset = (ulong)(long)op.Displacement;
        if ((form & HasBase) != 0)
        {
            offset += processor.Register(op.B);
        }

        if ((form & HasIndex) != 0)
        {
            offset += processor.Register(op.C) << (form & ScaleMask);
        }

        if ((form & Relative) != 0)
        {
            offset += processor.BlockRip;
        }

        if ((form & Address32) != 0)
        {
            offset = (uint)offset;
        }

        if ((form & Fs) != 0)
        {
            offset += processor.Segments[(int)SegmentName.Fs].Base;
        }

        if ((form & Gs) != 0)
        {
            offset += processor.Segments[(int)SegmentName.Gs].Base;
        }

        return offset;
    }
}

/// <summary>How a memory operand's host address is found.</summary>
internal interface IPath
{
    /// <summary>Looks further when the translation cache has no answer, and leaves only what has to be executed the slow way.</summary>
    static abstract bool IsCareful { get; }
}

/// <summary>By the translation cache alone; all else goes to the careful twin, so that this one calls nothing.</summary>
internal readonly struct Fast : IPath
{
    public static bool IsCareful => false;
}

/// <summary>With a page walk, and with writes beside translated code.</summary>
internal readonly struct Careful : IPath
{
    public static bool IsCareful => true;
}
