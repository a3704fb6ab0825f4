// Data movement between general operands: moves and extensions, exchanges of bytes within a register, conditional moves and sets, LEA, stack
// pushes and pops, XLAT (SDM vol. 1, 7.3.1). Segment loads live with the system instructions, stack frames in Frames.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteMoves()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Mov:
                return Move();
            case Mnemonic.Movzx:
                return Copy(0);
            case Mnemonic.Movsx or Mnemonic.Movsxd:
                return Copy(OperandSize(1));
            case Mnemonic.Movnti:
                return Copy(0);
            case Mnemonic.Movbe:
                return MoveSwapped();
            case Mnemonic.Lea:
                WriteRegister(_instruction.Op0Register, EffectiveAddress());
                return Outcome.Done;
            case Mnemonic.Bswap:
                return SwapBytes();
            case Mnemonic.Cbw:
                WriteRegister(Register.AX, Width.SignExtend(ReadRegister(Register.AL), 1));
                return Outcome.Done;
            case Mnemonic.Cwde:
                WriteRegister(Register.EAX, Width.SignExtend(ReadRegister(Register.AX), 2));
                return Outcome.Done;
            case Mnemonic.Cdqe:
                WriteRegister(Register.RAX, Width.SignExtend(ReadRegister(Register.EAX), 4));
                return Outcome.Done;
            case Mnemonic.Cwd:
                WriteRegister(Register.DX, 0 - (ReadRegister(Register.AX) >> 15));
                return Outcome.Done;
            case Mnemonic.Cdq:
                WriteRegister(Register.EDX, 0 - (ReadRegister(Register.EAX) >> 31));
                return Outcome.Done;
            case Mnemonic.Cqo:
                WriteRegister(Register.RDX, 0 - (ReadRegister(Register.RAX) >> 63));
                return Outcome.Done;
            case Mnemonic.Push:
                return Push();
            case Mnemonic.Pop:
                return Pop();
            case Mnemonic.Leave:
                return Leave();
            case Mnemonic.Enter:
                return Enter();
            case Mnemonic.Pusha or Mnemonic.Pushad:
                return PushAll();
            case Mnemonic.Popa or Mnemonic.Popad:
                return PopAll();
            case Mnemonic.Xlatb:
                return TranslateByte();
            default:
                return ConditionalMove();
        }
    }

    private Outcome Move()
    {
        var to = _instruction.Op0Kind == OpKind.Register ? _instruction.Op0Register : Register.None;
        var from = _instruction.Op1Kind == OpKind.Register ? _instruction.Op1Register : Register.None;
        if (IsSegment(to))
        {
            return LoadSegmentByMove(to);
        }

        if (IsSegment(from))
        {
            return TryWrite(0, ReadSegmentSelector(from)) ? Outcome.Done : Outcome.Fault;
        }

        if (to > Register.R15 || from > Register.R15)
        {
            return MoveSystemRegister();
        }

        return Copy(0);
    }

    private static bool IsSegment(Register register) => register is >= Register.ES and <= Register.GS;

    private Outcome Copy(int signedSize)
    {
        if (!TryRead(1, out var value))
        {
            return Outcome.Fault;
        }

        if (signedSize != 0)
        {
            value = Width.SignExtend(value, signedSize);
        }

        return TryWrite(0, value) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome MoveSwapped()
    {
        if (!TryRead(1, out var value))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        return TryWrite(0, System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value) >> (64 - (8 * size))) ? Outcome.Done : Outcome.Fault;
    }

    private readonly Outcome SwapBytes()
    {
        var register = _instruction.Op0Register;
        var value = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(ReadRegister(register));

        // With a 16-bit operand the result is undefined; common processors clear it.
        WriteRegister(register, register.GetSize() switch { 8 => value, 4 => value >> 32, _ => 0 });
        return Outcome.Done;
    }

    private Outcome ConditionalMove()
    {
        var condition = _instruction.ConditionCode;
        if (condition == ConditionCode.None || _instruction.FlowControl != FlowControl.Next || _instruction.Op0Kind is not (OpKind.Register or OpKind.Memory))
        {
            return Outcome.Elsewhere;
        }

        // SETcc has one operand and CMOVcc two general registers; others with a condition (CMPccXADD, FCMOVcc) are not of this group.
        if (_instruction.OpCount == 1 && OperandSize(0) == 1)
        {
            return TryWrite(0, IsMet(condition) ? 1UL : 0) ? Outcome.Done : Outcome.Fault;
        }

        if (_instruction.OpCount != 2 || _instruction.Op0Kind != OpKind.Register || _instruction.Op0Register > Register.R15)
        {
            return Outcome.Elsewhere;
        }

        // The source is read, and may fault, whether the condition holds or not; a 32-bit destination is extended in both cases.
        if (!TryRead(1, out var value))
        {
            return Outcome.Fault;
        }

        WriteRegister(_instruction.Op0Register, IsMet(condition) ? value : ReadRegister(_instruction.Op0Register));
        return Outcome.Done;
    }

    private readonly bool IsMet(ConditionCode condition)
    {
        var flags = _state.Rflags;
        var less = ((flags & Flag.Sign) != 0) != ((flags & Flag.Overflow) != 0);
        var zero = (flags & Flag.Zero) != 0;
        return condition switch
        {
            ConditionCode.o => (flags & Flag.Overflow) != 0,
            ConditionCode.no => (flags & Flag.Overflow) == 0,
            ConditionCode.b => (flags & Flag.Carry) != 0,
            ConditionCode.ae => (flags & Flag.Carry) == 0,
            ConditionCode.e => zero,
            ConditionCode.ne => !zero,
            ConditionCode.be => (flags & (Flag.Carry | Flag.Zero)) != 0,
            ConditionCode.a => (flags & (Flag.Carry | Flag.Zero)) == 0,
            ConditionCode.s => (flags & Flag.Sign) != 0,
            ConditionCode.ns => (flags & Flag.Sign) == 0,
            ConditionCode.p => (flags & Flag.Parity) != 0,
            ConditionCode.np => (flags & Flag.Parity) == 0,
            ConditionCode.l => less,
            ConditionCode.ge => !less,
            ConditionCode.le => less || zero,
            _ => !less && !zero,
        };
    }

    private Outcome Push()
    {
        ulong value;
        var size = Math.Abs(_instruction.StackPointerIncrement);
        if (_instruction.Op0Kind == OpKind.Register && IsSegment(_instruction.Op0Register))
        {
            value = ReadSegmentSelector(_instruction.Op0Register);
        }
        else if (!TryRead(0, out value))
        {
            return Outcome.Fault;
        }

        return TryPush(value, size) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome Pop()
    {
        var register = _instruction.Op0Kind == OpKind.Register ? _instruction.Op0Register : Register.None;
        var size = Math.Abs(_instruction.StackPointerIncrement);
        if (IsSegment(register))
        {
            return LoadSegmentByPop(register, size);
        }

        if (!TryPeek(0, size, out var value))
        {
            return Outcome.Fault;
        }

        // The address of a memory destination is computed with the stack pointer already moved.
        MoveStackPointer(size);
        return TryWrite(0, value) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome TranslateByte()
    {
        if (!TryRead(0, out var value))
        {
            return Outcome.Fault;
        }

        WriteRegister(Register.AL, value);
        return Outcome.Done;
    }
}
