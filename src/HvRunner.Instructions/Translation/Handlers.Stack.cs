// Pushes and pops in 64-bit mode.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd PushMemory<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
<<<<<<< HEAD
        var source = AnyAddress.Linear(ref op, processor);
        var linear = stack - 8;

        // Finding the second page may have taken the first one's place in the buffer.
        if (!MayRead<TPath, Qword64>(processor, source) || !MayWrite<TPath, Qword64>(processor, linear) ||
            (TPath.IsCareful && !MayRead<Fast, Qword64>(processor, source)))
=======
        var from = ToRead<TPath, Qword64>(processor, AnyAddress.Linear(ref op, processor));
        var host = from == 0 ? 0 : ToWrite<TPath, Qword64>(processor, stack - 8);
        if (host == 0)
>>>>>>> fuzz
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : PushMemory<Careful>(ref op, processor);
        }

        var from = HostOf(processor, source);
        var host = HostOf(processor, linear);

        *(ulong*)host = *(ulong*)from;
        stack -= 8;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Push<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        var value = processor.Register(op.A);
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Push<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(ulong*)host = value;
        stack -= 8;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd PushImmediate<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : PushImmediate<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(ulong*)host = (ulong)(long)op.Immediate;
        stack -= 8;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Pop<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack;
        if (!MayRead<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Pop<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        // POP RSP takes the value, not the incremented pointer.
        stack += 8;
        processor.Register(op.A) = *(ulong*)host;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd LeaveFrame<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var frame = ref processor.Register(5 * 8);
        var linear = frame;
        if (!MayRead<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : LeaveFrame<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        processor.Register(Rsp) = frame + 8;
        frame = *(ulong*)host;
        return Unsafe.Add(ref op, 1).Handler(ref Unsafe.Add(ref op, 1), processor);
    }
}
