// What kernels do most besides computing: saving, clearing and setting the interrupt flag, and opening user pages for a moment. Only at privilege
// level 0 and only where nothing else follows from it; the rest is the executor's.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd PushFlags<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : PushFlags<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        processor.SettleFlags();
        *(ulong*)host = processor.Rflags & ~(Flag.Resume | Flag.Virtual8086);
        stack -= 8;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd ClearInterruptFlag(ref Operation op, Processor processor)
    {
        if ((processor.Context & 3) != 0)
        {
            return SlowEnd(ref op, processor);
        }

        processor.Rflags &= ~Flag.Interrupt;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>
    /// STI holds interrupts off until behind the next instruction. That is so here, because a chain stops for one only between blocks, and this is
    /// never the last operation of its block; except when one waits already, and then the executor does it.
    /// </summary>
    [MethodImpl(Chained)]
    public static ChainEnd SetInterruptFlag(ref Operation op, Processor processor)
    {
        if ((processor.Context & 3) != 0 || processor.StopWhenInterruptible)
        {
            return SlowEnd(ref op, processor);
        }

        processor.Rflags |= Flag.Interrupt;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    /// <summary>STAC and CLAC.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd AllowUserAccess<TAllow>(ref Operation op, Processor processor)
        where TAllow : struct, IChoice
    {
        if ((processor.Context & 3) != 0)
        {
            return SlowEnd(ref op, processor);
        }

        processor.SetAlignmentCheck(TAllow.Value);
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
