using HvRunner.Hardware.Tests.Guest;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Comparison;

/// <summary>What the manuals leave undefined, for one instance: flags, and the rare undefined destination.</summary>
internal static class UndefinedResults
{
    private const ulong Carry = 1;
    private const ulong Parity = 4;
    private const ulong Adjust = 0x10;
    private const ulong Zero = 0x40;
    private const ulong Sign = 0x80;
    private const ulong Overflow = 0x800;

    /// <summary>RFLAGS bits that the manuals leave undefined.</summary>
    public static ulong Flags(in Instruction instruction, in ProcessorImage input, in ProcessorImage result)
    {
        if (instruction.IsInvalid)
        {
            return 0;
        }

        if (IsShift(instruction.Mnemonic))
        {
            return ShiftFlags(instruction, input);
        }

        var undefined = instruction.RflagsUndefined;
        var mask = IsUnmaskedComparison(instruction, result.Fx) ? Carry | Parity | Zero : 0;
        mask |= (undefined & RflagsBits.CF) != 0 ? Carry : 0;
        mask |= (undefined & RflagsBits.PF) != 0 ? Parity : 0;
        mask |= (undefined & RflagsBits.AF) != 0 ? Adjust : 0;
        mask |= (undefined & RflagsBits.ZF) != 0 ? Zero : 0;
        mask |= (undefined & RflagsBits.SF) != 0 ? Sign : 0;
        mask |= (undefined & RflagsBits.OF) != 0 ? Overflow : 0;
        return mask;
    }

    /// <summary>x87 condition codes that the manuals leave undefined, as bits of the status word.</summary>
    public static ushort Conditions(in Instruction instruction, ReadOnlySpan<byte> result)
    {
        if (instruction.IsInvalid)
        {
            return 0;
        }

        if (IsUnmaskedComparison(instruction, result))
        {
            return 0x4700;
        }

        // AMD's processors leave C1 alone here, the SDM has it cleared.
        if (instruction.Mnemonic is Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip)
        {
            return 0x200;
        }

        var undefined = instruction.RflagsUndefined;
        return (ushort)(((undefined & RflagsBits.C0) != 0 ? 0x100 : 0) | ((undefined & RflagsBits.C1) != 0 ? 0x200 : 0) |
            ((undefined & RflagsBits.C2) != 0 ? 0x400 : 0) | ((undefined & RflagsBits.C3) != 0 ? 0x4000 : 0));
    }

    /// <summary>A double shift of 16 bits by more than that leaves its destination undefined (SDM vol. 2, "SHLD").</summary>
    public static bool HasUndefinedDestination(in Instruction instruction, in ProcessorImage input) =>
        instruction.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd && OperandBits(instruction) == 16 && CountOf(instruction, 16, input) > 16;

    /// <summary>
    /// A comparison with an unmasked invalid operand: on Intel's processors the result is not set (SDM vol. 2, "FCOM", footnote), on AMD's it is
    /// "unordered".
    /// </summary>
    private static bool IsUnmaskedComparison(in Instruction instruction, ReadOnlySpan<byte> result) =>
        (result[2] & ~result[0] & 1) != 0 &&
        instruction.Mnemonic is Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Fcompp or Mnemonic.Fucom or Mnemonic.Fucomp or Mnemonic.Fucompp or Mnemonic.Ftst or
            Mnemonic.Ficom or Mnemonic.Ficomp or Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip;

    private static int OperandBits(in Instruction instruction) =>
        8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());

    private static int CountOf(in Instruction instruction, int size, in ProcessorImage input)
    {
        var last = instruction.OpCount - 1;
        var count = instruction.GetOpKind(last) == OpKind.Register ? (byte)input.General[1] : (byte)instruction.GetImmediate(last);
        return count & (size == 64 ? 63 : 31);
    }

    private static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or
        Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;

    /// <summary>Shifts and rotates: what is undefined depends on the count (SDM vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD").</summary>
    private static ulong ShiftFlags(in Instruction instruction, in ProcessorImage input)
    {
        var size = OperandBits(instruction);
        var count = CountOf(instruction, size, input);
        if (count == 0)
        {
            return 0;
        }

        var overflow = count == 1 ? 0 : Overflow;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                return overflow;
            case Mnemonic.Shld or Mnemonic.Shrd:
                return overflow | Adjust | (count > size ? Carry | Parity | Zero | Sign | Overflow : 0);
            case Mnemonic.Sar:
                return overflow | Adjust;
            default:
                return overflow | Adjust | (count >= size ? Carry : 0);
        }
    }
}
