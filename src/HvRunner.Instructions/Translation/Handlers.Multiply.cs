// Multiplication, division and bit scans of 32- and 64-bit operands. Sign, zero and parity flags that the manual leaves undefined
// follow the result here.
using System.Numerics;
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    private const int Rax = 0;
    private const int Rdx = 2 * 8;

    /// <summary>IMUL with a register: A times B into A.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd MultiplyRegisters<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, Product<TWidth>(processor, TWidth.Read(ref target), TWidth.Read(ref processor.RegisterByte(op.B))));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>IMUL of three operands: B times the immediate into A.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd MultiplyImmediate<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        var factor = TWidth.Read(ref processor.RegisterByte(op.B));
        TWidth.Write(ref processor.RegisterByte(op.A), Product<TWidth>(processor, factor, (ulong)(long)op.Immediate));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd MultiplyLoad<TWidth, TAddress, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayRead<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : MultiplyLoad<TWidth, AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var target = ref processor.RegisterByte(op.A);
        TWidth.Write(ref target, Product<TWidth>(processor, TWidth.Read(ref target), TWidth.Load(host)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>MUL of one operand: the double-width product in RDX:RAX.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd MultiplyUnsigned<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        var factor = TWidth.Read(ref processor.RegisterByte(op.A));
        ref var accumulator = ref processor.RegisterByte(Rax);
        ulong low, high;
        if (TWidth.Bytes == 8)
        {
            high = MultiplyHigh(TWidth.Read(ref accumulator), factor);
            low = TWidth.Read(ref accumulator) * factor;
        }
        else
        {
            low = TWidth.Read(ref accumulator) * factor;
            high = low >> 32;
            low = (uint)low;
        }

        TWidth.Write(ref accumulator, low);
        TWidth.Write(ref processor.RegisterByte(Rdx), high);
        PartsResult.Set<TWidth>(processor, low, high != 0 ? Flag.Carry | Flag.Overflow : 0);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>DIV of one register; what overflows or divides by zero goes to the executor, and so does a dividend of more than 64 bits.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd DivideUnsigned<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        var divisor = TWidth.Read(ref processor.RegisterByte(op.A));
        var high = TWidth.Read(ref processor.RegisterByte(Rdx));
        if (high >= divisor || (TWidth.Bytes == 8 && high != 0))
        {
            return SlowEnd(ref op, processor);
        }

        var dividend = TWidth.Bytes == 8 ? processor.Register(Rax) : (high << 32) | (uint)processor.Register(Rax);
        var quotient = dividend / divisor;
        TWidth.Write(ref processor.RegisterByte(Rax), quotient);
        TWidth.Write(ref processor.RegisterByte(Rdx), dividend - (quotient * divisor));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>IDIV of one register by what fits; the rest goes to the executor.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd DivideSigned<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        var divisor = (long)TWidth.SignExtend(TWidth.Read(ref processor.RegisterByte(op.A)));
        var low = (long)TWidth.SignExtend(TWidth.Read(ref processor.RegisterByte(Rax)));
        var high = (long)TWidth.SignExtend(TWidth.Read(ref processor.RegisterByte(Rdx)));

        // Only dividends that their low half holds, and no divisor whose quotient may not fit.
        if (high != low >> 63 || divisor is 0 or -1)
        {
            return SlowEnd(ref op, processor);
        }

        var quotient = low / divisor;
        TWidth.Write(ref processor.RegisterByte(Rax), (ulong)quotient);
        TWidth.Write(ref processor.RegisterByte(Rdx), (ulong)(low - (quotient * divisor)));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>BSF (lowest) and BSR (highest): with a zero operand only ZF is set and the target stays.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd ScanBits<TWidth, TLowest>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TLowest : struct, IChoice
    {
        var source = TWidth.Read(ref processor.RegisterByte(op.B));
        processor.Kind = (byte)(FlagKind.Logic + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(source);
        if (source != 0)
        {
            TWidth.Write(
                ref processor.RegisterByte(op.A),
                (ulong)(TLowest.Value ? BitOperations.TrailingZeroCount(source) : BitOperations.Log2(source)));
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Product<TWidth>(Processor processor, ulong a, ulong b)
        where TWidth : struct, IWidth
    {
        processor.Kind = (byte)(FlagKind.Product + TWidth.Log);
        processor.FlagA = TWidth.SignExtend(a);
        processor.FlagB = TWidth.SignExtend(b);
        return TWidth.Truncate(a * b);
    }

    // Not inlined: it gives its low half through a local whose address is taken.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong MultiplyHigh(ulong a, ulong b) => Math.BigMul(a, b, out _);
}

/// <summary>A constant as a type.</summary>
internal interface IChoice
{
    static abstract bool Value { get; }
}

internal readonly struct Yes : IChoice
{
    public static bool Value => true;
}

internal readonly struct No : IChoice
{
    public static bool Value => false;
}
