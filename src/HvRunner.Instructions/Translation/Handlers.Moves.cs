// Moves: registers, memory, immediates, extensions, addresses, exchanges of registers.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd MoveRegisters<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        TWidth.Write(ref processor.RegisterByte(op.A), TWidth.Read(ref processor.RegisterByte(op.B)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd MoveImmediate<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        TWidth.Write(ref processor.RegisterByte(op.A), (ulong)(long)op.Immediate);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>A 64-bit immediate: its low half is the immediate, its high half the displacement.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd MoveWideImmediate(ref Operation op, Processor processor)
    {
        processor.Register(op.A) = ((ulong)(uint)op.Displacement << 32) | (uint)op.Immediate;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Load<TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayRead<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Load<TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        TWidth.Write(ref processor.RegisterByte(op.A), TWidth.Load(host));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Store<TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Store<TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        TWidth.Store(host, TWidth.Read(ref processor.RegisterByte(op.A)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd StoreImmediate<TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : StoreImmediate<TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        TWidth.Store(host, (ulong)(long)op.Immediate);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ExtendRegister<TExtension, TTo>(ref Operation op, Processor processor)
        where TExtension : struct, IExtension
        where TTo : struct, IWidth
    {
        TTo.Write(ref processor.RegisterByte(op.A), TExtension.Read(ref processor.RegisterByte(op.B)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ExtendLoad<TExtension, TTo, TAddress, TPath>(ref Operation op, Processor processor)
        where TExtension : struct, IExtension
        where TTo : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!TExtension.MayRead<TPath>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : ExtendLoad<TExtension, TTo, AnyAddress, Careful>(ref op, processor);
        }

        TTo.Write(ref processor.RegisterByte(op.A), TExtension.Load(HostOf(processor, linear)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>LEA knows no segment; the translator leaves it out of the address.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd LoadAddress<TWidth, TAddress>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
    {
        TWidth.Write(ref processor.RegisterByte(op.A), TAddress.Linear(ref op, processor));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ExchangeRegisters<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        ref var first = ref processor.RegisterByte(op.A);
        ref var second = ref processor.RegisterByte(op.B);
        var value = TWidth.Read(ref first);
        TWidth.Write(ref first, TWidth.Read(ref second));
        TWidth.Write(ref second, value);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>CDQ and CQO: the sign of the accumulator fills the data register.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd SignOfAccumulator<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        var accumulator = TWidth.SignExtend(TWidth.Read(ref processor.RegisterByte(0)));
        TWidth.Write(ref processor.RegisterByte(16), (ulong)((long)accumulator >> 63));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}

/// <summary>What MOVZX, MOVSX and MOVSXD read.</summary>
internal interface IExtension
{
    static abstract ulong Read(ref byte register);

    static abstract ulong Load(nint host);

    static abstract bool MayRead<TPath>(Processor processor, ulong linear)
        where TPath : struct, IPath;
}

internal readonly struct ZeroExtension<TFrom> : IExtension
    where TFrom : struct, IWidth
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ref byte register) => TFrom.Read(ref register);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load(nint host) => TFrom.Load(host);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayRead<TPath>(Processor processor, ulong linear)
        where TPath : struct, IPath => Handlers.MayRead<TPath, TFrom>(processor, linear);
}

internal readonly struct SignExtension<TFrom> : IExtension
    where TFrom : struct, IWidth
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ref byte register) => TFrom.SignExtend(TFrom.Read(ref register));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load(nint host) => TFrom.SignExtend(TFrom.Load(host));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayRead<TPath>(Processor processor, ulong linear)
        where TPath : struct, IPath => Handlers.MayRead<TPath, TFrom>(processor, linear);
}
