// RETF (SDM vol. 2, RET; vol. 3A, 5.8.6): to the same or an outer privilege level, with the release of parameters on both stacks.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ReturnFar()
    {
        var size = _instruction.Code switch
        {
            Code.Retfq or Code.Retfq_imm16 => 8,
            Code.Retfd or Code.Retfd_imm16 => 4,
            _ => 2,
        };
        var released = _instruction.OpCount == 1 ? _instruction.Immediate16 : 0;
        if (!TryPeek(0, size, out var rip) || !TryPeek(size, size, out var word))
        {
            return Outcome.Fault;
        }

        var selector = (ushort)word;
        if (!_isProtected)
        {
            ref var cs = ref _state.Segments[(int)SegmentName.Cs];
            if (rip > cs.Limit)
            {
                return GeneralProtection();
            }

            cs.Selector = selector;
            cs.Base = (ulong)selector << 4;
            _nextRip = rip;
            _changed |= StateParts.System;
            MoveStackPointer((2 * size) + released);
            return Outcome.Done;
        }

        var outcome = CheckReturnCode(selector, rip, out var code, out var codeAddress);
        if (outcome != Outcome.Done)
        {
            return outcome;
        }

        var level = selector & 3;
        var stack = _state.Segments[(int)SegmentName.Ss];
        ulong pointer = 0;
        if (level != _cpl)
        {
            // The outer stack pointer lies above the parameters.
            var above = (2 * size) + released;
            if (!TryPeek(above, size, out pointer) || !TryPeek(above + size, size, out var stackSelector))
            {
                return Outcome.Fault;
            }

            outcome = CheckReturnStack((ushort)stackSelector, level, code, out stack);
            if (outcome != Outcome.Done)
            {
                return outcome;
            }
        }

        if (!TryMarkAccessed(code, codeAddress))
        {
            return Outcome.Fault;
        }

        EnterCode(code, selector, rip);
        if (level == _cpl)
        {
            MoveStackPointer((2 * size) + released);
            return Outcome.Done;
        }

        _state.Segments[(int)SegmentName.Ss] = stack;
        pointer += (ulong)released;
        ref var rsp = ref _state.General[(int)GeneralRegister.Rsp];
        rsp = _is64Capable && code.Long ? pointer : stack.Default32 ? (uint)pointer : (rsp & ~0xffffUL) | (pointer & 0xffff);
        DropInnerSegments(level);
        return Outcome.Done;
    }
}
