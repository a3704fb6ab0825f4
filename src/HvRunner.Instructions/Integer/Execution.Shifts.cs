// Shifts and rotates, double shifts, and the flagless BMI2 forms (SDM vol. 1, 7.3.6; vol. 2 per instruction). The count is taken modulo 32,
// or 64 with 64-bit operands, before anything else; a count of 0 changes no flag. OF after counts other than 1 and AF are undefined by the
// manual: as on AMD processors OF is computed from the result as after a count of 1, and AF is set.
using System.Numerics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteShifts()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                return Shift();
            case Mnemonic.Rol or Mnemonic.Ror:
                return Rotate();
            case Mnemonic.Rcl or Mnemonic.Rcr:
                return RotateThroughCarry();
            case Mnemonic.Shld or Mnemonic.Shrd:
                return DoubleShift();
            case Mnemonic.Shlx or Mnemonic.Shrx or Mnemonic.Sarx or Mnemonic.Rorx:
                return ShiftWithoutFlags();
            default:
                return Outcome.Elsewhere;
        }
    }

    private bool TryOpenShift(int countOperand, out Target target, out int count)
    {
        count = 0;
        if (!TryOpen(0, out target) || !TryRead(countOperand, out var raw))
        {
            return false;
        }

        count = (int)raw & (target.Size == 8 ? 63 : 31);
        return true;
    }

    private Outcome Shift()
    {
        if (!TryOpenShift(1, out var target, out var count))
        {
            return Outcome.Fault;
        }

        if (count == 0)
        {
            return Close(target, target.Value);
        }

        var bits = 8 * target.Size;
        ulong result, carry, overflow;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Shr:
                result = target.Value >> count;
                carry = (target.Value >> (count - 1)) & 1;
                overflow = TopBitsDiffer(result, bits);
                break;
            case Mnemonic.Sar:
                var signed = (long)Width.SignExtend(target.Value, target.Size);
                result = (ulong)(signed >> count) & Width.Mask(target.Size);
                carry = (ulong)(signed >> (count - 1)) & 1;
                overflow = 0;
                break;
            default:
                result = (target.Value << count) & Width.Mask(target.Size);
                carry = count <= bits ? (target.Value >> (bits - count)) & 1 : 0;
                overflow = carry ^ (result >> (bits - 1));
                break;
        }

        return CloseShift(target, result, carry, overflow);
    }

    /// <summary>After a right shift by one the two top bits differ when the sign changed.</summary>
    private static ulong TopBitsDiffer(ulong value, int bits) => ((value >> (bits - 1)) ^ (value >> (bits - 2))) & 1;

    private readonly Outcome CloseShift(in Target target, ulong result, ulong carry, ulong overflow)
    {
        var flags = (_state.Rflags & ~Flag.Status) | Flag.Adjust | StatusFlags.OfResult(result, target.Size) | carry | (overflow != 0 ? Flag.Overflow : 0);
        return CloseWithFlags(target, result, flags);
    }

    private Outcome Rotate()
    {
        if (!TryOpenShift(1, out var target, out var count))
        {
            return Outcome.Fault;
        }

        if (count == 0)
        {
            return Close(target, target.Value);
        }

        var bits = 8 * target.Size;
        var turn = count % bits;
        var left = _instruction.Mnemonic == Mnemonic.Rol ? turn : (bits - turn) % bits;
        var result = left == 0 ? target.Value : ((target.Value << left) | (target.Value >> (bits - left))) & Width.Mask(target.Size);
        var top = result >> (bits - 1);
        var (carry, overflow) = _instruction.Mnemonic == Mnemonic.Rol
            ? (result & 1, top ^ (result & 1))
            : (top, top ^ ((result >> (bits - 2)) & 1));
        return CloseRotate(target, result, carry, overflow);
    }

    private readonly Outcome CloseRotate(in Target target, ulong result, ulong carry, ulong overflow) =>
        CloseWithFlags(target, result, (_state.Rflags & ~(Flag.Carry | Flag.Overflow)) | carry | (overflow != 0 ? Flag.Overflow : 0));

    private Outcome RotateThroughCarry()
    {
        if (!TryOpenShift(1, out var target, out var count))
        {
            return Outcome.Fault;
        }

        if (count == 0)
        {
            return Close(target, target.Value);
        }

        // A whole turn changes nothing but OF.
        var bits = 8 * target.Size;
        count %= bits + 1;

        // The operand with the carry above it is one ring of bits + 1.
        UInt128 ring = ((UInt128)(_state.Rflags & Flag.Carry) << bits) | target.Value;
        var isLeft = _instruction.Mnemonic == Mnemonic.Rcl;
        var left = isLeft ? count : bits + 1 - count;
        ring = count == 0 ? ring : (ring << left) | (ring >> (bits + 1 - left));
        var result = (ulong)ring & Width.Mask(target.Size);
        var carry = (ulong)(ring >> bits) & 1;
        var top = result >> (bits - 1);
        var overflow = isLeft ? top ^ carry : top ^ ((result >> (bits - 2)) & 1);
        return CloseRotate(target, result, carry, overflow);
    }

    private Outcome DoubleShift()
    {
        if (!TryRead(1, out var filler) || !TryOpenShift(2, out var target, out var count))
        {
            return Outcome.Fault;
        }

        if (count == 0)
        {
            return Close(target, target.Value);
        }

        var bits = 8 * target.Size;
        var isLeft = _instruction.Mnemonic == Mnemonic.Shld;
        UInt128 wide;
        ulong result, carry;
        if (isLeft)
        {
            // A 16-bit operand may be shifted by more than 16: AMD processors then go on with the filler a second time and clear CF and OF.
            wide = bits == 16 ? ((UInt128)target.Value << 32) | (filler << 16) | filler : ((UInt128)target.Value << bits) | filler;
            var width = bits == 16 ? 48 : 2 * bits;
            result = (ulong)(wide >> (width - bits - count)) & Width.Mask(target.Size);
            carry = count > bits ? 0 : (ulong)(wide >> (width - count)) & 1;
        }
        else
        {
            wide = bits == 16 ? ((UInt128)filler << 32) | (filler << 16) | target.Value : ((UInt128)filler << bits) | target.Value;
            result = (ulong)(wide >> count) & Width.Mask(target.Size);
            carry = count > bits ? 0 : (ulong)(wide >> (count - 1)) & 1;
        }

        var overflow = !isLeft ? TopBitsDiffer(result, bits) : count > bits ? 0 : carry ^ (result >> (bits - 1));
        return CloseShift(target, result, carry, overflow);
    }

    private Outcome ShiftWithoutFlags()
    {
        if (!TryRead(1, out var value) || !TryRead(2, out var raw))
        {
            return Outcome.Fault;
        }

        var isWide = OperandSize(0) == 8;
        var count = (int)raw & (isWide ? 63 : 31);
        var result = _instruction.Mnemonic switch
        {
            Mnemonic.Shlx => value << count,
            Mnemonic.Shrx => value >> count,
            Mnemonic.Sarx => isWide ? (ulong)((long)value >> count) : (uint)((int)value >> count),
            _ => isWide ? BitOperations.RotateRight(value, count) : BitOperations.RotateRight((uint)value, count),
        };
        WriteRegister(_instruction.Op0Register, result);
        return Outcome.Done;
    }
}
