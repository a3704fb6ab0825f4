// Exchanges and bit operations on memory. All processors of a machine run on one thread, one after the other, so LOCK needs no more than that an
// operation is whole.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    /// <summary>CMPXCHG: the accumulator is compared; the destination takes the register, or the accumulator the destination.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd CompareExchange<TWidth, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : CompareExchange<TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var accumulator = ref processor.RegisterByte(Rax);
        var expected = TWidth.Read(ref accumulator);
        var found = TWidth.Load(host);
        CompareOperation.Apply<TWidth>(processor, expected, found);
        if (expected == found)
        {
            TWidth.Store(host, TWidth.Read(ref processor.RegisterByte(op.A)));
        }
        else
        {
            TWidth.Write(ref accumulator, found);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ExchangeAdd<TWidth, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : ExchangeAdd<TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var register = ref processor.RegisterByte(op.A);
        var found = TWidth.Load(host);
        TWidth.Store(host, AddOperation.Apply<TWidth>(processor, found, TWidth.Read(ref register)));
        TWidth.Write(ref register, found);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ExchangeMemory<TWidth, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : ExchangeMemory<TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var register = ref processor.RegisterByte(op.A);
        var found = TWidth.Load(host);
        TWidth.Store(host, TWidth.Read(ref register));
        TWidth.Write(ref register, found);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>BT, BTS, BTR, BTC of a register; the bit's number is the immediate.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd BitOfRegister<TBit, TWidth>(ref Operation op, Processor processor)
        where TBit : struct, IBitOperation
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        var value = TWidth.Read(ref target);
        var number = op.Immediate & ((TWidth.Bytes * 8) - 1);
        processor.SetCarry((value >> number) & 1);
        if (TBit.Writes)
        {
            TWidth.Write(ref target, TBit.Apply(value, 1UL << number));
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>As <see cref="BitOfRegister"/>, the bit's number in another register.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd BitOfRegisterByRegister<TBit, TWidth>(ref Operation op, Processor processor)
        where TBit : struct, IBitOperation
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        var value = TWidth.Read(ref target);
        var number = (int)TWidth.Read(ref processor.RegisterByte(op.B)) & ((TWidth.Bytes * 8) - 1);
        processor.SetCarry((value >> number) & 1);
        if (TBit.Writes)
        {
            TWidth.Write(ref target, TBit.Apply(value, 1UL << number));
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>A bit of a memory operand; its number is the immediate, and stays within the operand.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd BitOfMemory<TBit, TWidth, TPath>(ref Operation op, Processor processor)
        where TBit : struct, IBitOperation
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!(TBit.Writes ? MayWrite<TPath, TWidth>(processor, linear) : MayRead<TPath, TWidth>(processor, linear)))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : BitOfMemory<TBit, TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var value = TWidth.Load(host);
        var number = op.Immediate & ((TWidth.Bytes * 8) - 1);
        processor.SetCarry((value >> number) & 1);
        if (TBit.Writes)
        {
            TWidth.Store(host, TBit.Apply(value, 1UL << number));
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>A bit of the string that begins at a memory operand: its number, in a register, is signed and reaches beyond the operand.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd BitOfString<TBit, TWidth, TPath>(ref Operation op, Processor processor)
        where TBit : struct, IBitOperation
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var number = (long)TWidth.SignExtend(TWidth.Read(ref processor.RegisterByte(op.A)));
        var linear = AnyAddress.Linear(ref op, processor) + (ulong)((number >> (TWidth.Log + 3)) * TWidth.Bytes);
        if (!(TBit.Writes ? MayWrite<TPath, TWidth>(processor, linear) : MayRead<TPath, TWidth>(processor, linear)))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : BitOfString<TBit, TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var value = TWidth.Load(host);
        var place = (int)number & ((TWidth.Bytes * 8) - 1);
        processor.SetCarry((value >> place) & 1);
        if (TBit.Writes)
        {
            TWidth.Store(host, TBit.Apply(value, 1UL << place));
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}

/// <summary>What becomes of the bit that was tested.</summary>
internal interface IBitOperation
{
    static abstract bool Writes { get; }

    static abstract ulong Apply(ulong value, ulong bit);
}

internal readonly struct KeepBit : IBitOperation
{
    public static bool Writes => false;

    public static ulong Apply(ulong value, ulong bit) => value;
}

internal readonly struct SetBit : IBitOperation
{
    public static bool Writes => true;

    public static ulong Apply(ulong value, ulong bit) => value | bit;
}

internal readonly struct ResetBit : IBitOperation
{
    public static bool Writes => true;

    public static ulong Apply(ulong value, ulong bit) => value & ~bit;
}

internal readonly struct ComplementBit : IBitOperation
{
    public static bool Writes => true;

    public static ulong Apply(ulong value, ulong bit) => value ^ bit;
}
