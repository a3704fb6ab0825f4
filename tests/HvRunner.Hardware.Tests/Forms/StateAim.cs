using System.Buffers.Binary;
using HvRunner.Hardware.Tests.Comparison;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>
/// Fits a random processor to an instruction, so that most instances do something: memory operands lie in the instance's slot, counts are small,
/// quotients fit, branches find a place to go. What could not end, or would leave its own slot's code, is refused.
/// </summary>
internal sealed class StateAim(byte[] ram)
{
    // Components that the real processor has enabled, whatever the guest was told; ours has x87 and SSE.
    private const ulong HardwareXcr0 = 0xe7;

    /// <summary>Sets registers and memory; false when the instance must not be run.</summary>
    public bool TryAim(Dice dice, Instance instance, ref ProcessorImage input, ulong codeSlot, int dataSlot)
    {
        var instruction = instance.Decoded;
        var low = GuestLayout.Centre(GuestLayout.DataLow, dataSlot);
        var centre = dice.OneIn(2) ? low : GuestLayout.Centre(GuestLayout.DataHigh, dataSlot);
        input.General[4] = dice.OneIn(40) && instruction.IsStackInstruction ? 0x8000_0000_0000 - (ulong)dice.Below(17) : centre + (ulong)(dice.OneIn(6) ? dice.Between(-24, 24) : dice.Between(-6, 6) * 8);
        if (!instance.IsValid)
        {
            return true;
        }

        if (dice.OneIn(2))
        {
            input.General[5] = centre + (ulong)dice.Between(-24, 24);
        }

        AimImplied(dice, instruction, ref input, low);
        if (UndefinedResults.HasUndefinedDestination(instruction, input))
        {
            return false;
        }

        var operand = MemoryOf(instruction);
        if (operand >= 0)
        {
            MemoryOperand.Aim(dice, instruction, ref input, instance.Target);
            instance.Address = MemoryOperand.AddressOf(instruction, operand, input);
            FillOperand(dice, instruction, instance.Address, ref input);
            if (instance.Address % 16 != 0 && instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64)
            {
                // A software-assisted KVM's emulator takes these over where they are not aligned, and does not mind.
                return false;
            }
        }

        if (IsStateImage(instruction.Mnemonic) && (input.General[0] & ~3UL & HardwareXcr0) != 0)
        {
            // The register that chooses components was needed for the address.
            return false;
        }

        return instruction.FlowControl is FlowControl.Next or FlowControl.Exception or FlowControl.Interrupt || TryAimBranch(dice, instance, ref input, codeSlot);
    }

