// One-operand instructions: increments, negation, shifts and rotates.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    /// <summary>The immediate is the count, where there is one.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd UnaryRegister<TUnary, TWidth>(ref Operation op, Processor processor)
        where TUnary : struct, IUnary
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, TUnary.Apply<TWidth>(processor, TWidth.Read(ref target), op.Immediate));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>CL is the count.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd UnaryRegisterByCl<TUnary, TWidth>(ref Operation op, Processor processor)
        where TUnary : struct, IUnary
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, TUnary.Apply<TWidth>(processor, TWidth.Read(ref target), processor.RegisterByte(8)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd UnaryMemory<TUnary, TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TUnary : struct, IUnary
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : UnaryMemory<TUnary, TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        TWidth.Store(host, TUnary.Apply<TWidth>(processor, TWidth.Load(host), op.Immediate));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
