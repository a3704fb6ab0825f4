// The sixteen conditions (SDM vol. 2, table B-10) on each form in which flags are kept. When the translator knows what set the flags, the
// condition becomes one comparison of its operands.
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

/// <summary>A condition, as the low four bits of the opcode number it; odd ones are the negation of the one before.</summary>
internal interface ICondition
{
    static abstract int Number { get; }
}

internal readonly struct WhenOverflow : ICondition
{
    public static int Number => 0;
}

internal readonly struct WhenNoOverflow : ICondition
{
    public static int Number => 1;
}

internal readonly struct WhenBelow : ICondition
{
    public static int Number => 2;
}

internal readonly struct WhenAboveOrEqual : ICondition
{
    public static int Number => 3;
}

internal readonly struct WhenEqual : ICondition
{
    public static int Number => 4;
}

internal readonly struct WhenNotEqual : ICondition
{
    public static int Number => 5;
}

internal readonly struct WhenBelowOrEqual : ICondition
{
    public static int Number => 6;
}

internal readonly struct WhenAbove : ICondition
{
    public static int Number => 7;
}

internal readonly struct WhenSign : ICondition
{
    public static int Number => 8;
}

internal readonly struct WhenNoSign : ICondition
{
    public static int Number => 9;
}

internal readonly struct WhenParity : ICondition
{
    public static int Number => 10;
}

internal readonly struct WhenNoParity : ICondition
{
    public static int Number => 11;
}

internal readonly struct WhenLess : ICondition
{
    public static int Number => 12;
}

internal readonly struct WhenGreaterOrEqual : ICondition
{
    public static int Number => 13;
}

internal readonly struct WhenLessOrEqual : ICondition
{
    public static int Number => 14;
}

internal readonly struct WhenGreater : ICondition
{
    public static int Number => 15;
}

/// <summary>Where the flags are that a condition looks at.</summary>
internal interface IFlagSource
{
    /// <summary>Whether a condition holds; the number is a constant wherever this is compiled.</summary>
    static abstract bool Holds(int condition, Processor processor);
}

/// <summary>Not known when the code was translated.</summary>
internal readonly struct AnyFlags : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(int condition, Processor processor) => Evaluate(condition, processor);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Evaluate(int condition, Processor processor)
    {
        var flags = processor.StatusFlags();
        var holds = (condition >> 1) switch
        {
            0 => (flags & Flag.Overflow) != 0,
            1 => (flags & Flag.Carry) != 0,
            2 => (flags & Flag.Zero) != 0,
            3 => (flags & (Flag.Carry | Flag.Zero)) != 0,
            4 => (flags & Flag.Sign) != 0,
            5 => (flags & Flag.Parity) != 0,
            6 => ((flags >> 7) & 1) != ((flags >> 11) & 1),
            _ => (flags & Flag.Zero) != 0 || ((flags >> 7) & 1) != ((flags >> 11) & 1),
        };
        return holds == ((condition & 1) == 0);
    }
}

/// <summary>A subtraction or comparison.</summary>
internal readonly struct DifferenceFlags : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(int condition, Processor processor) => condition switch
    {
        2 => processor.FlagA < processor.FlagB,
        3 => processor.FlagA >= processor.FlagB,
        4 => processor.FlagA == processor.FlagB,
        5 => processor.FlagA != processor.FlagB,
        6 => processor.FlagA <= processor.FlagB,
        7 => processor.FlagA > processor.FlagB,
        12 => (long)processor.FlagA < (long)processor.FlagB,
        13 => (long)processor.FlagA >= (long)processor.FlagB,
        14 => (long)processor.FlagA <= (long)processor.FlagB,
        15 => (long)processor.FlagA > (long)processor.FlagB,
        _ => AnyFlags.Evaluate(condition, processor),
    };
}

/// <summary>An addition.</summary>
internal readonly struct SumFlags : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(int condition, Processor processor) => condition switch
    {
        2 => processor.FlagA < processor.FlagB,
        3 => processor.FlagA >= processor.FlagB,
        4 => processor.FlagA == 0,
        5 => processor.FlagA != 0,
        8 => (long)processor.FlagA < 0,
        9 => (long)processor.FlagA >= 0,
        _ => AnyFlags.Evaluate(condition, processor),
    };
}

/// <summary>AND, OR, XOR, TEST.</summary>
internal readonly struct LogicFlags : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(int condition, Processor processor) => condition switch
    {
        0 or 2 => false,
        1 or 3 => true,
        4 or 6 => processor.FlagA == 0,
        5 or 7 => processor.FlagA != 0,
        8 or 12 => (long)processor.FlagA < 0,
        9 or 13 => (long)processor.FlagA >= 0,
        14 => (long)processor.FlagA <= 0,
        15 => (long)processor.FlagA > 0,
        _ => AnyFlags.Evaluate(condition, processor),
    };
}

/// <summary>Shifts, increments, multiplications and whatever else computes its flags at once.</summary>
internal readonly struct PartsFlags : IFlagSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Holds(int condition, Processor processor) => condition switch
    {
        2 => (processor.FlagB & 1) != 0,
        3 => (processor.FlagB & 1) == 0,
        4 => processor.FlagA == 0,
        5 => processor.FlagA != 0,
        8 => (long)processor.FlagA < 0,
        9 => (long)processor.FlagA >= 0,
        _ => AnyFlags.Evaluate(condition, processor),
    };
}
