namespace HvRunner.Instructions;

/// <summary>The instruction groups, in the order in which an instruction not seen before is offered to them.</summary>
internal enum InstructionGroup : byte
{
    Unknown,
    Moves,
    Arithmetic,
    Shifts,
    MultiplyDivide,
    Bits,
    Atomics,
    DecimalAdjust,
    ControlFlow,
    Strings,
    FlagOperations,
    ShadowStacks,
    SoftwareInterrupts,
    System,
    FarTransfers,
    Ports,
    FastCalls,
    Identification,
    Xsave,
    X87Moves,
    X87Arithmetic,
    X87Control,
    X87Remainders,
    X87Decimal,
    X87Transcendental,
    VectorMoves,
    Packed,
    Shuffles,
    VectorFloat,
    VectorConvert,
    Blends,
    HorizontalFloat,
    MmxConvert,
    Estimates,
    StringCompare,
    Unsupported,
}

/// <summary>
/// Which group executes an instruction code, learned the first time each is met, so that no table of thousands of codes is kept by hand beside
/// the groups' own switches. Shared by all processors: entries only ever change from unknown to the one right value.
/// </summary>
internal static class InstructionGroups
{
    // More than the codes of Iced 1.22; a code beyond is offered to all groups each time.
    private static readonly byte[] Learned = new byte[8192];

    public static InstructionGroup OfCode(int code) => (uint)code < (uint)Learned.Length ? (InstructionGroup)Learned[code] : default;

    public static void Learn(int code, InstructionGroup group)
    {
        if ((uint)code < (uint)Learned.Length)
        {
            Learned[code] = (byte)group;
        }
    }
}
