// Far JMP and CALL through a call gate (SDM vol. 3A, 5.8.3 to 5.8.5): 16-bit and 32-bit gates with parameters and the inner stack of the TSS,
// and the 64-bit gates of IA-32e mode, which lead to 64-bit code only, copy no parameters and leave SS null.
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome TransferThroughGate(in FarTarget target, in SegmentDescriptor gate, ulong upper)
    {
        if (_is64Capable && ((upper >> 40) & 0x1f) != 0)
        {
            return Raise(ExceptionVector.GeneralProtection, target.Selector & 0xfffcu);
        }

        var selector = (ushort)(gate.Raw >> 16);
        var error = selector & 0xfffcu;
        if (error == 0)
        {
            return GeneralProtection();
        }

        var found = FindDescriptor(selector, out var code, out var address);
        if (found == LookUp.Fault)
        {
            return Outcome.Fault;
        }

        // A JMP cannot change the privilege level; a CALL may go inward.
        var isAllowed = found == LookUp.Found && code.IsCode &&
            (target.IsCall || code.IsConforming ? code.Dpl <= _cpl : code.Dpl == _cpl) &&
            (!_is64Capable || (code.Long && !code.Default32));
        if (!isAllowed)
        {
            return Raise(ExceptionVector.GeneralProtection, error);
        }

        if (!code.Present)
        {
            return Raise(ExceptionVector.SegmentNotPresent, error);
        }

        var isWide = gate.Type == 12;
        var offset = (gate.Raw & 0xffff) | (isWide ? (gate.Raw >> 32) & 0xffff_0000 : 0) | (_is64Capable ? upper << 32 : 0);
        if (!IsValidOffset(code, offset))
        {
            return GeneralProtection();
        }

        if (!TryMarkAccessed(code, address))
        {
            return Outcome.Fault;
        }

        var level = code.IsConforming || !target.IsCall ? _cpl : code.Dpl;
        if (target.IsCall)
        {
            var outcome = _is64Capable ? PushForLongGate(level) : PushForGate(level, isWide ? 4 : 2, (int)(gate.Raw >> 32) & 0x1f);
            if (outcome != Outcome.Done)
            {
                return outcome;
            }
        }

        EnterCode(code, (ushort)((selector & ~3) | level), offset);
        return Outcome.Done;
    }

    private Outcome PushForLongGate(int level)
    {
        Span<byte> frame = stackalloc byte[32];
        var length = 0;
        Append(frame, ref length, _nextRip, 8);
        Append(frame, ref length, _state.Segments[(int)SegmentName.Cs].Selector, 8);
        if (level != _cpl)
        {
            Append(frame, ref length, _state[GeneralRegister.Rsp], 8);
            Append(frame, ref length, _state.Segments[(int)SegmentName.Ss].Selector, 8);
        }

        return PushLongFrame(level, 0, 0, false, frame[..length]);
    }

    private Outcome PushForGate(int level, int size, int parameters)
    {
        // Return address, up to 31 parameters, old stack.
        Span<byte> frame = stackalloc byte[4 * (2 + 31 + 2)];
        var length = 0;
        Append(frame, ref length, _nextRip, size);
        Append(frame, ref length, _state.Segments[(int)SegmentName.Cs].Selector, size);
        if (level != _cpl)
        {
            for (var i = 0; i < parameters; i++)
            {
                if (!TryPeek(i * size, size, out var parameter))
                {
                    return Outcome.Fault;
                }

                Append(frame, ref length, parameter, size);
            }

            Append(frame, ref length, _state[GeneralRegister.Rsp], size);
            Append(frame, ref length, _state.Segments[(int)SegmentName.Ss].Selector, size);
        }

        return PushFrame(level, 0, frame[..length]);
    }
}
