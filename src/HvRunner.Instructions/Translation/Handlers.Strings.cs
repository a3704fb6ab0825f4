// Repeated moves and stores, whole pages at a time (SDM vol. 2, "REP"; vol. 1, 7.3.9.3).
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd RepeatMove<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        if (!processor.MoveRepeatedly(TWidth.Bytes))
        {
            return SlowEnd(ref op, processor);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd RepeatStore<TWidth>(ref Operation op, Processor processor)
        where TWidth : struct, IWidth
    {
        if (!processor.StoreRepeatedly(TWidth.Bytes))
        {
            return SlowEnd(ref op, processor);
        }

        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
