// Near branches: Jcc, JMP, CALL, RET, LOOP, JCXZ (SDM vol. 1, 7.3.8). A target outside the code segment, or not canonical, faults at the branch.
// Far branches, which change segments, are a group of their own.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteControlFlow()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Jmp:
                return _instruction.IsJmpFar || _instruction.IsJmpFarIndirect ? Outcome.Elsewhere : JumpNear();
            case Mnemonic.Call:
                return _instruction.IsCallFar || _instruction.IsCallFarIndirect ? Outcome.Elsewhere : CallNear();
            case Mnemonic.Ret:
                return ReturnNear();
            case Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne:
                return Loop();
            case Mnemonic.Jcxz or Mnemonic.Jecxz or Mnemonic.Jrcxz:
                return ReadCount(_instruction.Mnemonic == Mnemonic.Jcxz ? 2 : _instruction.Mnemonic == Mnemonic.Jecxz ? 4 : 8) == 0
                    ? Branch(_instruction.NearBranchTarget)
                    : Outcome.Done;
            default:
                if (!_instruction.IsJccShortOrNear)
                {
                    return Outcome.Elsewhere;
                }

                return IsMet(_instruction.ConditionCode) ? Branch(_instruction.NearBranchTarget) : Outcome.Done;
        }
    }

    private Outcome Branch(ulong target)
    {
        if (!IsValidTarget(target))
        {
            return GeneralProtection();
        }

        _nextRip = target;
        return Outcome.Done;
    }

    private readonly bool IsValidTarget(ulong target) =>
        _is64 ? IsCanonical(target) : target <= _state.Segments[(int)SegmentName.Cs].Limit;

    private bool TryReadNearTarget(out ulong target)
    {
        if (_instruction.Op0Kind is OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64)
        {
            target = _instruction.NearBranchTarget;
            return true;
        }

        return TryRead(0, out target);
    }

    private Outcome JumpNear() => TryReadNearTarget(out var target) ? Branch(target) : Outcome.Fault;

    private Outcome CallNear()
    {
        if (!TryReadNearTarget(out var target))
        {
            return Outcome.Fault;
        }

        if (!IsValidTarget(target))
        {
            return GeneralProtection();
        }

        if (!TryPush(_nextRip, -_instruction.StackPointerIncrement))
        {
            return Outcome.Fault;
        }

        _nextRip = target;
        return Outcome.Done;
    }

    private Outcome ReturnNear()
    {
        var size = _instruction.Code switch
        {
            Code.Retnq or Code.Retnq_imm16 => 8,
            Code.Retnd or Code.Retnd_imm16 => 4,
            _ => 2,
        };
        if (!TryPeek(0, size, out var target))
        {
            return Outcome.Fault;
        }

        if (!IsValidTarget(target))
        {
            return GeneralProtection();
        }

        MoveStackPointer(size + (_instruction.OpCount == 1 ? _instruction.Immediate16 : 0));
        _nextRip = target;
        return Outcome.Done;
    }

    private Outcome Loop()
    {
        var size = _instruction.Code switch
        {
            Code.Loop_rel8_16_CX or Code.Loop_rel8_32_CX or Code.Loope_rel8_16_CX or Code.Loope_rel8_32_CX or
                Code.Loopne_rel8_16_CX or Code.Loopne_rel8_32_CX => 2,
            Code.Loop_rel8_16_RCX or Code.Loop_rel8_64_RCX or Code.Loope_rel8_16_RCX or Code.Loope_rel8_64_RCX or
                Code.Loopne_rel8_16_RCX or Code.Loopne_rel8_64_RCX => 8,
            _ => 4,
        };
        var count = (ReadCount(size) - 1) & Width.Mask(size);
        var isZero = (_state.Rflags & Flag.Zero) != 0;
        var isTaken = count != 0 && _instruction.Mnemonic switch
        {
            Mnemonic.Loope => isZero,
            Mnemonic.Loopne => !isZero,
            _ => true,
        };
        if (isTaken && Branch(_instruction.NearBranchTarget) == Outcome.Fault)
        {
            return Outcome.Fault;
        }

        WriteCount(size, count);
        return Outcome.Done;
    }

    private readonly ulong ReadCount(int addressSize) => _state[GeneralRegister.Rcx] & Width.Mask(addressSize);

    private readonly void WriteCount(int addressSize, ulong value)
    {
        WriteRegister(addressSize switch { 2 => Register.CX, 4 => Register.ECX, _ => Register.RCX }, value);
    }
}
