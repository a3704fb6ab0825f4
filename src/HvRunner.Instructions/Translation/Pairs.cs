// Which handler executes which two instructions at once: register instructions, and pushes and pops. Only the register instructions that compilers
// emit most are here: the table grows with their square.
namespace HvRunner.Instructions;

/// <summary>Handlers for two instructions in a row.</summary>
internal static unsafe class Pairs
{
    private static readonly nint Push = (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.Push<Fast>;
    private static readonly nint Pop = (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.Pop<Fast>;
    private static readonly nint Return = (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.Return<Fast>;

    private static readonly nint[] Singles =
    [
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.MoveRegisters<Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.MoveRegisters<Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.MoveImmediate<Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<AddOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<SubtractOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<AndOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<OrOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<XorOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<AddOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<SubtractOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<AndOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<OrOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryRegisters<XorOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<AddOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<SubtractOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<AndOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<OrOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<XorOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<AddOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<SubtractOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<AndOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<OrOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.BinaryImmediate<XorOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftLeftOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftRightOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftArithmeticOperation, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftLeftOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftRightOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.UnaryRegister<ShiftArithmeticOperation, Qword64>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.LoadAddress<Qword64, BaseAddress>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.LoadAddress<Qword64, IndexedAddress>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.LoadAddress<Dword32, AnyAddress>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.ExtendRegister<ZeroExtension<Byte8>, Dword32>,
        (nint)(delegate*<ref Operation, Processor, ChainEnd>)&Handlers.ExtendRegister<ZeroExtension<Word16>, Dword32>,
    ];

    /// <summary>
    /// The handler that does what both do, or null. The second operation stays where it is, for its operands. A shift by 0, after masking, must not
    /// stand second: it would keep flags that the first left out.
    /// </summary>
    public static delegate*<ref Operation, Processor, ChainEnd> Of(
        delegate*<ref Operation, Processor, ChainEnd> first, delegate*<ref Operation, Processor, ChainEnd> second)
    {
        var number = Array.IndexOf(Singles, (nint)second);
        return number < 0 ? null : Array.IndexOf(Singles, (nint)first) switch
        {
            0 => Behind<MoveAction<Dword32>>(number),
            1 => Behind<MoveAction<Qword64>>(number),
            2 => Behind<ImmediateAction<Dword32>>(number),
            3 => Behind<RegistersAction<AddOperation, Dword32>>(number),
            4 => Behind<RegistersAction<SubtractOperation, Dword32>>(number),
            5 => Behind<RegistersAction<AndOperation, Dword32>>(number),
            6 => Behind<RegistersAction<OrOperation, Dword32>>(number),
            7 => Behind<RegistersAction<XorOperation, Dword32>>(number),
            8 => Behind<RegistersAction<AddOperation, Qword64>>(number),
            9 => Behind<RegistersAction<SubtractOperation, Qword64>>(number),
            10 => Behind<RegistersAction<AndOperation, Qword64>>(number),
            11 => Behind<RegistersAction<OrOperation, Qword64>>(number),
            12 => Behind<RegistersAction<XorOperation, Qword64>>(number),
            13 => Behind<ConstantAction<AddOperation, Dword32>>(number),
            14 => Behind<ConstantAction<SubtractOperation, Dword32>>(number),
            15 => Behind<ConstantAction<AndOperation, Dword32>>(number),
            16 => Behind<ConstantAction<OrOperation, Dword32>>(number),
            17 => Behind<ConstantAction<XorOperation, Dword32>>(number),
            18 => Behind<ConstantAction<AddOperation, Qword64>>(number),
            19 => Behind<ConstantAction<SubtractOperation, Qword64>>(number),
            20 => Behind<ConstantAction<AndOperation, Qword64>>(number),
            21 => Behind<ConstantAction<OrOperation, Qword64>>(number),
            22 => Behind<ConstantAction<XorOperation, Qword64>>(number),
            23 => Behind<ShiftAction<ShiftLeftOperation, Dword32>>(number),
            24 => Behind<ShiftAction<ShiftRightOperation, Dword32>>(number),
            25 => Behind<ShiftAction<ShiftArithmeticOperation, Dword32>>(number),
            26 => Behind<ShiftAction<ShiftLeftOperation, Qword64>>(number),
            27 => Behind<ShiftAction<ShiftRightOperation, Qword64>>(number),
            28 => Behind<ShiftAction<ShiftArithmeticOperation, Qword64>>(number),
            29 => Behind<AddressAction<Qword64, BaseAddress>>(number),
            30 => Behind<AddressAction<Qword64, IndexedAddress>>(number),
            31 => Behind<AddressAction<Dword32, AnyAddress>>(number),
            32 => Behind<ExtensionAction<ZeroExtension<Byte8>, Dword32>>(number),
            33 => Behind<ExtensionAction<ZeroExtension<Word16>, Dword32>>(number),
            _ => null,
        };
    }

    /// <summary>As <see cref="Of"/>, for the stack; neither operation may name RSP, which changes between them.</summary>
    public static delegate*<ref Operation, Processor, ChainEnd> OfStack(in Operation first, in Operation second)
    {
        const int Rsp = 4 * 8;
        var (before, behind) = ((nint)first.Handler, (nint)second.Handler);
        if (first.A == Rsp || (second.A == Rsp && behind != Return))
        {
            return null;
        }

        return (before == Push && behind == Push) ? &Handlers.PushPair
            : before != Pop ? null
            : behind == Pop ? &Handlers.PopPair
            : behind == Return ? &Handlers.PopReturn
            : null;
    }

    private static delegate*<ref Operation, Processor, ChainEnd> Behind<TFirst>(int second)
        where TFirst : struct, IAction => second switch
        {
            0 => &Handlers.Pair<TFirst, MoveAction<Dword32>>,
            1 => &Handlers.Pair<TFirst, MoveAction<Qword64>>,
            2 => &Handlers.Pair<TFirst, ImmediateAction<Dword32>>,
            3 => &Handlers.Pair<TFirst, RegistersAction<AddOperation, Dword32>>,
            4 => &Handlers.Pair<TFirst, RegistersAction<SubtractOperation, Dword32>>,
            5 => &Handlers.Pair<TFirst, RegistersAction<AndOperation, Dword32>>,
            6 => &Handlers.Pair<TFirst, RegistersAction<OrOperation, Dword32>>,
            7 => &Handlers.Pair<TFirst, RegistersAction<XorOperation, Dword32>>,
            8 => &Handlers.Pair<TFirst, RegistersAction<AddOperation, Qword64>>,
            9 => &Handlers.Pair<TFirst, RegistersAction<SubtractOperation, Qword64>>,
            10 => &Handlers.Pair<TFirst, RegistersAction<AndOperation, Qword64>>,
            11 => &Handlers.Pair<TFirst, RegistersAction<OrOperation, Qword64>>,
            12 => &Handlers.Pair<TFirst, RegistersAction<XorOperation, Qword64>>,
            13 => &Handlers.Pair<TFirst, ConstantAction<AddOperation, Dword32>>,
            14 => &Handlers.Pair<TFirst, ConstantAction<SubtractOperation, Dword32>>,
            15 => &Handlers.Pair<TFirst, ConstantAction<AndOperation, Dword32>>,
            16 => &Handlers.Pair<TFirst, ConstantAction<OrOperation, Dword32>>,
            17 => &Handlers.Pair<TFirst, ConstantAction<XorOperation, Dword32>>,
            18 => &Handlers.Pair<TFirst, ConstantAction<AddOperation, Qword64>>,
            19 => &Handlers.Pair<TFirst, ConstantAction<SubtractOperation, Qword64>>,
            20 => &Handlers.Pair<TFirst, ConstantAction<AndOperation, Qword64>>,
            21 => &Handlers.Pair<TFirst, ConstantAction<OrOperation, Qword64>>,
            22 => &Handlers.Pair<TFirst, ConstantAction<XorOperation, Qword64>>,
            23 => &Handlers.Pair<TFirst, ShiftAction<ShiftLeftOperation, Dword32>>,
            24 => &Handlers.Pair<TFirst, ShiftAction<ShiftRightOperation, Dword32>>,
            25 => &Handlers.Pair<TFirst, ShiftAction<ShiftArithmeticOperation, Dword32>>,
            26 => &Handlers.Pair<TFirst, ShiftAction<ShiftLeftOperation, Qword64>>,
            27 => &Handlers.Pair<TFirst, ShiftAction<ShiftRightOperation, Qword64>>,
            28 => &Handlers.Pair<TFirst, ShiftAction<ShiftArithmeticOperation, Qword64>>,
            29 => &Handlers.Pair<TFirst, AddressAction<Qword64, BaseAddress>>,
            30 => &Handlers.Pair<TFirst, AddressAction<Qword64, IndexedAddress>>,
            31 => &Handlers.Pair<TFirst, AddressAction<Dword32, AnyAddress>>,
            32 => &Handlers.Pair<TFirst, ExtensionAction<ZeroExtension<Byte8>, Dword32>>,
            33 => &Handlers.Pair<TFirst, ExtensionAction<ZeroExtension<Word16>, Dword32>>,
            _ => null,
        };
}
