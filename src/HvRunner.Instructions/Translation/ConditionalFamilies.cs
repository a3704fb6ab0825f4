// The handlers that depend on a condition, found by the condition's number and by where the flags are.
namespace HvRunner.Instructions;

/// <summary>One kind of handler, for every condition.</summary>
internal unsafe interface IConditionalFamily
{
    static abstract delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource;
}

internal readonly unsafe struct NearBranch : IConditionalFamily
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.Branch<TCondition, TFlags>;
}

internal readonly unsafe struct FarBranch : IConditionalFamily
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.BranchFar<TCondition, TFlags>;
}

internal readonly unsafe struct JoinedRegisters<TBinary, TWidth> : IConditionalFamily
    where TBinary : struct, IBinary
    where TWidth : struct, IWidth
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.CompareBranch<TBinary, TWidth, TCondition, TFlags>;
}

internal readonly unsafe struct JoinedConstant<TBinary, TWidth> : IConditionalFamily
    where TBinary : struct, IBinary
    where TWidth : struct, IWidth
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.CompareConstantBranch<TBinary, TWidth, TCondition, TFlags>;
}

internal readonly unsafe struct ConditionalSet : IConditionalFamily
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.SetWhen<TCondition, TFlags>;
}

internal readonly unsafe struct ConditionalMove<TWidth> : IConditionalFamily
    where TWidth : struct, IWidth
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.MoveWhen<TCondition, TFlags, TWidth>;
}

internal readonly unsafe struct ConditionalLoad<TWidth> : IConditionalFamily
    where TWidth : struct, IWidth
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.LoadWhen<TCondition, TFlags, TWidth, Fast>;
}

internal readonly unsafe struct ConditionalStore : IConditionalFamily
{
    public static delegate*<ref Operation, Processor, ChainEnd> Handler<TCondition, TFlags>()
        where TCondition : struct, ICondition
        where TFlags : struct, IFlagSource => &Handlers.StoreWhen<TCondition, TFlags, Fast>;
}

/// <summary>Picks a family's handler by the condition's number.</summary>
internal static unsafe class Conditions<TFamily>
    where TFamily : struct, IConditionalFamily
{
    public static delegate*<ref Operation, Processor, ChainEnd> Of<TFlags>(int number)
        where TFlags : struct, IFlagSource => number switch
        {
            0 => TFamily.Handler<WhenOverflow, TFlags>(),
            1 => TFamily.Handler<WhenNoOverflow, TFlags>(),
            2 => TFamily.Handler<WhenBelow, TFlags>(),
            3 => TFamily.Handler<WhenAboveOrEqual, TFlags>(),
            4 => TFamily.Handler<WhenEqual, TFlags>(),
            5 => TFamily.Handler<WhenNotEqual, TFlags>(),
            6 => TFamily.Handler<WhenBelowOrEqual, TFlags>(),
            7 => TFamily.Handler<WhenAbove, TFlags>(),
            8 => TFamily.Handler<WhenSign, TFlags>(),
            9 => TFamily.Handler<WhenNoSign, TFlags>(),
            10 => TFamily.Handler<WhenParity, TFlags>(),
            11 => TFamily.Handler<WhenNoParity, TFlags>(),
            12 => TFamily.Handler<WhenLess, TFlags>(),
            13 => TFamily.Handler<WhenGreaterOrEqual, TFlags>(),
            14 => TFamily.Handler<WhenLessOrEqual, TFlags>(),
            _ => TFamily.Handler<WhenGreater, TFlags>(),
        };
}
