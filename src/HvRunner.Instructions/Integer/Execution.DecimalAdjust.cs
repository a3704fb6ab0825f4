// The decimal adjustments of 16- and 32-bit mode, DAA, DAS, AAA, AAS, AAM and AAD, and SALC (SDM vol. 1, 7.3.2.6; vol. 2 per instruction). The
// decoder does not offer them in 64-bit mode. Flags that the manual calls undefined follow the sum or difference that the adjustment makes.
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteDecimalAdjust()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Daa:
                return AdjustPacked(false);
            case Mnemonic.Das:
                return AdjustPacked(true);
            case Mnemonic.Aaa:
                return AdjustUnpacked(false);
            case Mnemonic.Aas:
                return AdjustUnpacked(true);
            case Mnemonic.Aam:
                return SplitDigits();
            case Mnemonic.Aad:
                return JoinDigits();
            case Mnemonic.Salc:
                WriteRegister(Register.AL, (_state.Rflags & Flag.Carry) != 0 ? 0xffUL : 0);
                return Outcome.Done;
            default:
                return Outcome.Elsewhere;
        }
    }

    private readonly Outcome AdjustPacked(bool subtracts)
    {
        var al = ReadRegister(Register.AL);
        var flags = _state.Rflags;
        var adjustsLow = (al & 15) > 9 || (flags & Flag.Adjust) != 0;
        var adjustsHigh = al > 0x99 || (flags & Flag.Carry) != 0;
        var distance = (adjustsLow ? 6UL : 0) + (adjustsHigh ? 0x60UL : 0);
        var result = (subtracts ? al - distance : al + distance) & 0xff;

        // DAS also borrows when the low digit's six alone goes below zero.
        var carry = adjustsHigh || (subtracts && adjustsLow && al < 6);
        WriteRegister(Register.AL, result);
        var overflow = (al ^ result) & (subtracts ? al ^ distance : distance ^ result) & 0x80;
        flags = (flags & ~Flag.Status) | StatusFlags.OfResult(result, 1) | (overflow != 0 ? Flag.Overflow : 0);
        _state.Rflags = flags | (adjustsLow ? Flag.Adjust : 0) | (carry ? Flag.Carry : 0);
        return Outcome.Done;
    }

    private readonly Outcome AdjustUnpacked(bool subtracts)
    {
        var ax = ReadRegister(Register.AX);
        var adjusts = (ax & 15) > 9 || (_state.Rflags & Flag.Adjust) != 0;
        if (adjusts)
        {
            ax = subtracts ? ax - 0x106 : ax + 0x106;
        }

        var al = ax & 15;
        WriteRegister(Register.AX, (ax & 0xff00) | al);
        _state.Rflags = (_state.Rflags & ~Flag.Status) | StatusFlags.OfResult(al, 1) | (adjusts ? Flag.Adjust | Flag.Carry : 0);
        return Outcome.Done;
    }

    private Outcome SplitDigits()
    {
        var divisor = (ulong)_instruction.Immediate8;
        if (divisor == 0)
        {
            return Raise(ExceptionVector.DivideError);
        }

        var al = ReadRegister(Register.AL);
        WriteRegister(Register.AX, ((al / divisor) << 8) | (al % divisor));
        StatusFlags.Logic(al % divisor, 1, ref _state.Rflags);
        return Outcome.Done;
    }

    private readonly Outcome JoinDigits()
    {
        var result = (ReadRegister(Register.AL) + (ReadRegister(Register.AH) * _instruction.Immediate8)) & 0xff;
        WriteRegister(Register.AX, result);
        StatusFlags.Logic(result, 1, ref _state.Rflags);
        return Outcome.Done;
    }
}
