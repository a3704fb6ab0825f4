using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>
/// A random memory operand (SDM vol. 2, 2.1.5): base, index, scale, displacement, RIP-relative, absolute, 32-bit addresses, segment overrides.
/// Which address it has in the end is settled by the registers, later; here only what has none of them is aimed.
/// </summary>
internal static class MemoryOperand
{
    public static void Choose(Dice dice, ref Instruction instruction, int operand, bool absolute, bool shortAddresses, ulong target)
    {
        instruction.SetOpKind(operand, OpKind.Memory);
        ChooseSegment(dice, ref instruction);
        var first = shortAddresses ? Register.EAX : Register.RAX;
        if (absolute)
        {
            instruction.MemoryDisplSize = shortAddresses ? 4 : 8;
            instruction.MemoryDisplacement64 = shortAddresses ? (uint)target : target;
            return;
        }

        var isLow = target < 0x8000_0000;
        var shape = dice.Below(isLow ? 12 : 9);
        if (shape < 9)
        {
            // Base, index or both, and a displacement of none, one or four bytes.
            if (shape != 8)
            {
                instruction.MemoryBase = first + dice.Below(16);
            }

            if (shape >= 5)
            {
                var index = dice.Below(15);
                instruction.MemoryIndex = first + (index >= 4 ? index + 1 : index);
                instruction.MemoryIndexScale = 1 << dice.Below(4);
            }

            var size = shape == 8 ? 4 : dice.Of<int>([0, 1, 1, 4]);
            instruction.MemoryDisplSize = size == 4 ? (shortAddresses ? 4 : 8) : size;
            var displacement = size switch { 0 => 0, 1 => (sbyte)dice.Next(), _ => (int)EdgeValues.Integer(dice) };
            instruction.MemoryDisplacement64 = shortAddresses ? (uint)displacement : (ulong)displacement;
            return;
        }

        if (shape < 11)
        {
            instruction.MemoryBase = shortAddresses ? Register.EIP : Register.RIP;
        }

        instruction.MemoryDisplSize = shortAddresses ? 4 : 8;
        instruction.MemoryDisplacement64 = target;
    }

    public static void ChooseSegment(Dice dice, ref Instruction instruction)
    {
        if (dice.OneIn(8))
        {
            instruction.SegmentPrefix = dice.OneIn(4) ? dice.Of<Register>([Register.ES, Register.CS, Register.SS, Register.DS]) : dice.OneIn(2) ? Register.FS : Register.GS;
        }
    }

    /// <summary>Sets the registers of the memory operand so that it lies at <paramref name="target"/>, where that can be done.</summary>
    public static void Aim(Dice dice, in Instruction instruction, ref ProcessorImage input, ulong target)
    {
        var segment = instruction.MemorySegment switch
        {
            Register.FS => input.FsBase,
            Register.GS => input.GsBase,
            _ => 0UL,
        };
        if (instruction.MemoryBase is Register.RIP or Register.EIP || (instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None))
        {
            // Nothing but the segment's base can still be moved.
            var moved = target - instruction.MemoryDisplacement64;
            if (moved >= 0x8000_0000_0000)
            {
                // The loop could not load such a base, or it is a kernel's: with one, alignment is not always checked here.
                return;
            }

            if (instruction.MemorySegment == Register.FS)
            {
                input.FsBase = moved;
            }
            else if (instruction.MemorySegment == Register.GS)
            {
                input.GsBase = moved;
            }

            return;
        }

        var offset = target - segment - instruction.MemoryDisplacement64;
        var baseRegister = instruction.MemoryBase;
        var index = instruction.MemoryIndex;
        var scale = (ulong)instruction.MemoryIndexScale;
        if (index == Register.AL)
        {
            Set(dice, ref input, baseRegister, offset - (byte)input.General[0]);
        }
        else if (index == Register.None)
        {
            Set(dice, ref input, baseRegister, offset);
        }
        else if (baseRegister == Register.None)
        {
            Set(dice, ref input, index, offset / scale);
        }
        else if (baseRegister == index)
        {
            Set(dice, ref input, index, offset / (scale + 1));
        }
        else
        {
            var value = dice.OneIn(3) ? EdgeValues.Integer(dice) : (ulong)dice.Between(-8, 8);
            Set(dice, ref input, index, value);
            Set(dice, ref input, baseRegister, offset - (input.General[index.GetFullRegister() - Register.RAX] * scale));
        }
    }

    /// <summary>The linear address that the operand has with these registers.</summary>
    public static ulong AddressOf(in Instruction instruction, int operand, in ProcessorImage input)
    {
        var general = input.General;
        var (fs, gs) = (input.FsBase, input.GsBase);
        return instruction.TryGetVirtualAddress(operand, 0, out var address, Value) ? address : 0;

        bool Value(Register register, int index, int size, out ulong value)
        {
            value = register switch
            {
                Register.FS => fs,
                Register.GS => gs,
                Register.AL => (byte)general[0],
                >= Register.RAX and <= Register.R15 => general[register - Register.RAX],
                >= Register.EAX and <= Register.R15D => (uint)general[register - Register.EAX],
                _ => 0,
            };
            return true;
        }
    }

    /// <summary>Sets a register; of one that is used as 32 bits, the upper half is anything.</summary>
    private static void Set(Dice dice, ref ProcessorImage input, Register register, ulong value)
    {
        var half = register.GetSize() == 4;
        input.General[register.GetFullRegister() - Register.RAX] = half ? (uint)value | (dice.OneIn(2) ? dice.Next() << 32 : 0) : value;
    }
}