    private static bool IsStateImage(Mnemonic mnemonic) => mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or
        Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    private static int MemoryOf(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory)
            {
                return i;
            }
        }

        return -1;
    }

    private void AimImplied(Dice dice, in Instruction instruction, ref ProcessorImage input, ulong low)
    {
        if (instruction.IsStringInstruction || instruction.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu)
        {
            AimString(dice, instruction, ref input, low);
            return;
        }

        switch (instruction.Mnemonic)
        {
            case Mnemonic.Jrcxz or Mnemonic.Jecxz or Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne:
                input.General[1] = dice.OneIn(2) ? (ulong)dice.Below(3) : input.General[1];
                break;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc when instruction.Op0Kind == OpKind.Memory && instruction.Op1Kind == OpKind.Register && !dice.OneIn(10):
                input.General[instruction.Op1Register.GetFullRegister() - Register.RAX] = (ulong)dice.Between(-300, 300);
                break;
            case Mnemonic.Div or Mnemonic.Idiv when !dice.OneIn(5):
                AimDivision(dice, instruction, ref input);
                break;
            case Mnemonic.Popfq or Mnemonic.Popf:
                // No single steps: the trap is not the instruction's.
                Write(input.General[4], EdgeValues.Integer(dice) & ~0x100UL);
                break;
            case var image when IsStateImage(image):
                input.General[0] = (input.General[0] & ~0xffUL) | (uint)dice.Below(4);
                break;
            case Mnemonic.Xgetbv:
                input.General[1] = dice.OneIn(4) ? input.General[1] : (ulong)dice.Below(2);
                break;
            case Mnemonic.Wrfsbase or Mnemonic.Wrgsbase when instruction.Op0Kind == OpKind.Register && dice.OneIn(2):
                input.General[instruction.Op0Register.GetFullRegister() - Register.RAX] &= 0x7fff_ffff_ffff;
                break;
            case Mnemonic.Mov when instruction.Op0Register.IsSegmentRegister() && instruction.Op1Kind == OpKind.Register:
                input.General[instruction.Op1Register.GetFullRegister() - Register.RAX] &= ~0xfffcUL;
                break;
            case Mnemonic.Pop when instruction.Op0Register.IsSegmentRegister():
                Write(input.General[4], EdgeValues.Integer(dice) & ~0xfffcUL);
                break;
        }
    }

    private static void AimString(Dice dice, in Instruction instruction, ref ProcessorImage input, ulong low)
    {
        var source = low + (ulong)dice.Between(-40, 40);
        var destination = dice.OneIn(4) ? source + (ulong)dice.Between(-4, 4) : low + (ulong)dice.Between(-40, 40);
        if (!dice.OneIn(5))
        {
            source &= ~7UL;
            destination &= ~7UL;
        }

        var moved = instruction.SegmentPrefix switch { Register.FS => input.FsBase, Register.GS => input.GsBase, _ => 0UL };
        source -= moved;
        destination -= instruction.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Maskmovdqu ? moved : 0;
        input.General[6] = source;
        input.General[7] = destination;
        var small = (ulong)dice.Below(9);
        input.General[1] = instruction.HasRepPrefix || instruction.HasRepnePrefix ? small : input.General[1];
        if (dice.OneIn(8) && HasShortAddress(instruction))
        {
            // Only the lower halves count then.
            for (var i = 0; i < 2; i++)
            {
                input.General[6 + i] |= dice.Next() << 32;
            }

            input.General[1] = (dice.Next() << 32) | (uint)input.General[1];
        }
    }

    private static bool HasShortAddress(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is OpKind.MemoryESEDI or OpKind.MemorySegESI or OpKind.MemorySegEDI)
            {
                return true;
            }
        }

        return false;
    }

    private static void AimDivision(Dice dice, in Instruction instruction, ref ProcessorImage input)
    {
        var size = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize();
        var signed = instruction.Mnemonic == Mnemonic.Idiv;
        var value = EdgeValues.Integer(dice);
        if (size == 1)
        {
            var low = signed ? (ushort)(sbyte)value : (byte)value;
            input.General[0] = (value & ~0xffffUL) | low;
            return;
        }

        input.General[0] = value;
        var negative = (long)(value << (64 - (8 * size))) < 0;
        input.General[2] = signed && negative ? ulong.MaxValue : 0;
        if (dice.OneIn(3))
        {
            input.General[2] = signed ? (ulong)dice.Between(-2, 2) : (ulong)dice.Below(200);
        }
    }

    /// <summary>Gives the bytes under a memory operand a value that suits its type.</summary>
    private void FillOperand(Dice dice, in Instruction instruction, ulong target, ref ProcessorImage input)
    {
        Span<byte> value = stackalloc byte[16];
        switch (instruction.MemorySize)
        {
            case MemorySize.Float80 or MemorySize.Bcd when dice.OneIn(2):
                EdgeValues.Extended(dice, value);
                Write(target, value[..10]);
                break;
            case MemorySize.Bcd:
                for (var i = 0; i < 10; i++)
                {
                    value[i] = i == 9 ? (byte)(dice.Below(2) << 7) : (byte)((dice.Below(10) << 4) | dice.Below(10));
                }

                Write(target, value[..10]);
                break;
            case MemorySize.Float64:
                Write(target, EdgeValues.Double(dice));
                break;
            case MemorySize.Float32:
                BinaryPrimitives.WriteUInt32LittleEndian(value, EdgeValues.Single(dice));
                Write(target, value[..4]);
                break;
        }

        switch (instruction.Mnemonic)
        {
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b when dice.OneIn(2) && TryPhysical(target, 16, out var at):
                var half = instruction.Mnemonic == Mnemonic.Cmpxchg8b ? 4 : 8;
                input.General[0] = Read(at, half);
                input.General[2] = Read(at + half, half);
                break;
            case Mnemonic.Cmpxchg when dice.OneIn(2) && TryPhysical(target, 8, out var compared):
                input.General[0] = Read(compared, 8);
                break;
            case Mnemonic.Ldmxcsr:
                // Without AMD's bit of misaligned SSE mode, which this processor does not have.
                BinaryPrimitives.WriteUInt32LittleEndian(value, (uint)dice.Next() & (dice.OneIn(4) ? 0xfffd_ffff : 0xffff));
                Write(target, value[..4]);
                break;
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Xrstor or Mnemonic.Xrstor64:
                FillImage(dice, target);
                break;
            case Mnemonic.Mov when instruction.Op0Register.IsSegmentRegister():
                Write(target, dice.Next() & ~0xfffcUL);
                break;
            case Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss:
                // AMD's processors know no pointer larger than 32 bits and a selector.
                Write(target + (ulong)Math.Min(4, instruction.MemorySize.GetSize() - 2), dice.Next() & ~0xfffcUL);
                Write(target + (ulong)(instruction.MemorySize.GetSize() - 2), dice.Next() & ~0xfffcUL);
                break;
            case Mnemonic.Div or Mnemonic.Idiv when dice.OneIn(2):
                Write(target, EdgeValues.Integer(dice));
                break;
        }
    }

    /// <summary>An image that can be restored, as a rule.</summary>
    private void FillImage(Dice dice, ulong target)
    {
        ProcessorImage other = default;
        RandomState.Fill(dice, ref other);
        Span<byte> bytes = other.Fx;
        Write(target, bytes[..464]);
        Span<byte> header = stackalloc byte[64];
        header.Clear();
        header[0] = (byte)dice.Below(4);
        if (dice.OneIn(8))
        {
            header[dice.Between(1, 23)] ^= (byte)(1 << dice.Below(8));
        }

        Write(target + 512, header);
    }

    private bool TryAimBranch(Dice dice, Instance instance, ref ProcessorImage input, ulong codeSlot)
    {
        var instruction = instance.Decoded;
        ulong goal;
        do
        {
            goal = codeSlot + (ulong)dice.Below(GuestLayout.CodeSlotBytes);
        }
        while (goal >= instance.Start && goal < instance.Start + (ulong)instance.Length);
        if (dice.OneIn(8))
        {
            // Nowhere: not mapped, not executable, not canonical.
            goal = dice.Below(3) switch { 0 => EdgeValues.Integer(dice), 1 => instance.Target, _ => 0x8000_0000_0000 - (ulong)dice.Below(2) };
        }

        switch (instruction.FlowControl)
        {
            case FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Call when instruction.Op0Kind == OpKind.NearBranch64:
                goal = instruction.NearBranch64;
                break;
            case FlowControl.IndirectBranch or FlowControl.IndirectCall when instruction.Op0Kind == OpKind.Register && instruction.Op0Register.IsGPR64():
                input.General[instruction.Op0Register - Register.RAX] = goal;
                break;
            case FlowControl.IndirectBranch or FlowControl.IndirectCall when instruction.Op0Kind == OpKind.Memory && instruction.MemorySize.GetSize() == 8:
                Write(instance.Address, goal);
                if (!TryPhysical(instance.Address, 8, out _) && !IsUnreachable(instance.Address))
                {
                    return false;
                }

                break;
            case FlowControl.Return when instruction.Code is Code.Retnq or Code.Retnq_imm16:
                Write(input.General[4], goal);
                break;
            default:
                return false;
        }

        return !MayHarm(goal, instance, codeSlot);
    }

    /// <summary>Going there would run something else: another instance, the loop, the middle of the instruction itself.</summary>
    private static bool MayHarm(ulong goal, Instance instance, ulong codeSlot)
    {
        if (goal >= instance.Start && goal < instance.Start + (ulong)instance.Length)
        {
            return true;
        }

        if (goal >= codeSlot && goal < codeSlot + GuestLayout.CodeSlotBytes)
        {
            return false;
        }

        return goal is (>= GuestLayout.CodeStart - 16 and < GuestLayout.CodeStart + GuestLayout.CodeBytes) or
            (>= GuestLayout.EdgeCode - 16 and < GuestLayout.EdgeCode + GuestLayout.EdgeCodeBytes) or
            (>= GuestLayout.Loop - 16 and < GuestLayout.Loop + GuestLayout.PageBytes);
    }

    private static bool IsUnreachable(ulong target) => !TryPhysical(target, 1, out _);

    private static ulong Mask(int size) => ulong.MaxValue >> (64 - (8 * size));

    private ulong Read(int physical, int size) => BinaryPrimitives.ReadUInt64LittleEndian(ram.AsSpan(physical)) & Mask(size);

    private void Write(ulong linear, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(linear, bytes);
    }

    private void Write(ulong linear, ReadOnlySpan<byte> bytes)
    {
        if (TryPhysical(linear, bytes.Length, out var physical))
        {
            bytes.CopyTo(ram.AsSpan(physical));
        }
    }

    /// <summary>Where data lies in RAM; false outside the data pages.</summary>
    public static bool TryPhysical(ulong linear, int length, out int physical)
    {
        foreach (var (start, bytes, at) in new[]
        {
            (GuestLayout.DataLow, GuestLayout.DataBytes, GuestLayout.DataPhysical),
            (GuestLayout.DataMiddle, GuestLayout.DataBytes, GuestLayout.DataPhysical),
            (GuestLayout.DataHigh, GuestLayout.DataBytes, GuestLayout.DataPhysical),
            (GuestLayout.TopPage, GuestLayout.PageBytes, GuestLayout.TopPagePhysical),
        })
        {
            if (linear >= start && linear - start <= (ulong)(bytes - length))
            {
                physical = (int)(linear - start + at);
                return true;
            }
        }

        physical = 0;
        return false;
    }
}
