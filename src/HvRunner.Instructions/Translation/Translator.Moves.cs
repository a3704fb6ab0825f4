// Moves, extensions, addresses, the stack, multiplication: which handler, for which operands.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private bool EmitMove(in Instruction instruction, ref Operation op)
    {
        var isMemory = instruction.Op0Kind == OpKind.Memory || instruction.Op1Kind == OpKind.Memory;
        if (instruction.Op0Kind == OpKind.Register && OffsetOf(instruction.Op0Register) < 0)
        {
            return false;
        }

        if (instruction.Op1Kind == OpKind.Register && OffsetOf(instruction.Op1Register) < 0)
        {
            return false;
        }

        return (isMemory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op0Register)) switch
        {
            0 => EmitMove<Byte8>(in instruction, ref op),
            1 => EmitMove<Word16>(in instruction, ref op),
            2 => EmitMove<Dword32>(in instruction, ref op),
            3 => EmitMove<Qword64>(in instruction, ref op),
            _ => false,
        };
    }

    private bool EmitMove<TWidth>(in Instruction instruction, ref Operation op)
        where TWidth : struct, IWidth
    {
        if (instruction.Op0Kind == OpKind.Register)
        {
            op.A = (byte)OffsetOf(instruction.Op0Register);
            if (instruction.Op1Kind == OpKind.Register)
            {
                op.B = (byte)OffsetOf(instruction.Op1Register);
                return Set(ref op, &Handlers.MoveRegisters<TWidth>);
            }

            if (instruction.Op1Kind == OpKind.Memory)
            {
                return SetAddress(in instruction, ref op) switch
                {
                    AddressKind.Base => Set(ref op, &Handlers.Load<TWidth, BaseAddress, Fast>),
                    AddressKind.Indexed => Set(ref op, &Handlers.Load<TWidth, IndexedAddress, Fast>),
                    AddressKind.Scaled => Set(ref op, &Handlers.Load<TWidth, ScaledAddress, Fast>),
                    AddressKind.Relative => Set(ref op, &Handlers.Load<TWidth, RelativeAddress, Fast>),
                    AddressKind.Any => Set(ref op, &Handlers.Load<TWidth, AnyAddress, Fast>),
                    _ => false,
                };
            }

            if (TryImmediate(in instruction, 1, out op.Immediate))
            {
                return Set(ref op, &Handlers.MoveImmediate<TWidth>);
            }

            var wide = instruction.GetImmediate(1);
            op.Immediate = (int)wide;
            op.Displacement = (int)(wide >> 32);
            return Set(ref op, &Handlers.MoveWideImmediate);
        }

        var address = SetAddress(in instruction, ref op);
        if (instruction.Op1Kind == OpKind.Register)
        {
            op.A = (byte)OffsetOf(instruction.Op1Register);
            return address switch
            {
                AddressKind.Base => Set(ref op, &Handlers.Store<TWidth, BaseAddress, Fast>),
                AddressKind.Indexed => Set(ref op, &Handlers.Store<TWidth, IndexedAddress, Fast>),
                AddressKind.Scaled => Set(ref op, &Handlers.Store<TWidth, ScaledAddress, Fast>),
                AddressKind.Relative => Set(ref op, &Handlers.Store<TWidth, RelativeAddress, Fast>),
                AddressKind.Any => Set(ref op, &Handlers.Store<TWidth, AnyAddress, Fast>),
                _ => false,
            };
        }

        return TryImmediate(in instruction, 1, out op.Immediate) && address switch
        {
            AddressKind.Base => Set(ref op, &Handlers.StoreImmediate<TWidth, BaseAddress, Fast>),
            AddressKind.Indexed or AddressKind.Scaled or AddressKind.Relative or AddressKind.Any => Set(ref op, &Handlers.StoreImmediate<TWidth, AnyAddress, Fast>),
            _ => false,
        };
    }

    private bool EmitLoadAddress(in Instruction instruction, ref Operation op)
    {
        op.A = (byte)OffsetOf(instruction.Op0Register);
        var address = SetAddress(in instruction, ref op, withSegment: false);
        if (address == AddressKind.None)
        {
            return false;
        }

        switch (instruction.Op0Register.GetSize())
        {
            case 8:
                op.Handler = address switch
                {
                    AddressKind.Base => &Handlers.LoadAddress<Qword64, BaseAddress>,
                    AddressKind.Indexed => &Handlers.LoadAddress<Qword64, IndexedAddress>,
                    _ => &Handlers.LoadAddress<Qword64, AnyAddress>,
                };
                return true;
            case 4:
                op.Handler = &Handlers.LoadAddress<Dword32, AnyAddress>;
                return true;
            default:
                op.Handler = &Handlers.LoadAddress<Word16, AnyAddress>;
                return true;
        }
    }

    private bool EmitExtension(in Instruction instruction, ref Operation op)
    {
        var fromMemory = instruction.Op1Kind == OpKind.Memory;
        var from = fromMemory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op1Register);
        var signed = instruction.Mnemonic != Mnemonic.Movzx;
        op.A = (byte)OffsetOf(instruction.Op0Register);
        return (from, signed) switch
        {
            (0, false) => EmitExtension<ZeroExtension<Byte8>>(in instruction, ref op, fromMemory),
            (0, true) => EmitExtension<SignExtension<Byte8>>(in instruction, ref op, fromMemory),
            (1, false) => EmitExtension<ZeroExtension<Word16>>(in instruction, ref op, fromMemory),
            (1, true) => EmitExtension<SignExtension<Word16>>(in instruction, ref op, fromMemory),
            (2, true) => EmitExtension<SignExtension<Dword32>>(in instruction, ref op, fromMemory),
            _ => false,
        };
    }

    private bool EmitExtension<TExtension>(in Instruction instruction, ref Operation op, bool fromMemory)
        where TExtension : struct, IExtension => instruction.Op0Register.GetSize() switch
        {
            2 => EmitExtension<TExtension, Word16>(in instruction, ref op, fromMemory),
            4 => EmitExtension<TExtension, Dword32>(in instruction, ref op, fromMemory),
            _ => EmitExtension<TExtension, Qword64>(in instruction, ref op, fromMemory),
        };

    private bool EmitExtension<TExtension, TTo>(in Instruction instruction, ref Operation op, bool fromMemory)
        where TExtension : struct, IExtension
        where TTo : struct, IWidth
    {
        if (!fromMemory)
        {
            op.B = (byte)OffsetOf(instruction.Op1Register);
            return Set(ref op, &Handlers.ExtendRegister<TExtension, TTo>);
        }

        return SetAddress(in instruction, ref op) switch
        {
            AddressKind.Base => Set(ref op, &Handlers.ExtendLoad<TExtension, TTo, BaseAddress, Fast>),
            AddressKind.Indexed => Set(ref op, &Handlers.ExtendLoad<TExtension, TTo, IndexedAddress, Fast>),
            AddressKind.Scaled or AddressKind.Relative or AddressKind.Any => Set(ref op, &Handlers.ExtendLoad<TExtension, TTo, AnyAddress, Fast>),
            _ => false,
        };
    }

    /// <summary>CWDE and CDQE: the accumulator's lower half extended into all of it.</summary>
    private static bool EmitAccumulatorExtension(in Instruction instruction, ref Operation op) => instruction.Mnemonic == Mnemonic.Cdqe
        ? Set(ref op, &Handlers.ExtendRegister<SignExtension<Dword32>, Qword64>)
        : Set(ref op, &Handlers.ExtendRegister<SignExtension<Word16>, Dword32>);

    private bool EmitStack(in Instruction instruction, ref Operation op)
    {
        switch (instruction.Code)
        {
            case Code.Push_r64:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                return Set(ref op, &Handlers.Push<Fast>);
            case Code.Push_rm64 when instruction.Op0Kind == OpKind.Register:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                return Set(ref op, &Handlers.Push<Fast>);
            case Code.Pushq_imm8 or Code.Pushq_imm32:
                return TryImmediate(in instruction, 0, out op.Immediate) && Set(ref op, &Handlers.PushImmediate<Fast>);
            case Code.Push_rm64:
                return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.PushMemory<Fast>);
            case Code.Pop_r64:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                return Set(ref op, &Handlers.Pop<Fast>);
            case Code.Leaveq:
                return Set(ref op, &Handlers.LeaveFrame<Fast>);
            default:
                return false;
        }
    }

    private bool EmitMultiply(in Instruction instruction, ref Operation op)
    {
        var isMemory = instruction.OpCount > 0 &&
            (instruction.Op0Kind == OpKind.Memory || (instruction.OpCount > 1 && instruction.Op1Kind == OpKind.Memory));
        var width = isMemory ? WidthOfMemory(in instruction) : WidthOfRegister(instruction.Op0Register);
        var done = width switch
        {
            2 => EmitMultiply<Dword32>(in instruction, ref op, isMemory),
            3 => EmitMultiply<Qword64>(in instruction, ref op, isMemory),
            _ => false,
        };
        if (done)
        {
            // Division leaves the flags alone, but may have gone the slow way, which settles them.
            _flags = instruction.Mnemonic == Mnemonic.Mul ? FlagState.Parts : FlagState.Unknown;
        }

        return done;
    }

    private bool EmitMultiply<TWidth>(in Instruction instruction, ref Operation op, bool isMemory)
        where TWidth : struct, IWidth
    {
        op.A = isMemory && instruction.OpCount == 1 ? (byte)0 : (byte)OffsetOf(instruction.Op0Register);
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Imul when instruction.OpCount == 2 && !isMemory:
                op.B = (byte)OffsetOf(instruction.Op1Register);
                return Set(ref op, &Handlers.MultiplyRegisters<TWidth>);
            case Mnemonic.Imul when instruction.OpCount == 3 && !isMemory:
                op.B = (byte)OffsetOf(instruction.Op1Register);
                return TryImmediate(in instruction, 2, out op.Immediate) && Set(ref op, &Handlers.MultiplyImmediate<TWidth>);
            case Mnemonic.Imul when instruction.OpCount == 2:
                return SetAddress(in instruction, ref op) switch
                {
                    AddressKind.Base => Set(ref op, &Handlers.MultiplyLoad<TWidth, BaseAddress, Fast>),
                    AddressKind.Indexed or AddressKind.Scaled or AddressKind.Relative or AddressKind.Any => Set(ref op, &Handlers.MultiplyLoad<TWidth, AnyAddress, Fast>),
                    _ => false,
                };
            case Mnemonic.Mul when !isMemory:
                return Set(ref op, &Handlers.MultiplyUnsigned<TWidth>);
            case Mnemonic.Div when !isMemory:
                return Set(ref op, &Handlers.DivideUnsigned<TWidth>);
            case Mnemonic.Idiv when !isMemory:
                return Set(ref op, &Handlers.DivideSigned<TWidth>);
            default:
                return false;
        }
    }

    private static bool EmitRepeated(in Instruction instruction, ref Operation op)
    {
        // Only with 64-bit addresses, and with the source in a segment without a base.
        if (instruction.MemorySegment is Register.FS or Register.GS || instruction.HasRepnePrefix)
        {
            return false;
        }

        var wide = instruction.Op0Kind == OpKind.MemoryESRDI;
        op.Handler = instruction.Code switch
        {
            Code.Movsb_m8_m8 => &Handlers.RepeatMove<Byte8>,
            Code.Movsw_m16_m16 => &Handlers.RepeatMove<Word16>,
            Code.Movsd_m32_m32 => &Handlers.RepeatMove<Dword32>,
            Code.Movsq_m64_m64 => &Handlers.RepeatMove<Qword64>,
            Code.Stosb_m8_AL => &Handlers.RepeatStore<Byte8>,
            Code.Stosw_m16_AX => &Handlers.RepeatStore<Word16>,
            Code.Stosd_m32_EAX => &Handlers.RepeatStore<Dword32>,
            Code.Stosq_m64_RAX => &Handlers.RepeatStore<Qword64>,
            _ => null,
        };
        return wide && op.Handler != null;
    }
}
