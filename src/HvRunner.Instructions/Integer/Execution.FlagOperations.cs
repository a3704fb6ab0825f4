// Instructions whose operand is RFLAGS, and those that do nothing: CLC to STD, CLI and STI, CLAC and STAC, LAHF and SAHF, PUSHF and POPF, NOP,
// hints and fences (SDM vol. 1, 7.3.13; vol. 2 per instruction). Fences are no-ops: the executor makes its accesses in program order.
// Not done: virtual interrupts (CR4.PVI, CR4.VME).
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private readonly int IoPrivilegeLevel => (int)(_state.Rflags >> 12) & 3;

    private Outcome ExecuteFlagOperations()
    {
        ref var flags = ref _state.Rflags;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Clc:
                flags &= ~Flag.Carry;
                return Outcome.Done;
            case Mnemonic.Stc:
                flags |= Flag.Carry;
                return Outcome.Done;
            case Mnemonic.Cmc:
                flags ^= Flag.Carry;
                return Outcome.Done;
            case Mnemonic.Cld:
                flags &= ~Flag.Direction;
                return Outcome.Done;
            case Mnemonic.Std:
                flags |= Flag.Direction;
                return Outcome.Done;
            case Mnemonic.Cli or Mnemonic.Sti:
                return SetInterruptFlag(_instruction.Mnemonic == Mnemonic.Sti);
            case Mnemonic.Clac or Mnemonic.Stac:
                if (_cpl != 0)
                {
                    return UndefinedOpcode();
                }

                flags = _instruction.Mnemonic == Mnemonic.Stac ? flags | Flag.AlignmentCheck : flags & ~Flag.AlignmentCheck;
                return Outcome.Done;
            case Mnemonic.Lahf:
                WriteRegister(Register.AH, (flags & 0xd5) | 2);
                return Outcome.Done;
            case Mnemonic.Sahf:
                flags = (flags & ~0xd5UL) | (ReadRegister(Register.AH) & 0xd5);
                return Outcome.Done;
            case Mnemonic.Pushf or Mnemonic.Pushfd or Mnemonic.Pushfq:
                return TryPush(flags & ~(Flag.Resume | Flag.Virtual8086), -_instruction.StackPointerIncrement) ? Outcome.Done : Outcome.Fault;
            case Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq:
                return PopFlags();
            default:
                return ExecuteHints();
        }
    }

    private Outcome SetInterruptFlag(bool set)
    {
        if (_cpl > IoPrivilegeLevel)
        {
            return GeneralProtection();
        }

        _shadow = set && (_state.Rflags & Flag.Interrupt) == 0;
        _state.Rflags = set ? _state.Rflags | Flag.Interrupt : _state.Rflags & ~Flag.Interrupt;
        return Outcome.Done;
    }

    private Outcome PopFlags()
    {
        var size = _instruction.StackPointerIncrement;
        if (!TryPeek(0, size, out var value))
        {
            return Outcome.Fault;
        }

        var writable = Flag.Status | Flag.Trap | Flag.Direction | Flag.NestedTask | Flag.AlignmentCheck | Flag.Identification;
        if (_cpl <= IoPrivilegeLevel)
        {
            writable |= Flag.Interrupt;
        }

        if (_cpl == 0)
        {
            writable |= Flag.IoPrivilege;
        }

        if (size == 2)
        {
            writable &= 0xffff;
        }

        MoveStackPointer(size);
        _state.Rflags = (_state.Rflags & ~writable) | (value & writable);
        return Outcome.Done;
    }

    private Outcome ExecuteHints()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Reservednop when !_features.FollowsIntel && _instruction.Op0Kind == OpKind.Register &&
                _instruction.Code is Code.Reservednop_rm16_r16_0F0D or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D:
                // PREFETCHW without an address: a NOP to Intel (SDM vol. 2, table A-3), undefined to AMD (APM vol. 3, "PREFETCH").
                return UndefinedOpcode();
            case Mnemonic.Nop or Mnemonic.Pause or Mnemonic.Endbr32 or Mnemonic.Endbr64 or Mnemonic.Reservednop or
                Mnemonic.Lfence or Mnemonic.Mfence or Mnemonic.Sfence or Mnemonic.Serialize or
                Mnemonic.Prefetch or Mnemonic.Prefetchw or Mnemonic.Prefetchwt1 or Mnemonic.Prefetchnta or
                Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2 or Mnemonic.Prefetchit0 or Mnemonic.Prefetchit1:
                return Outcome.Done;
            case Mnemonic.Rdsspd or Mnemonic.Rdsspq or Mnemonic.Cldemote:
                // Hints of features that are never on.
                return Outcome.Done;
            case Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb:
                // Nothing to flush, but the address is checked and translated as for a load of one byte.
                return TryLocate(MemorySegment, EffectiveAddress(), 1, Access.Read, out _) ? Outcome.Done : Outcome.Fault;
            default:
                return Outcome.Elsewhere;
        }
    }
}
