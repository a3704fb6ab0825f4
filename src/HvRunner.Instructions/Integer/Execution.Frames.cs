// Stack frames and whole register sets: ENTER with nesting, PUSHA and POPA; and XLAT (SDM vol. 1, 6.5 and 7.3.1.3; vol. 2 per instruction).
// ENTER and PUSHA ask for every stack slot that they write before the first is written, so that a fault leaves no trace.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteFrames()
    {
        switch (_instruction.Code)
        {
            case Code.Enterw_imm16_imm8:
                return Enter(2);
            case Code.Enterd_imm16_imm8:
                return Enter(4);
            case Code.Enterq_imm16_imm8:
                return Enter(8);
            case Code.Pushaw:
                return PushAll(2);
            case Code.Pushad:
                return PushAll(4);
            case Code.Popaw:
                return PopAll(2);
            case Code.Popad:
                return PopAll(4);
            case Code.Xlat_m8:
                return Translate();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome Enter(int size)
    {
        var level = _instruction.Immediate8_2nd & 31;
        var step = (ulong)size;
        var mask = StackMask;
        var oldTop = _state[GeneralRegister.Rsp] & mask;
        var frame = (oldTop - step) & mask;
        var slots = level + 1;
        Span<ulong> values = stackalloc ulong[32];
        values[0] = _state[GeneralRegister.Rbp] & Width.Mask(size);
        for (var i = 1; i < level; i++)
        {
            var source = (_state[GeneralRegister.Rbp] - (step * (ulong)i)) & mask;
            if (!TryReadMemory(SegmentName.Ss, source, size, out values[i]))
            {
                return Outcome.Fault;
            }
        }

        if (level != 0)
        {
            values[level] = frame & Width.Mask(size);
        }

        for (var i = 0; i < slots; i++)
        {
            if (!TryLocate(SegmentName.Ss, (frame - (step * (ulong)i)) & mask, size, Access.Write, out _))
            {
                return Outcome.Fault;
            }
        }

        // The new top must be writable too, as the next push will find it.
        var top = (frame - (step * (ulong)level) - _instruction.Immediate16) & mask;
        if (!TryLocate(SegmentName.Ss, top, size, Access.Write, out _))
        {
            return Outcome.Fault;
        }

        for (var i = 0; i < slots; i++)
        {
            TryLocate(SegmentName.Ss, (frame - (step * (ulong)i)) & mask, size, Access.Write, out var span);
            WriteSpan(span, values[i]);
        }

        WriteRegister(size switch { 8 => Register.RBP, 4 => Register.EBP, _ => Register.BP }, frame);
        SetStackPointer(top);
        return Outcome.Done;
    }

    private Outcome PushAll(int size)
    {
        var top = _state[GeneralRegister.Rsp];
        for (var i = 0; i < 8; i++)
        {
            if (!TryLocate(SegmentName.Ss, (top - (ulong)(size * (i + 1))) & StackMask, size, Access.Write, out _))
            {
                return Outcome.Fault;
            }
        }

        // ESP goes in with the value from before.
        for (var i = 0; i < 8; i++)
        {
            TryLocate(SegmentName.Ss, (top - (ulong)(size * (i + 1))) & StackMask, size, Access.Write, out var span);
            WriteSpan(span, _state.General[i] & Width.Mask(size));
        }

        MoveStackPointer(-8 * size);
        return Outcome.Done;
    }

    private Outcome PopAll(int size)
    {
        Span<ulong> values = stackalloc ulong[8];
        for (var i = 0; i < 8; i++)
        {
            if (!TryPeek(size * i, size, out values[7 - i]))
            {
                return Outcome.Fault;
            }
        }

        for (var i = 0; i < 8; i++)
        {
            if (i != (int)GeneralRegister.Rsp)
            {
                WriteRegister((size == 2 ? Register.AX : Register.EAX) + i, values[i]);
            }
        }

        MoveStackPointer(8 * size);
        return Outcome.Done;
    }

    private Outcome Translate()
    {
        // The decoder names AL as an index, which the address computation adds unscaled.
        if (!TryReadMemory(MemorySegment, EffectiveAddress(), 1, out var value))
        {
            return Outcome.Fault;
        }

        WriteRegister(Register.AL, value);
        return Outcome.Done;
    }
}
