// Stack frames: ENTER, LEAVE, PUSHA, POPA (SDM vol. 1, 6.5; vol. 2 per instruction). What is pushed is written only after all of it has been
// translated, because a fault must leave the stack as it was.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome Leave()
    {
        var frame = _state[GeneralRegister.Rbp] & StackMask;
        var size = _is64 ? (_instruction.Code == Code.Leaveq ? 8 : 2) : _instruction.Code == Code.Leaved ? 4 : 2;
        if (!TryReadMemory(SegmentName.Ss, frame, size, out var value))
        {
            return Outcome.Fault;
        }

        SetStackPointer(frame + (ulong)size);
        WriteRegister(size switch { 8 => Register.RBP, 4 => Register.EBP, _ => Register.BP }, value);
        return Outcome.Done;
    }

    private Outcome Enter()
    {
        var size = _instruction.Code switch { Code.Enterq_imm16_imm8 => 8, Code.Enterd_imm16_imm8 => 4, _ => 2 };
        var level = _instruction.Immediate8_2nd & 31;
        var mask = StackMask;
        var top = (_state[GeneralRegister.Rsp] - (ulong)size) & mask;

        // Every word, in the order in which a processor comes to it, the last one that the procedure will use included.
        for (var i = 0; i <= level; i++)
        {
            if ((i != 0 && i != level && !TryLocate(SegmentName.Ss, OuterFrame(i, size), size, Access.Read, out _)) ||
                !TryLocate(SegmentName.Ss, (top - (ulong)(size * i)) & mask, size, Access.Write, out _))
            {
                return Outcome.Fault;
            }
        }

        var end = (top - (ulong)(size * level) - _instruction.Immediate16) & mask;
        if (!TryLocate(SegmentName.Ss, end, size, Access.Write, out _))
        {
            return Outcome.Fault;
        }

        // One after the other, because the frames may overlap: the saved frame pointer, the outer ones, the new one.
        for (var i = 0; i <= level; i++)
        {
            var value = i == 0 ? _state[GeneralRegister.Rbp] : top;
            if ((i != 0 && i != level && !TryReadMemory(SegmentName.Ss, OuterFrame(i, size), size, out value)) ||
                !TryLocate(SegmentName.Ss, (top - (ulong)(size * i)) & mask, size, Access.Write, out var span))
            {
                return Outcome.Fault;
            }

            WriteSpan(span, value);
        }

        WriteRegister(size switch { 8 => Register.RBP, 4 => Register.EBP, _ => Register.BP }, top);
        SetStackPointer(end);
        return Outcome.Done;
    }

    /// <summary>Where the frame pointer of the procedure <paramref name="level"/> levels further out is kept.</summary>
    private readonly ulong OuterFrame(int level, int size) => (_state[GeneralRegister.Rbp] - (ulong)(size * level)) & StackMask;

    private Outcome PushAll()
    {
        var size = _instruction.Mnemonic == Mnemonic.Pushad ? 4 : 2;
        Span<byte> frame = stackalloc byte[32];
        var length = 0;
        for (var i = 7; i >= 0; i--)
        {
            Append(frame, ref length, _state.General[i], size);
        }

        var top = (_state[GeneralRegister.Rsp] - (ulong)length) & StackMask;
        if (!TryLocate(SegmentName.Ss, top, length, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        WriteSpan(span, frame[..length]);
        SetStackPointer(top);
        return Outcome.Done;
    }

    private Outcome PopAll()
    {
        var isWide = _instruction.Mnemonic == Mnemonic.Popad;
        var size = isWide ? 4 : 2;
        Span<byte> frame = stackalloc byte[32];
        if (!TryLocate(SegmentName.Ss, _state[GeneralRegister.Rsp] & StackMask, 8 * size, Access.Read, out var span))
        {
            return Outcome.Fault;
        }

        ReadSpan(span, frame[..(8 * size)]);
        MoveStackPointer(8 * size);
        for (var i = 0; i < 8; i++)
        {
            // The saved stack pointer is skipped.
            var register = 7 - i;
            if (register != (int)GeneralRegister.Rsp)
            {
                var value = isWide ? BitConverter.ToUInt32(frame[(4 * i)..]) : BitConverter.ToUInt16(frame[(2 * i)..]);
                WriteRegister((isWide ? Register.EAX : Register.AX) + register, value);
            }
        }

        return Outcome.Done;
    }
}
