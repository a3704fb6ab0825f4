// Branches, calls and returns in 64-bit mode. A branch within a page follows a link to its target's block; between pages the target
// is looked up by its address, because the page behind it may have been mapped anew.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HvRunner.Instructions;

internal static unsafe partial class Handlers
{
    private const int Rsp = 4 * 8;

    /// <summary>Goes to the block that the processor's block address names, by the cache of recent targets.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Enter(Processor processor)
    {
        ref var target = ref RecentTarget.Find(processor.RecentTargets, processor.BlockRip);
        if (target.Rip != processor.BlockRip || (target.Context != processor.Context && target.Context != processor.GlobalContext))
        {
            processor.PendingLink = -1;
            return ChainEnd.Resolve;
        }

        ref var first = ref MemoryMarshal.GetArrayDataReference(target.Operations);
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>Goes on behind the block, in the same page.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Continue(ref Operation op, Processor processor)
    {
        processor.BlockRip += op.Offset;
        processor.PendingLink = op.Immediate;
        ref var first = ref MemoryMarshal.GetArrayDataReference(
            Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), op.Immediate));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>Goes on behind the block, in another page.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd ContinueFar(ref Operation op, Processor processor)
    {
        processor.BlockRip += op.Offset;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Jump(ref Operation op, Processor processor)
    {
        processor.BlockRip += (ulong)(long)op.Displacement;
        processor.PendingLink = op.Immediate;
        ref var first = ref MemoryMarshal.GetArrayDataReference(
            Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), op.Immediate));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd JumpFar(ref Operation op, Processor processor)
    {
        processor.BlockRip += (ulong)(long)op.Displacement;
        return Enter(processor);
    }

