// Arithmetic and logic: which handler, for which operands.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private bool EmitBinary(in Instruction instruction, ref Operation op)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Add:
                return EmitBinary<AddOperation>(in instruction, ref op, FlagState.Sum);
            case Mnemonic.Sub:
                return EmitBinary<SubtractOperation>(in instruction, ref op, FlagState.Difference);
            case Mnemonic.Cmp:
                return EmitComparison<CompareOperation>(in instruction, ref op, FlagState.Difference);
            case Mnemonic.Test:
                return EmitComparison<TestOperation>(in instruction, ref op, FlagState.Logic);
            case Mnemonic.And:
                return EmitBinary<AndOperation>(in instruction, ref op, FlagState.Logic);
            case Mnemonic.Or:
                return EmitBinary<OrOperation>(in instruction, ref op, FlagState.Logic);
            case Mnemonic.Xor:
                return EmitBinary<XorOperation>(in instruction, ref op, FlagState.Logic);
            case Mnemonic.Adc:
                return EmitBinary<AddWithCarryOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Sbb:
                return EmitBinary<SubtractWithBorrowOperation>(in instruction, ref op, FlagState.Parts);
            default:
                return false;
        }
    }

    private bool EmitComparison<TBinary>(in Instruction instruction, ref Operation op, FlagState flags)
        where TBinary : struct, IBinary
    {
        if (!EmitBinary<TBinary>(in instruction, ref op, flags))
        {
            return false;
        }

        _joinable = instruction.Op0Kind == OpKind.Register && WidthOfRegister(instruction.Op0Register) is 0 or 2 or 3 &&
            (instruction.Op1Kind == OpKind.Register || (TryImmediate(in instruction, 1, out var value) && value == (sbyte)value));
        return true;
    }

    private bool EmitBinary<TBinary>(in Instruction instruction, ref Operation op, FlagState flags)
        where TBinary : struct, IBinary
    {
        var isMemory = instruction.Op0Kind == OpKind.Memory || instruction.Op1Kind == OpKind.Memory;
        var width = isMemory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op0Register);
        var done = width switch
        {
            0 => EmitBinary<TBinary, Byte8>(in instruction, ref op),
            1 => EmitBinary<TBinary, Word16>(in instruction, ref op),
            2 => EmitBinary<TBinary, Dword32>(in instruction, ref op),
            3 => EmitBinary<TBinary, Qword64>(in instruction, ref op),
            _ => false,
        };
        if (done)
        {
            _flags = flags;
        }

        return done;
    }

    private bool EmitBinary<TBinary, TWidth>(in Instruction instruction, ref Operation op)
        where TBinary : struct, IBinary
        where TWidth : struct, IWidth
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            if (!TryRegister(instruction.Op0Register, out op.A))
            {
                return false;
            }

            if (instruction.Op1Kind == OpKind.Register)
            {
                op.Handler = &Handlers.BinaryRegisters<TBinary, TWidth>;
                return TryRegister(instruction.Op1Register, out op.B);
            }

            if (instruction.Op1Kind != OpKind.Memory)
            {
                op.Handler = &Handlers.BinaryImmediate<TBinary, TWidth>;
                return TryImmediate(in instruction, 1, out op.Immediate);
            }

            switch (SetAddress(in instruction, ref op))
            {
                case AddressKind.Base:
                    return Set(ref op, &Handlers.BinaryLoad<TBinary, TWidth, BaseAddress, Fast>);
                case AddressKind.Indexed:
                    return Set(ref op, &Handlers.BinaryLoad<TBinary, TWidth, IndexedAddress, Fast>);
                case AddressKind.Scaled or AddressKind.Relative or AddressKind.Any:
                    return Set(ref op, &Handlers.BinaryLoad<TBinary, TWidth, AnyAddress, Fast>);
                default:
                    return false;
            }
        }

        if (instruction.Op0Kind != OpKind.Memory)
        {
            return false;
        }

        var address = SetAddress(in instruction, ref op);
        if (instruction.Op1Kind == OpKind.Register)
        {
            return TryRegister(instruction.Op1Register, out op.A) && address switch
            {
                AddressKind.Base => Set(ref op, &Handlers.BinaryStore<TBinary, TWidth, BaseAddress, Fast>),
                AddressKind.Indexed => Set(ref op, &Handlers.BinaryStore<TBinary, TWidth, IndexedAddress, Fast>),
                AddressKind.Scaled or AddressKind.Relative or AddressKind.Any => Set(ref op, &Handlers.BinaryStore<TBinary, TWidth, AnyAddress, Fast>),
                _ => false,
            };
        }

        return TryImmediate(in instruction, 1, out op.Immediate) && address switch
        {
            AddressKind.Base => Set(ref op, &Handlers.BinaryStoreImmediate<TBinary, TWidth, BaseAddress, Fast>),
            AddressKind.Indexed => Set(ref op, &Handlers.BinaryStoreImmediate<TBinary, TWidth, IndexedAddress, Fast>),
            AddressKind.Relative => Set(ref op, &Handlers.BinaryStoreImmediate<TBinary, TWidth, RelativeAddress, Fast>),
            AddressKind.Scaled or AddressKind.Any => Set(ref op, &Handlers.BinaryStoreImmediate<TBinary, TWidth, AnyAddress, Fast>),
            _ => false,
        };
    }

    private bool EmitUnary(in Instruction instruction, ref Operation op)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Inc:
                return EmitUnary<IncrementOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Dec:
                return EmitUnary<DecrementOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Neg:
                return EmitUnary<NegateOperation>(in instruction, ref op, FlagState.Difference);
            case Mnemonic.Not:
                return EmitUnary<NotOperation>(in instruction, ref op, _flags);
            case Mnemonic.Bswap:
                return instruction.Op0Register.GetSize() >= 4 && EmitUnary<ByteSwapOperation>(in instruction, ref op, _flags);
            case Mnemonic.Shl or Mnemonic.Sal:
                return EmitUnary<ShiftLeftOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Shr:
                return EmitUnary<ShiftRightOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Sar:
                return EmitUnary<ShiftArithmeticOperation>(in instruction, ref op, FlagState.Parts);
            case Mnemonic.Rol:
                return EmitUnary<RotateLeftOperation>(in instruction, ref op, FlagState.Unknown);
            case Mnemonic.Ror:
                return EmitUnary<RotateRightOperation>(in instruction, ref op, FlagState.Unknown);
            default:
                return false;
        }
    }

    private bool EmitUnary<TUnary>(in Instruction instruction, ref Operation op, FlagState flags)
        where TUnary : struct, IUnary
    {
        var width = instruction.Op0Kind == OpKind.Memory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op0Register);
        var done = width switch
        {
            0 => EmitUnary<TUnary, Byte8>(in instruction, ref op),
            1 => EmitUnary<TUnary, Word16>(in instruction, ref op),
            2 => EmitUnary<TUnary, Dword32>(in instruction, ref op),
            3 => EmitUnary<TUnary, Qword64>(in instruction, ref op),
            _ => false,
        };
        if (done)
        {
            // A count of zero leaves the flags as they were.
            var mayKeep = instruction.OpCount == 2 && (instruction.Op1Kind == OpKind.Register || (op.Immediate & 31) == 0);
            _flags = mayKeep ? FlagState.Unknown : flags;
        }

        return done;
    }

    private bool EmitUnary<TUnary, TWidth>(in Instruction instruction, ref Operation op)
        where TUnary : struct, IUnary
        where TWidth : struct, IWidth
    {
        var byCl = false;
        if (instruction.OpCount == 2)
        {
            byCl = instruction.Op1Kind == OpKind.Register;
            if (byCl ? instruction.Op1Register != Register.CL : !TryImmediate(in instruction, 1, out op.Immediate))
            {
                return false;
            }
        }

        if (instruction.Op0Kind == OpKind.Register)
        {
            op.Handler = byCl ? &Handlers.UnaryRegisterByCl<TUnary, TWidth> : &Handlers.UnaryRegister<TUnary, TWidth>;
            return TryRegister(instruction.Op0Register, out op.A);
        }

        return !byCl && SetAddress(in instruction, ref op) switch
        {
            AddressKind.Base => Set(ref op, &Handlers.UnaryMemory<TUnary, TWidth, BaseAddress, Fast>),
            AddressKind.Indexed or AddressKind.Scaled or AddressKind.Relative or AddressKind.Any => Set(ref op, &Handlers.UnaryMemory<TUnary, TWidth, AnyAddress, Fast>),
            _ => false,
        };
    }
}
