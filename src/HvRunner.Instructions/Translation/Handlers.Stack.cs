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

    /// <summary>Two pushes of registers other than RSP, as functions begin with.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd PushPair(ref Operation op, Processor processor)
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 16;
        if (!MayWrite<Fast, Xword128>(processor, linear))
        {
            return Push<Careful>(ref op, processor);
        }

        var host = (ulong*)HostOf(processor, linear);
        host[1] = processor.Register(op.A);
        host[0] = processor.Register(Unsafe.Add(ref op, 1).A);
        stack = linear;
        return Unsafe.Add(ref op, 2).Handler(ref Unsafe.Add(ref op, 2), processor);
    }

    /// <summary>Two pops into registers other than RSP, as functions end with.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd PopPair(ref Operation op, Processor processor)
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack;
        if (!MayRead<Fast, Xword128>(processor, linear))
        {
            return Pop<Careful>(ref op, processor);
        }

        var host = (ulong*)HostOf(processor, linear);
        processor.Register(op.A) = host[0];
        processor.Register(Unsafe.Add(ref op, 1).A) = host[1];
        stack = linear + 16;
        return Unsafe.Add(ref op, 2).Handler(ref Unsafe.Add(ref op, 2), processor);
    }

    /// <summary>A pop into a register other than RSP, and the return behind it.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd PopReturn(ref Operation op, Processor processor)
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack;
        if (!MayRead<Fast, Xword128>(processor, linear))
        {
            return Pop<Careful>(ref op, processor);
        }

        var host = (ulong*)HostOf(processor, linear);
        var target = host[1];
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return Pop<Careful>(ref op, processor);
        }

        processor.Register(op.A) = host[0];
        stack = linear + 16 + (ulong)Unsafe.Add(ref op, 1).Immediate;
        processor.BlockRip = target;
        return Enter(processor);
    }
}
