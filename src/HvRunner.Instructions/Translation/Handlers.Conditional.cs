// Conditional moves and sets.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    /// <summary>With a 32-bit operand the upper half is cleared whether or not the condition holds.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd MoveWhen<TCondition, TFlags, TWidth>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        ref var source = ref processor.RegisterByte(op.B);
        TWidth.Write(ref target, TWidth.Read(ref TFlags.Holds(TCondition.Number, processor) ? ref source : ref target));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd SetWhen<TCondition, TFlags>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
    {
        processor.RegisterByte(op.A) = TFlags.Holds(TCondition.Number, processor) ? (byte)1 : (byte)0;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>The memory operand is read, and may fault, whether or not the condition holds.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd LoadWhen<TCondition, TFlags, TWidth, TPath>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayRead<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : LoadWhen<TCondition, TFlags, TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, TFlags.Holds(TCondition.Number, processor) ? TWidth.Load(host) : TWidth.Read(ref target));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd StoreWhen<TCondition, TFlags, TPath>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, Byte8>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : StoreWhen<TCondition, TFlags, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(byte*)host = TFlags.Holds(TCondition.Number, processor) ? (byte)1 : (byte)0;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
