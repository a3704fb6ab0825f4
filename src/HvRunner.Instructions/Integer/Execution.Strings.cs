// String instructions (SDM vol. 1, 7.3.9; vol. 2, REP). One step is one iteration: RIP stays until the count or the comparison ends it, as it
// does when an interrupt arrives between two iterations, so that a caller never waits for a long copy.
// INS and OUTS are with the other port instructions.
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteStrings()
    {
        var (operation, size) = _instruction.Code switch
        {
            Code.Movsb_m8_m8 => ('m', 1),
            Code.Movsw_m16_m16 => ('m', 2),
            Code.Movsd_m32_m32 => ('m', 4),
            Code.Movsq_m64_m64 => ('m', 8),
            Code.Cmpsb_m8_m8 => ('c', 1),
            Code.Cmpsw_m16_m16 => ('c', 2),
            Code.Cmpsd_m32_m32 => ('c', 4),
            Code.Cmpsq_m64_m64 => ('c', 8),
            Code.Stosb_m8_AL => ('s', 1),
            Code.Stosw_m16_AX => ('s', 2),
            Code.Stosd_m32_EAX => ('s', 4),
            Code.Stosq_m64_RAX => ('s', 8),
            Code.Lodsb_AL_m8 => ('l', 1),
            Code.Lodsw_AX_m16 => ('l', 2),
            Code.Lodsd_EAX_m32 => ('l', 4),
            Code.Lodsq_RAX_m64 => ('l', 8),
            Code.Scasb_AL_m8 => ('a', 1),
            Code.Scasw_AX_m16 => ('a', 2),
            Code.Scasd_EAX_m32 => ('a', 4),
            Code.Scasq_RAX_m64 => ('a', 8),
            _ => ('\0', 0),
        };
        if (size == 0)
        {
            return Outcome.Elsewhere;
        }

        var addressSize = StringAddressSize();
        var repeats = _instruction.HasRepePrefix || _instruction.HasRepnePrefix;
        if (repeats && ReadCount(addressSize) == 0)
        {
            return Outcome.Done;
        }

        if (!TryRunString(operation, size, addressSize))
        {
            return Outcome.Fault;
        }

        if (repeats)
        {
            var isZero = (_state.Rflags & Flag.Zero) != 0;
            EndIteration(addressSize, operation is 'c' or 'a' && isZero != _instruction.HasRepePrefix);
        }

        return Outcome.Done;
    }

    /// <summary>Counts down, and leaves RIP at the instruction unless the count or the comparison ended it.</summary>
    private void EndIteration(int addressSize, bool ends)
    {
        var count = (ReadCount(addressSize) - 1) & Width.Mask(addressSize);
        WriteCount(addressSize, count);
        if (count != 0 && !ends)
        {
            _nextRip = _state.Rip;
            _keepsResumeFlag = true;
            if (_watchesDebug)
            {
                // A trap or an interrupt between two iterations saves RF as 1, so that a breakpoint on the instruction does not hit again.
                _state.Rflags |= Flag.Resume;
            }
        }
    }

    private readonly int StringAddressSize()
    {
        for (var operand = 0; operand < _instruction.OpCount; operand++)
        {
            switch (_instruction.GetOpKind(operand))
            {
                case OpKind.MemorySegSI or OpKind.MemoryESDI:
                    return 2;
                case OpKind.MemorySegESI or OpKind.MemoryESEDI:
                    return 4;
                case OpKind.MemorySegRSI or OpKind.MemoryESRDI:
                    return 8;
            }
        }

        return 8;
    }

    private bool TryRunString(char operation, int size, int addressSize)
    {
        var mask = Width.Mask(addressSize);
        var source = _state[GeneralRegister.Rsi] & mask;
        var destination = _state[GeneralRegister.Rdi] & mask;
        var accumulator = Accumulator(size);
        ulong value;
        switch (operation)
        {
            case 'm':
                if (!TryReadMemory(MemorySegment, source, size, out value) ||
                    !TryLocate(SegmentName.Es, destination, size, Access.Write, out var copied))
                {
                    return false;
                }

                WriteSpan(copied, value);
                break;
            case 's':
                if (!TryLocate(SegmentName.Es, destination, size, Access.Write, out var stored))
                {
                    return false;
                }

                WriteSpan(stored, ReadRegister(accumulator));
                break;
            case 'l':
                if (!TryReadMemory(MemorySegment, source, size, out value))
                {
                    return false;
                }

                WriteRegister(accumulator, value);
                break;
            default:
                ulong left;
                if (operation == 'a')
                {
                    left = ReadRegister(accumulator);
                }
                else if (!TryReadMemory(MemorySegment, source, size, out left))
                {
                    return false;
                }

                if (!TryReadMemory(SegmentName.Es, destination, size, out var right))
                {
                    return false;
                }

                StatusFlags.Subtract(left, right, 0, size, ref _state.Rflags);
                break;
        }

        var step = (_state.Rflags & Flag.Direction) != 0 ? 0 - (ulong)size : (ulong)size;
        if (operation is 'm' or 'c' or 'l')
        {
            WriteCounter(GeneralRegister.Rsi, addressSize, source + step);
        }

        if (operation != 'l')
        {
            WriteCounter(GeneralRegister.Rdi, addressSize, destination + step);
        }

        return true;
    }

    private readonly void WriteCounter(GeneralRegister register, int addressSize, ulong value)
    {
        var family = addressSize switch { 2 => Register.AX, 4 => Register.EAX, _ => Register.RAX };
        WriteRegister(family + (int)register, value);
    }
}
