// Instructions on registers alone, as types: they cannot fail, so two of them in a row can share one handler and save the way between. The first of
// a pair leaves its flags out when the second sets them all.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal interface IAction
{
    /// <summary>All status flags are set, and none is looked at.</summary>
    static abstract bool ReplacesFlags { get; }

    static abstract void Execute(ref Operation op, Processor processor, bool withFlags);
}

internal readonly struct MoveAction<TWidth> : IAction
    where TWidth : struct, IWidth
{
    public static bool ReplacesFlags => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags) =>
        TWidth.Write(ref processor.RegisterByte(op.A), TWidth.Read(ref processor.RegisterByte(op.B)));
}

internal readonly struct ImmediateAction<TWidth> : IAction
    where TWidth : struct, IWidth
{
    public static bool ReplacesFlags => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags) =>
        TWidth.Write(ref processor.RegisterByte(op.A), (ulong)(long)op.Immediate);
}

internal readonly struct AddressAction<TWidth, TAddress> : IAction
    where TWidth : struct, IWidth
    where TAddress : struct, IAddress
{
    public static bool ReplacesFlags => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags) =>
        TWidth.Write(ref processor.RegisterByte(op.A), TAddress.Linear(ref op, processor));
}

internal readonly struct ExtensionAction<TExtension, TTo> : IAction
    where TExtension : struct, IExtension
    where TTo : struct, IWidth
{
    public static bool ReplacesFlags => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags) =>
        TTo.Write(ref processor.RegisterByte(op.A), TExtension.Read(ref processor.RegisterByte(op.B)));
}

internal readonly struct RegistersAction<TBinary, TWidth> : IAction
    where TBinary : struct, ISilentBinary
    where TWidth : struct, IWidth
{
    public static bool ReplacesFlags => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags)
    {
        ref var target = ref processor.RegisterByte(op.A);
        var source = TWidth.Read(ref processor.RegisterByte(op.B));
        TWidth.Write(ref target, withFlags ? TBinary.Apply<TWidth>(processor, TWidth.Read(ref target), source) : TBinary.Result(TWidth.Read(ref target), source));
    }
}

internal readonly struct ConstantAction<TBinary, TWidth> : IAction
    where TBinary : struct, ISilentBinary
    where TWidth : struct, IWidth
{
    public static bool ReplacesFlags => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags)
    {
        ref var target = ref processor.RegisterByte(op.A);
        var source = TWidth.Truncate((ulong)(long)op.Immediate);
        TWidth.Write(ref target, withFlags ? TBinary.Apply<TWidth>(processor, TWidth.Read(ref target), source) : TBinary.Result(TWidth.Read(ref target), source));
    }
}

/// <summary>A shift by a constant that is not 0, after masking: that would leave the flags alone.</summary>
internal readonly struct ShiftAction<TUnary, TWidth> : IAction
    where TUnary : struct, IUnary
    where TWidth : struct, IWidth
{
    public static bool ReplacesFlags => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Execute(ref Operation op, Processor processor, bool withFlags)
    {
        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, TUnary.Apply<TWidth>(processor, TWidth.Read(ref target), op.Immediate));
    }
}
