// The 128-bit moves and integer operations that compilers and C libraries use for copying, comparing and hashing (SDM vol. 2). They raise no
// floating-point exception; arithmetic on floating-point numbers is the executor's. Translated only where CR0 and CR4 let SSE run.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    /// <summary>A and B are numbers of vector registers.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorRegisters<TVector>(ref Operation op, Processor processor)
        where TVector : struct, IVectorBinary
    {
        ref var target = ref processor.VectorToWrite(op.A);
        target = TVector.Apply(target, processor.Vector(op.B));
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>A memory operand that is not on a 16-byte boundary raises #GP, which is the executor's.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorLoad<TVector, TPath>(ref Operation op, Processor processor)
        where TVector : struct, IVectorBinary
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if ((linear & 15) != 0 || !MayRead<TPath, Xword128>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : VectorLoad<TVector, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        ref var target = ref processor.VectorToWrite(op.A);
        target = TVector.Apply(target, *(Vector128<byte>*)host);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>MOVUPS, MOVDQU and, with a check, their aligned sisters. The immediate is the mask of address bits that must be 0.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorMoveLoad<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if ((linear & (ulong)op.Immediate) != 0 || !MayRead<TPath, Xword128>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : VectorMoveLoad<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        processor.VectorToWrite(op.A) = *(Vector128<byte>*)host;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd VectorMoveStore<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if ((linear & (ulong)op.Immediate) != 0 || !MayWrite<TPath, Xword128>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : VectorMoveStore<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(Vector128<byte>*)host = processor.Vector(op.A);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>MOVD and MOVQ from a general register: the rest of the vector is cleared.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorFromRegister<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        processor.VectorToWrite(op.A) = Vector128.CreateScalar(TWidth.Read(ref processor.RegisterByte(op.B))).AsByte();
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd VectorFromMemory<TWidth, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayRead<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : VectorFromMemory<TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        processor.VectorToWrite(op.A) = Vector128.CreateScalar(TWidth.Load(host)).AsByte();
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd VectorToRegister<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        TWidth.Write(ref processor.RegisterByte(op.A), processor.Vector(op.B).AsUInt64().ToScalar());
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd VectorToMemory<TWidth, TPath>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
        where TPath : struct, IPath
    {
        var linear = AnyAddress.Linear(ref op, processor);
        if (!MayWrite<TPath, TWidth>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : VectorToMemory<TWidth, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        TWidth.Store(host, processor.Vector(op.A).AsUInt64().ToScalar());
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>PMOVMSKB: the top bits of all bytes.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorMask(ref Operation op, Processor processor)
    {
        processor.Register(op.A) = processor.Vector(op.B).ExtractMostSignificantBits();
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>Shifts by a constant, and PSHUFD with its four selectors: one register, one immediate.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd VectorImmediate<TVector>(ref Operation op, Processor processor)
        where TVector : struct, IVectorImmediate
    {
        processor.VectorToWrite(op.A) = TVector.Apply(processor.Vector(op.B), op.Immediate);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
