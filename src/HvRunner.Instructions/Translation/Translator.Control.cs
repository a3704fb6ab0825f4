// Branches, and what depends on a condition.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    private void EmitControl(in Instruction instruction, ref Operation op, bool wasJoinable)
    {
        if (!TryEmitControl(in instruction, ref op, wasJoinable))
        {
            op.Handler = &Handlers.SlowEnd;
        }
    }

    private bool TryEmitControl(in Instruction instruction, ref Operation op, bool wasJoinable)
    {
        if (instruction.IsJccShortOrNear)
        {
            return EmitBranch(in instruction, ref op, wasJoinable);
        }

        switch (instruction.Code)
        {
            case Code.Jmp_rel8_64 or Code.Jmp_rel32_64:
                if (!TrySetTarget(in instruction, ref op, out var isNear))
                {
                    return false;
                }

                if (!isNear)
                {
                    return Set(ref op, &Handlers.JumpFar);
                }

                op.Immediate = _code.NewLinkPair(_frame);
                return Set(ref op, &Handlers.Jump);
            case Code.Call_rel32_64:
                if (!TrySetTarget(in instruction, ref op, out isNear))
                {
                    return false;
                }

                if (!isNear)
                {
                    return Set(ref op, &Handlers.Call<Fast>);
                }

                op.Immediate = _code.NewLinkPair(_frame);
                return Set(ref op, &Handlers.CallNear<Fast>);
            case Code.Retnq:
                return Set(ref op, &Handlers.Return<Fast>);
            case Code.Retnq_imm16:
                op.Immediate = instruction.Immediate16;
                return Set(ref op, &Handlers.Return<Fast>);
            case Code.Jmp_rm64 when instruction.Op0Kind == OpKind.Register:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                return Set(ref op, &Handlers.JumpRegister);
            case Code.Jmp_rm64:
                return SetAddress(in instruction, ref op) switch
                {
                    AddressKind.None => false,
                    _ => Set(ref op, &Handlers.JumpMemory<AnyAddress, Fast>),
                };
            case Code.Call_rm64 when instruction.Op0Kind == OpKind.Register:
                op.A = (byte)OffsetOf(instruction.Op0Register);
                return Set(ref op, &Handlers.CallRegister<Fast>);
            case Code.Call_rm64:
                return SetAddress(in instruction, ref op) != AddressKind.None && Set(ref op, &Handlers.CallMemory<Fast>);
            default:
                return false;
        }
    }

    /// <summary>The branch target's distance from the block's start; near when it is in the same page.</summary>
    private bool TrySetTarget(in Instruction instruction, ref Operation op, out bool isNear)
    {
        var target = instruction.NearBranchTarget;
        var distance = (long)(target - _start);
        op.Displacement = (int)distance;
        isNear = ((target ^ _start) & ~0xfffUL) == 0;

        // A target beyond the canonical half is the executor's to refuse.
        return op.Displacement == distance && (ulong)((long)(target << 16) >> 16) == target;
    }

    private bool EmitBranch(in Instruction instruction, ref Operation op, bool wasJoinable)
    {
        if (!TrySetTarget(in instruction, ref op, out var isNear))
        {
            return false;
        }

        isNear &= (((instruction.NextIP ^ _start) & ~0xfffUL) == 0);
        if (!isNear)
        {
            return SelectCondition<FarBranch>(in instruction, ref op);
        }

        op.Immediate = _code.NewLinkPair(_frame);
        if (wasJoinable && TryJoin(in instruction, ref op))
        {
            return true;
        }

        return SelectCondition<NearBranch>(in instruction, ref op);
    }

    /// <summary>Makes one operation of the comparison before and this branch.</summary>
    private bool TryJoin(in Instruction branch, ref Operation op)
    {
        ref readonly var comparison = ref _instructions[_count - 2];
        ref var joined = ref _operations[_operationCount - 2];
        var isTest = comparison.Mnemonic == Mnemonic.Test;
        var byRegister = comparison.Op1Kind == OpKind.Register;
        var number = (int)branch.ConditionCode - (int)ConditionCode.o;
        var handler = WidthOfRegister(comparison.Op0Register) switch
        {
            0 => JoinedHandler<Byte8>(isTest, byRegister, number),
            2 => JoinedHandler<Dword32>(isTest, byRegister, number),
            _ => JoinedHandler<Qword64>(isTest, byRegister, number),
        };
        if (handler == null)
        {
            return false;
        }

        joined.Handler = handler;
        joined.C = (byte)joined.Immediate;
        joined.Displacement = op.Displacement;
        joined.Immediate = op.Immediate;
        joined.Length += op.Length;
        _operationCount--;
        return true;
    }

    private static delegate*<ref Operation, Processor, ChainEnd> JoinedHandler<TWidth>(bool isTest, bool byRegister, int number)
        where TWidth : struct, IWidth => (isTest, byRegister) switch
        {
            (false, true) => Conditions<JoinedRegisters<CompareOperation, TWidth>>.Of<DifferenceFlags>(number),
            (false, false) => Conditions<JoinedConstant<CompareOperation, TWidth>>.Of<DifferenceFlags>(number),
            (true, true) => Conditions<JoinedRegisters<TestOperation, TWidth>>.Of<LogicFlags>(number),
            (true, false) => Conditions<JoinedConstant<TestOperation, TWidth>>.Of<LogicFlags>(number),
        };

    private bool EmitConditional(in Instruction instruction, ref Operation op)
    {
        if (instruction.ConditionCode == ConditionCode.None)
        {
            return false;
        }

        if (instruction.OpCount == 1)
        {
            if (instruction.Op0Kind == OpKind.Memory)
            {
                return SetAddress(in instruction, ref op) != AddressKind.None && SelectCondition<ConditionalStore>(in instruction, ref op);
            }

            op.A = (byte)OffsetOf(instruction.Op0Register);
            return SelectCondition<ConditionalSet>(in instruction, ref op);
        }

        if (instruction.OpCount != 2 || !TryRegister(instruction.Op0Register, out op.A))
        {
            return false;
        }

        var width = instruction.Op0Register.GetSize();
        if (instruction.Op1Kind == OpKind.Memory)
        {
            return SetAddress(in instruction, ref op) != AddressKind.None && width switch
            {
                4 => SelectCondition<ConditionalLoad<Dword32>>(in instruction, ref op),
                8 => SelectCondition<ConditionalLoad<Qword64>>(in instruction, ref op),
                _ => false,
            };
        }

        return TryRegister(instruction.Op1Register, out op.B) && width switch
        {
            4 => SelectCondition<ConditionalMove<Dword32>>(in instruction, ref op),
            8 => SelectCondition<ConditionalMove<Qword64>>(in instruction, ref op),
            _ => false,
        };
    }

    private bool SelectCondition<TFamily>(in Instruction instruction, ref Operation op)
        where TFamily : struct, IConditionalFamily
    {
        var number = (int)instruction.ConditionCode - (int)ConditionCode.o;
        op.Handler = _flags switch
        {
            FlagState.Sum => Conditions<TFamily>.Of<SumFlags>(number),
            FlagState.Difference => Conditions<TFamily>.Of<DifferenceFlags>(number),
            FlagState.Logic => Conditions<TFamily>.Of<LogicFlags>(number),
            FlagState.Parts => Conditions<TFamily>.Of<PartsFlags>(number),
            _ => Conditions<TFamily>.Of<AnyFlags>(number),
        };
        return true;
    }
}
