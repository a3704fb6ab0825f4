// Pushes and pops in 64-bit mode.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    [MethodImpl(Chained)]
    public static ChainEnd PushMemory<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        var source = AnyAddress.Linear(ref op, processor);
        if (!MayRead<TPath, Qword64>(processor, source))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : PushMemory<Careful>(ref op, processor);
        }

        // Read before the stack's page is looked for, which may take this one's place in the buffer.
        var value = *(ulong*)HostOf(processor, source);
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : PushMemory<Careful>(ref op, processor);
        }

        *(ulong*)HostOf(processor, linear) = value;
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