    /// <summary>A conditional branch: its link is the taken one's, the next number the other's.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Branch<TCondition, TFlags>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
    {
        var link = op.Immediate;
        if (TFlags.Holds(TCondition.Number, processor))
        {
            processor.BlockRip += (ulong)(long)op.Displacement;
        }
        else
        {
            processor.BlockRip += (ulong)(op.Offset + op.Length);
            link++;
        }

        processor.PendingLink = link;
        ref var first = ref MemoryMarshal.GetArrayDataReference(Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), link));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>A conditional branch of which at least one way leaves the page.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd BranchFar<TCondition, TFlags>(ref Operation op, Processor processor)
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
    {
        processor.BlockRip += TFlags.Holds(TCondition.Number, processor)
            ? (ulong)(long)op.Displacement
            : (ulong)(op.Offset + op.Length);
        return Enter(processor);
    }

    /// <summary>A comparison (or TEST) of registers and the branch behind it.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd CompareBranch<TBinary, TWidth, TCondition, TFlags>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
    {
        TBinary.Apply<TWidth>(processor, TWidth.Read(ref processor.RegisterByte(op.A)), TWidth.Read(ref processor.RegisterByte(op.B)));
        var link = op.Immediate;
        if (TFlags.Holds(TCondition.Number, processor))
        {
            processor.BlockRip += (ulong)(long)op.Displacement;
        }
        else
        {
            processor.BlockRip += (ulong)(op.Offset + op.Length);
            link++;
        }

        processor.PendingLink = link;
        ref var first = ref MemoryMarshal.GetArrayDataReference(Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), link));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>
    /// A comparison (or TEST) with a constant and the branch behind it. The constant is eight bits, in C, as most are, and the target's distance
    /// is in the displacement as ever.
    /// </summary>
    [MethodImpl(Chained)]
    public static ChainEnd CompareConstantBranch<TBinary, TWidth, TCondition, TFlags>(ref Operation op, Processor processor)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource
    {
        TBinary.Apply<TWidth>(processor, TWidth.Read(ref processor.RegisterByte(op.A)), TWidth.Truncate((ulong)(sbyte)op.C));
        var link = op.Immediate;
        if (TFlags.Holds(TCondition.Number, processor))
        {
            processor.BlockRip += (ulong)(long)op.Displacement;
        }
        else
        {
            processor.BlockRip += (ulong)(op.Offset + op.Length);
            link++;
        }

        processor.PendingLink = link;
        ref var first = ref MemoryMarshal.GetArrayDataReference(Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), link));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>CALL to a known place in the same page.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd CallNear<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : CallNear<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(ulong*)host = processor.BlockRip + (ulong)(op.Offset + op.Length);
        stack -= 8;
        processor.BlockRip += (ulong)(long)op.Displacement;
        processor.PendingLink = op.Immediate;
        ref var first = ref MemoryMarshal.GetArrayDataReference(
            Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(processor.Links), op.Immediate));
        if (processor.Budget <= 0)
        {
            return ChainEnd.Budget;
        }

        processor.Budget -= first.Immediate;
        processor.BlockNumber = first.Displacement;
        return Unsafe.Add(ref first, 1).Handler(ref Unsafe.Add(ref first, 1), processor);
    }

    /// <summary>CALL to a known place in another page.</summary>
    [MethodImpl(Chained)]
    public static ChainEnd Call<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Call<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        *(ulong*)host = processor.BlockRip + (ulong)(op.Offset + op.Length);
        stack -= 8;
        processor.BlockRip += (ulong)(long)op.Displacement;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd Return<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        ref var stack = ref processor.Register(Rsp);
        var linear = stack;
        if (!MayRead<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : Return<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var target = *(ulong*)host;
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return SlowEnd(ref op, processor);
        }

        stack += 8 + (ulong)op.Immediate;
        processor.BlockRip = target;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd JumpRegister(ref Operation op, Processor processor)
    {
        var target = processor.Register(op.A);
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return SlowEnd(ref op, processor);
        }

        processor.BlockRip = target;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd JumpMemory<TAddress, TPath>(ref Operation op, Processor processor)
        where TAddress : struct, IAddress
        where TPath : struct, IPath
    {
        var linear = TAddress.Linear(ref op, processor);
        if (!MayRead<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : JumpMemory<AnyAddress, Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);

        var target = *(ulong*)host;
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return SlowEnd(ref op, processor);
        }

        processor.BlockRip = target;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd CallRegister<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        // The target first: looking for the stack may mark its page as written.
        var target = processor.Register(op.A);
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return SlowEnd(ref op, processor);
        }

        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : CallRegister<Careful>(ref op, processor);
        }

        var host = HostOf(processor, linear);
        *(ulong*)host = processor.BlockRip + (ulong)(op.Offset + op.Length);
        stack -= 8;
        processor.BlockRip = target;
        return Enter(processor);
    }

    [MethodImpl(Chained)]
    public static ChainEnd CallMemory<TPath>(ref Operation op, Processor processor)
        where TPath : struct, IPath
    {
        var source = AnyAddress.Linear(ref op, processor);
        if (!MayRead<TPath, Qword64>(processor, source))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : CallMemory<Careful>(ref op, processor);
        }

        var target = *(ulong*)HostOf(processor, source);
        if ((ulong)((long)(target << 16) >> 16) != target)
        {
            return SlowEnd(ref op, processor);
        }

        ref var stack = ref processor.Register(Rsp);
        var linear = stack - 8;
        if (!MayWrite<TPath, Qword64>(processor, linear))
        {
            return TPath.IsCareful ? SlowEnd(ref op, processor) : CallMemory<Careful>(ref op, processor);
        }

        *(ulong*)HostOf(processor, linear) = processor.BlockRip + (ulong)(op.Offset + op.Length);
        stack -= 8;
        processor.BlockRip = target;
        return Enter(processor);
    }
}

/// <summary>One entry of the cache of recent branch targets: valid while its context, which counts every change of mappings and of privilege, is the processor's.</summary>
internal struct RecentTarget
{
    public const int EntryCount = 4096;

    public ulong Rip;
    public ulong Context;
    public Operation[] Operations;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref RecentTarget Find(RecentTarget[] table, ulong rip) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(table), (nint)((rip ^ (rip >> 12)) & (EntryCount - 1)));
}
