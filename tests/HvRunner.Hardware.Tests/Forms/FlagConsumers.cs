using HvRunner.Hardware.Tests.Comparison;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>
/// Up to three short instructions behind an instance that look at the flags it left: SETcc, CMOVcc, Jcc, ADC, SBB, RCL, PUSHFQ, LAHF; CMC, INC and
/// DEC, which change a part of them; and arithmetic, which changes them all, so that nobody ever looks at those before. A processor that keeps
/// flags as operands, and knows from the code around which they are, shows here whether it knows right. No instruction looks at a flag that is
/// undefined by then.
/// </summary>
internal sealed class FlagConsumers
{
    private const ulong Carry = 1;
    private const ulong Overflow = 0x800;
    private const ulong ZeroFlag = 0x40;
    private const ulong Sign = 0x80;
    private const ulong Adjust = 0x10;
    private const int MaximumBytes = 9;

    // Flags that each pair of conditions looks at (SDM vol. 2, table B-10).
    private static readonly ulong[] Looked = [Overflow, Carry, ZeroFlag, Carry | ZeroFlag, Sign, 4, Sign | Overflow, ZeroFlag | Sign | Overflow];

    private readonly InstructionInfoFactory _information = new();

    /// <summary>Chooses the instance's tail, which may be empty.</summary>
    /// <param name="dice">Chooses.</param>
    /// <param name="instance">What stands before.</param>
    /// <param name="input">What the instance begins with.</param>
    /// <param name="room">Bytes that there are for it.</param>
    public void Choose(Dice dice, Instance instance, in ProcessorImage input, int room)
    {
        var decoded = instance.Decoded;
        if (!dice.Percent(decoded.RflagsModified != RflagsBits.None ? 60 : 10) || FormTable.UseOf(decoded) != FormUse.Compared || IsUnmaskedComparison(decoded, input))
        {
            return;
        }

        var undefined = UndefinedResults.Flags(decoded, input, input);
        var mayPush = MayPush(decoded);
        for (var count = dice.Between(1, 3); count > 0 && room - instance.TailLength >= MaximumBytes; count--)
        {
            var (defines, leaves) = Write(dice, instance, undefined, mayPush);
            undefined = (undefined & ~defines) | leaves;
            instance.DefinedByTail = (instance.DefinedByTail | defines) & ~leaves;
            instance.UndefinedByTail = (instance.UndefinedByTail & ~defines) | leaves;
        }
    }

    /// <summary>Adds one instruction; answers which flags it sets, and which it leaves undefined.</summary>
    private static (ulong Defines, ulong Leaves) Write(Dice dice, Instance instance, ulong undefined, bool mayPush)
    {
        while (true)
        {
            var condition = dice.Below(16);
            var kind = dice.Below(mayPush ? 22 : 21);
            var reads = kind switch
            {
                < 10 => Looked[condition >> 1],
                < 14 => Carry,
                < 20 => 0UL,
                20 => RandomState.StatusFlags & ~Overflow,
                _ => RandomState.StatusFlags,
            };
            if ((reads & undefined) != 0)
            {
                continue;
            }

            // Never RSP: the next one may push.
            var (high, low) = (dice.Below(2), (dice.Below(7) + 5) & 7);
            var register = (byte)(0xc0 | low);
            var prefix = (byte)(0x48 | high);
            var width = dice.OneIn(2) ? (byte)(0x40 | high) : prefix;
            var modRm = (byte)(register | (((dice.Below(7) + 5) & 7) << 3));
            switch (kind)
            {
                case < 4:
                    instance.AddTail([(byte)(0x40 | high), 0x0f, (byte)(0x90 | condition), register]);
                    return (0, 0);
                case < 7:
                    instance.AddTail([prefix, 0x0f, (byte)(0x40 | condition), modRm]);
                    return (0, 0);
                case < 9:
                    // Over a NOT.
                    instance.AddTail([(byte)(0x70 | condition), 3, prefix, 0xf7, (byte)(0xd0 | low)]);
                    return (0, 0);
                case 9:
                    instance.AddTail([0x0f, (byte)(0x80 | condition), 3, 0, 0, 0, prefix, 0xf7, (byte)(0xd0 | low)]);
                    return (0, 0);
                case 10 or 11:
                    // ADC or SBB with an immediate of eight bits, of any width.
                    instance.AddTail([width, (byte)(dice.OneIn(3) ? 0x80 : 0x83), (byte)((dice.OneIn(2) ? 0xd0 : 0xd8) | low), (byte)dice.Next()]);
                    return (RandomState.StatusFlags, 0);
                case 12:
                    instance.AddTail([prefix, 0xd1, (byte)(0xd0 | low)]);
                    return (Carry | Overflow, 0);
                case 13:
                    instance.AddTail([0xf5]);
                    return (Carry, 0);
                case 14 or 15:
                    instance.AddTail([width, 0xff, (byte)((dice.OneIn(2) ? 0xc0 : 0xc8) | low)]);
                    return (RandomState.StatusFlags & ~Carry, 0);
                case 16 or 17:
                    // ADD, SUB, CMP.
                    instance.AddTail([width, dice.Of<byte>([0x01, 0x29, 0x39]), modRm]);
                    return (RandomState.StatusFlags, 0);
                case 18:
                    // AND, OR, XOR, TEST.
                    instance.AddTail([width, dice.Of<byte>([0x21, 0x09, 0x31, 0x85]), modRm]);
                    return (RandomState.StatusFlags & ~Adjust, Adjust);
                case 19:
                    // SHL, SHR, SAR.
                    instance.AddTail([width, 0xc1, (byte)(dice.Of<byte>([0xe0, 0xe8, 0xf8]) | low), (byte)dice.Between(1, 31)]);
                    return (RandomState.StatusFlags & ~(Adjust | Overflow), Adjust | Overflow);
                case 20:
                    instance.AddTail([0x9f]);
                    return (0, 0);
                default:
                    instance.AddTail([0x9c]);
                    return (0, 0);
            }
        }
    }

    /// <summary>The flags of a comparison that raises an unmasked exception are undefined once it has run.</summary>
    private static bool IsUnmaskedComparison(in Instruction instruction, in ProcessorImage input) =>
        instruction.Mnemonic is Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip && (input.Fx[0] & 1) == 0;

    /// <summary>RSP still points into the slot behind it, and NT, which the real processor loses here, is not in the flags.</summary>
    private bool MayPush(in Instruction instruction)
    {
        if (instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfq)
        {
            return false;
        }

        foreach (var used in _information.GetInfo(instruction).GetUsedRegisters())
        {
            if (used.Register.GetFullRegister() == Register.RSP && used.Access is not (OpAccess.Read or OpAccess.CondRead))
            {
                return false;
            }
        }

        return true;
    }
}
