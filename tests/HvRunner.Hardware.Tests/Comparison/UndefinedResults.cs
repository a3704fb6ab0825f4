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
    public static ulong Flags(in Instruction instruction, in ProcessorImage input)
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
        var mask = 0UL;
        mask |= (undefined & RflagsBits.CF) != 0 ? Carry : 0;
        mask |= (undefined & RflagsBits.PF) != 0 ? Parity : 0;
        mask |= (undefined & RflagsBits.AF) != 0 ? Adjust : 0;
        mask |= (undefined & RflagsBits.ZF) != 0 ? Zero : 0;
        mask |= (undefined & RflagsBits.SF) != 0 ? Sign : 0;
        mask |= (undefined & RflagsBits.OF) != 0 ? Overflow : 0;
        return mask;
    }

    /// <summary>x87 condition codes that the manuals leave undefined, as bits of the status word.</summary>
    public static ushort Conditions(in Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            return 0;
        }

        var undefined = instruction.RflagsUndefined;
        return (ushort)(((undefined & RflagsBits.C0) != 0 ? 0x100 : 0) | ((undefined & RflagsBits.C1) != 0 ? 0x200 : 0) |
            ((undefined & RflagsBits.C2) != 0 ? 0x400 : 0) | ((undefined & RflagsBits.C3) != 0 ? 0x4000 : 0));
    }

    private static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Rol or Mnemonic.Ror or
        Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;

    /// <summary>Shifts and rotates: what is undefined depends on the count (SDM vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD").</summary>
    private static ulong ShiftFlags(in Instruction instruction, in ProcessorImage input)
    {
        var size = 8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());
        var last = instruction.OpCount - 1;
        var count = (int)(instruction.GetOpKind(last) == OpKind.Register ? (byte)input.General[1] : (byte)instruction.GetImmediate(last)) & (size == 64 ? 63 : 31);
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
