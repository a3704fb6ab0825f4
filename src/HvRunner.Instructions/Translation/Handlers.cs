// The handlers of translated operations. Each ends by jumping to its successor's handler, which the compiler makes of a call in tail position;
// so a handler must call nothing else, or only on its way out, and have no local whose address is taken. What does not fit that (page walks,
// faults, devices, rare instructions) is done by a careful twin of the same handler, or by the executor, to which Slow leads. A tail call must stand
// in the handler's own text, which is why so many of them end in the same lines.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    /// <summary>Handlers are compiled with full optimization at once: before that, their tail calls would be real ones.</summary>
    private const MethodImplOptions Chained = MethodImplOptions.AggressiveOptimization;

    /// <summary>
    /// The first operation of every block: counts its instructions, and stops a chain whose budget is used up. Branches do the same themselves and
    /// go straight to the second operation.
    /// </summary>
    [MethodImpl(Chained)]
    public static ChainEnd Begin(ref Operation op, Processor processor)
    {
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= op.Immediate;
        processor.BlockNumber = op.Displacement;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>In the place of the second operation of a block whose bytes were changed: find the code anew.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Retired(ref Operation op, Processor processor)
    {
        processor.Budget += Unsafe.Add(ref op, -1).Immediate;
        processor.PendingLink = -1;
        return ChainEnd.Resolve;
    }

    /// <summary>Behind a link that has not been connected yet.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Unlinked(ref Operation op, Processor processor) => ChainEnd.Resolve;

    /// <summary>Executes what the operation stands for through the executor, and goes on behind it when nothing happened.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Slow(ref Operation op, Processor processor)
    {
        if (!processor.ExecuteSlowly(ref op))
        {
            return ChainEnd.Leave;
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>
    /// As <see cref="Slow"/>, and then the chain ends: the mode, the rights or the place may be others, or the flags are not where the rest of the
    /// block was told that they are.
    /// </summary>
    [MethodImpl(Chained)]
    public static ChainEnd SlowEnd(ref Operation op, Processor processor)
    {
        if (processor.ExecuteSlowly(ref op))
        {
            processor.CreditRest(ref op);
        }

        return ChainEnd.Leave;
    }

    /// <summary>Two instructions on registers.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Pair<TFirst, TSecond>(ref Operation op, Processor processor)
        where TFirst : struct, IAction
        where TSecond : struct, IAction
    {
        TFirst.Execute(ref op, processor, !TSecond.ReplacesFlags);
        TSecond.Execute(ref Unsafe.Add(ref op, 1), processor, true);
        return Unsafe.Add(ref op, 2).Handler(ref Unsafe.Add(ref op, 2), processor);
    }

    /// <summary>NOP and its many disguises.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Nothing(ref Operation op, Processor processor) =>
        Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);

    /// <summary>An operand may be read at <see cref="HostOf"/>. False: ask the careful twin, or the executor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool MayRead<TPath, TWidth>(Processor processor, ulong linear)
        where TPath : struct, IPath
        where TWidth : struct, ISize => TPath.IsCareful
            ? processor.LocateRead(linear, TWidth.Bytes) != 0
            : TranslationBuffer.Find(processor.Pages, linear).ReadTag == ((linear + (ulong)(TWidth.Bytes - 1)) & ~0xfffUL);

    /// <summary>An operand may be written at <see cref="HostOf"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayWrite<TPath, TWidth>(Processor processor, ulong linear)
        where TPath : struct, IPath
        where TWidth : struct, ISize => TPath.IsCareful
            ? processor.LocateWrite(linear, TWidth.Bytes) != 0
            : TranslationBuffer.Find(processor.Pages, linear).WriteTag == ((linear + (ulong)(TWidth.Bytes - 1)) & ~0xfffUL);

    /// <summary>The host address of an operand, once it is known that it may be touched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint HostOf(Processor processor, ulong linear) => TranslationBuffer.Find(processor.Pages, linear).Addend + (nint)linear;
}
