// Packed integer and logic instructions on MMX, XMM and YMM operands (SDM vol. 1, 9.4, 11.4.2, 12, 14.2): operands are brought together here and
// each 16 bytes computed by PackedInteger and PackedShuffle. The 8 bytes of MMX are widened so that the same code serves them.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecutePacked()
    {
        if (_instruction.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX) || _instruction.OpCount < 2)
        {
            return Outcome.Elsewhere;
        }

        var mnemonic = _instruction.Mnemonic;

        // Asked with nothing, to learn whether the instruction belongs here before it has any effect.
        var isShift = PackedShuffle.IsShift(mnemonic);
        if (!isShift && InstructionGroups.OfCode((int)_instruction.Code) != InstructionGroup.Packed &&
            !PackedInteger.TryApply(mnemonic, default, default, out _))
        {
            return Outcome.Elsewhere;
        }

        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var last = _instruction.OpCount - 1;
        var left = ReadVectorRegister(_instruction.GetOpRegister(last - 1));
        if (isShift)
        {
            return ShiftPacked(left, last);
        }

        if (!TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var length = VectorLength;
        if (length == 8)
        {
            WriteVectorRegister(_instruction.Op0Register, ApplyMmx(mnemonic, left.GetLower(), right.GetLower()).ToVector256());
            return Outcome.Done;
        }

        PackedInteger.TryApply(mnemonic, left.GetLower(), right.GetLower(), out var low);
        var high = Vector128<byte>.Zero;
        if (length == 32)
        {
            PackedInteger.TryApply(mnemonic, left.GetUpper(), right.GetUpper(), out high);
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, high));
        return Outcome.Done;
    }

    private static Vector128<byte> ApplyMmx(Mnemonic mnemonic, Vector128<byte> left, Vector128<byte> right)
    {
        Vector128<byte> result;
        switch (mnemonic)
        {
            case Mnemonic.Packsswb or Mnemonic.Packuswb or Mnemonic.Packssdw or
                Mnemonic.Phaddw or Mnemonic.Phaddd or Mnemonic.Phaddsw or Mnemonic.Phsubw or Mnemonic.Phsubd or Mnemonic.Phsubsw:
                // Both operands side by side are one 16-byte operand.
                var joined = left.AsUInt64().WithElement(1, right.AsUInt64().ToScalar()).AsByte();
                PackedInteger.TryApply(mnemonic, joined, joined, out result);
                return result;
            case Mnemonic.Punpckhbw or Mnemonic.Punpckhwd or Mnemonic.Punpckhdq:
                // The upper half of 8 bytes lies where the lower half's results end up.
                var low = mnemonic switch
                {
                    Mnemonic.Punpckhbw => Mnemonic.Punpcklbw,
                    Mnemonic.Punpckhwd => Mnemonic.Punpcklwd,
                    _ => Mnemonic.Punpckldq,
                };
                PackedInteger.TryApply(low, left, right, out result);
                return Vector128.CreateScalar(result.AsUInt64().GetElement(1)).AsByte();
            case Mnemonic.Pshufb:
                PackedInteger.TryApply(mnemonic, left, right & Vector128.Create((byte)0x87), out result);
                return result;
            default:
                PackedInteger.TryApply(mnemonic, left, right, out result);
                return result;
        }
    }

    private Outcome ShiftPacked(Vector256<byte> value, int countOperand)
    {
        ulong count;
        if (_instruction.GetOpKind(countOperand) == OpKind.Immediate8)
        {
            count = _instruction.Immediate8;
        }
        else
        {
            if (!TryReadVector(countOperand, out var counts))
            {
                return Outcome.Fault;
            }

            count = counts.AsUInt64().ToScalar();
        }

        PackedShuffle.TryShift(_instruction.Mnemonic, value.GetLower(), count, out var low);
        PackedShuffle.TryShift(_instruction.Mnemonic, value.GetUpper(), count, out var high);
        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, high));
        return Outcome.Done;
    }
}
