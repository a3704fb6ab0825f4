// Operands of Iced's instructions in the form that operations carry.
using Iced.Intel;

namespace HvRunner.Instructions;

internal sealed unsafe partial class Translator
{
    /// <summary>How an address is to be computed, cheapest first.</summary>
    private enum AddressKind
    {
        Base,
        Indexed,
        Scaled,
        Relative,
        Any,
        None,
    }

    /// <summary>A general register's byte offset in the register file, or -1.</summary>
    private static int OffsetOf(Register register)
    {
        if (register is >= Register.RAX and <= Register.R15)
        {
            return (register - Register.RAX) * 8;
        }

        if (register is >= Register.EAX and <= Register.R15D)
        {
            return (register - Register.EAX) * 8;
        }

        if (register is >= Register.AX and <= Register.R15W)
        {
            return (register - Register.AX) * 8;
        }

        if (register is >= Register.AL and <= Register.R15L)
        {
            // Iced lists AL CL DL BL, AH CH DH BH, then SPL and on.
            var index = register - Register.AL;
            return index < 4 ? index * 8 : index < 8 ? ((index - 4) * 8) + 1 : (index - 4) * 8;
        }

        return -1;
    }

    private static bool TryRegister(Register register, out byte offset)
    {
        var found = OffsetOf(register);
        offset = (byte)found;
        return found >= 0;
    }

    /// <summary>Log2 of a width in bytes, or -1 for none that handlers know.</summary>
    private static int WidthOf(int bytes) => bytes switch { 1 => 0, 2 => 1, 4 => 2, 8 => 3, _ => -1 };

    private static int WidthOfRegister(Register register) => WidthOf(register.GetSize());

    private static int WidthOfMemory(in Instruction instruction) => WidthOf(instruction.MemorySize.GetSize());

    private static bool TryImmediate(in Instruction instruction, int operand, out int value)
    {
        value = 0;
        if (instruction.GetOpKind(operand) is < OpKind.Immediate8 or > OpKind.Immediate32to64)
        {
            return false;
        }

        // Handlers cut an immediate to their width, so a 32-bit one may be read as signed.
        var wide = instruction.GetImmediate(operand);
        value = (int)wide;
        return (ulong)value == wide || instruction.GetOpKind(operand) is not (OpKind.Immediate64 or OpKind.Immediate8to64 or OpKind.Immediate32to64);
    }

    /// <summary>Fills base, index, scale and displacement.</summary>
    private AddressKind SetAddress(in Instruction instruction, ref Operation op, bool withSegment = true)
    {
        var baseRegister = instruction.MemoryBase;
        var index = instruction.MemoryIndex;
        var displacement = instruction.MemoryDisplacement64;
        byte form = 0;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            if (baseRegister != Register.RIP)
            {
                return AddressKind.None;
            }

            form = AnyAddress.Relative;
            displacement -= _start;
            baseRegister = Register.None;
        }

        if (baseRegister != Register.None)
        {
            op.B = (byte)OffsetOf(baseRegister);
            form |= AnyAddress.HasBase;
        }

        if (index != Register.None)
        {
            op.C = (byte)OffsetOf(index);
            form |= (byte)(AnyAddress.HasIndex | int.Log2(instruction.MemoryIndexScale));
        }

        // The displacement of a 32-bit address is not sign-extended, and need not be: the sum is cut to 32 bits.
        var narrow = baseRegister.GetSize() == 4 || index.GetSize() == 4 || instruction.MemoryDisplSize == 4;
        op.Displacement = (int)displacement;
        if (narrow)
        {
            form |= AnyAddress.Address32;
        }
        else if ((ulong)op.Displacement != displacement)
        {
            return AddressKind.None;
        }

        if (withSegment)
        {
            form |= instruction.MemorySegment switch { Register.FS => AnyAddress.Fs, Register.GS => AnyAddress.Gs, _ => (byte)0 };
        }

        op.D = form;
        return (form & ~AnyAddress.ScaleMask) switch
        {
            AnyAddress.HasBase => AddressKind.Base,
            AnyAddress.HasBase | AnyAddress.HasIndex => AddressKind.Indexed,
            AnyAddress.HasIndex => AddressKind.Scaled,
            AnyAddress.Relative => AddressKind.Relative,
            _ => AddressKind.Any,
        };
    }
}
