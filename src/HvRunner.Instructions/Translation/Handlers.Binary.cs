// Two-operand arithmetic and logic in its five operand forms.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd BinaryRegisters<TBinary, TWidth>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        var result = TBinary.Apply<TWidth>(processor, TWidth.Read(ref target), TWidth.Read(ref processor.RegisterByte(op.B)));
        if (TBinary.Writes)
        {
            TWidth.Write(ref target, result);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd BinaryImmediate<TBinary, TWidth>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        var result = TBinary.Apply<TWidth>(processor, TWidth.Read(ref target), TWidth.Truncate((ulong)(long)op.Immediate));
        if (TBinary.Writes)
        {
            TWidth.Write(ref target, result);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd BinaryLoad<TBinary, TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayRead<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : BinaryLoad<TBinary, TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var target = ref processor.RegisterByte(op.A);
        var result = TBinary.Apply<TWidth>(processor, TWidth.Read(ref target), TWidth.Load(host));
        if (TBinary.Writes)
        {
            TWidth.Write(ref target, result);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd BinaryStore<TBinary, TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!(TBinary.Writes ? MayWrite<TPath, TWidth>(processor, linear) : MayRead<TPath, TWidth>(processor, linear)))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : BinaryStore<TBinary, TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var result = TBinary.Apply<TWidth>(processor, TWidth.Load(host), TWidth.Read(ref processor.RegisterByte(op.A)));
        if (TBinary.Writes)
        {
            TWidth.Store(host, result);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd BinaryStoreImmediate<TBinary, TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!(TBinary.Writes ? MayWrite<TPath, TWidth>(processor, linear) : MayRead<TPath, TWidth>(processor, linear)))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : BinaryStoreImmediate<TBinary, TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var result = TBinary.Apply<TWidth>(processor, TWidth.Load(host), TWidth.Truncate((ulong)(long)op.Immediate));
        if (TBinary.Writes)
        {
            TWidth.Store(host, result);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
