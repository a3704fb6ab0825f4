using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>Writes one instance of a form with random operands: registers, immediates, every shape of memory operand, prefixes that it takes.</summary>
internal sealed class RandomEncoder
{
    private const Register NoRegister = (Register)255;

    private static readonly Register[] Bytes =
    [
        Register.AL, Register.CL, Register.DL, Register.BL, Register.AH, Register.CH, Register.DH, Register.BH, Register.SPL, Register.BPL,
        Register.SIL, Register.DIL, Register.R8L, Register.R9L, Register.R10L, Register.R11L, Register.R12L, Register.R13L, Register.R14L, Register.R15L,
    ];

    private readonly ByteWriter _writer = new();
    private readonly Encoder _encoder;

    public RandomEncoder() => _encoder = Encoder.Create(64, _writer);

    /// <summary>Fills the instance's bytes, encoded for its start; false when the form cannot be had with the operands that came up.</summary>
    public bool TryEncode(Dice dice, Instance instance, ulong codeSlot)
    {
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var instruction = default(Instruction);
            instruction.Code = instance.Wanted;
            if (!TryChooseOperands(dice, ref instruction, instance, codeSlot))
            {
                return false;
            }

            ChoosePrefixes(dice, ref instruction);
            _writer.Count = 0;
            if (_encoder.TryEncode(instruction, instance.Start, out _, out _))
            {
                _writer.Bytes.AsSpan(0, _writer.Count).CopyTo(instance.Bytes);
                instance.Length = _writer.Count;
                return true;
            }
        }

        return false;
    }

    private static void ChoosePrefixes(Dice dice, ref Instruction instruction)
    {
        var opCode = instruction.Code.ToOpCode();
        var hasMemory = instruction.Op0Kind == OpKind.Memory;
        instruction.HasLockPrefix = opCode.CanUseLockPrefix && hasMemory && dice.OneIn(3);
        if (opCode.CanUseRepPrefix && dice.OneIn(2))
        {
            instruction.HasRepPrefix = true;
        }
        else if (opCode.CanUseRepnePrefix && dice.OneIn(2))
        {
            instruction.HasRepnePrefix = true;
        }
    }

    private static bool TryChooseOperands(Dice dice, ref Instruction instruction, Instance instance, ulong codeSlot)
    {
        var opCode = instruction.Code.ToOpCode();
        var shortAddresses = opCode.AddressSize == 32 || (opCode.AddressSize != 64 && dice.OneIn(10));
        for (var i = 0; i < opCode.OpCount; i++)
        {
            if (!TryChoose(dice, ref instruction, i, opCode, shortAddresses, instance, codeSlot))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryChoose(Dice dice, ref Instruction instruction, int i, OpCodeInfo opCode, bool shortAddresses, Instance instance, ulong codeSlot)
    {
        var kind = opCode.GetOpKind(i);
        var orMemory = dice.OneIn(2);
        var register = kind switch
        {
            OpCodeOperandKind.mem or OpCodeOperandKind.mem_mib or OpCodeOperandKind.mem_offs or OpCodeOperandKind.sibmem => Register.None,
            OpCodeOperandKind.r8_or_mem => orMemory ? Register.None : dice.Of<Register>(Bytes),
            OpCodeOperandKind.r16_or_mem => orMemory ? Register.None : Numbered(dice, Register.AX, 16),
            OpCodeOperandKind.r32_or_mem => orMemory ? Register.None : Numbered(dice, Register.EAX, 16),
            OpCodeOperandKind.r64_or_mem => orMemory ? Register.None : Numbered(dice, Register.RAX, 16),
            OpCodeOperandKind.mm_or_mem => orMemory ? Register.None : Numbered(dice, Register.MM0, 8),
            OpCodeOperandKind.xmm_or_mem => orMemory ? Register.None : Numbered(dice, Register.XMM0, 16),
            OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode => dice.Of<Register>(Bytes),
            OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode or OpCodeOperandKind.r16_reg_mem => Numbered(dice, Register.AX, 16),
            OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_vvvv or OpCodeOperandKind.r32_reg_mem => Numbered(dice, Register.EAX, 16),
            OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_rm or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.r64_vvvv or OpCodeOperandKind.r64_reg_mem => Numbered(dice, Register.RAX, 16),
            OpCodeOperandKind.seg_reg => dice.Of<Register>([Register.ES, Register.DS, Register.FS, Register.GS, Register.SS, Register.CS]),
            OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm => Numbered(dice, Register.MM0, 8),
            OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm => Numbered(dice, Register.XMM0, 16),
            OpCodeOperandKind.st0 => Register.ST0,
            OpCodeOperandKind.sti_opcode => Numbered(dice, Register.ST0, 8),
            OpCodeOperandKind.es => Register.ES,
            OpCodeOperandKind.cs => Register.CS,
            OpCodeOperandKind.ss => Register.SS,
            OpCodeOperandKind.ds => Register.DS,
            OpCodeOperandKind.fs => Register.FS,
            OpCodeOperandKind.gs => Register.GS,
            OpCodeOperandKind.al => Register.AL,
            OpCodeOperandKind.cl => Register.CL,
            OpCodeOperandKind.ax => Register.AX,
            OpCodeOperandKind.dx => Register.DX,
            OpCodeOperandKind.eax => Register.EAX,
            OpCodeOperandKind.rax => Register.RAX,
            OpCodeOperandKind.cr_reg => dice.Of<Register>([Register.CR0, Register.CR3, Register.CR4]),
            OpCodeOperandKind.dr_reg => Numbered(dice, Register.DR0, 8),
            _ => NoRegister,
        };
        if (register == Register.None)
        {
            MemoryOperand.Choose(dice, ref instruction, i, kind == OpCodeOperandKind.mem_offs, shortAddresses, instance.Target);
            return true;
        }

        if (register != NoRegister)
        {
            instruction.SetOpKind(i, OpKind.Register);
            instruction.SetOpRegister(i, register);
            return true;
        }

        return TryChooseOther(dice, ref instruction, i, kind, shortAddresses, codeSlot);
    }

    private static bool TryChooseOther(Dice dice, ref Instruction instruction, int i, OpCodeOperandKind kind, bool shortAddresses, ulong codeSlot)
    {
        var value = EdgeValues.Integer(dice);
        switch (kind)
        {
            case OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.imm4_m2z:
                var constant = kind == OpCodeOperandKind.imm8_const_1;
                var second = i > 0 && instruction.GetOpKind(i - 1) is OpKind.Immediate8 or OpKind.Immediate16;
                instruction.SetOpKind(i, second && !constant ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                var small = (byte)(dice.OneIn(2) ? value : (ulong)dice.Below(40));
                if (second)
                {
                    instruction.Immediate8_2nd = small;
                }
                else
                {
                    instruction.Immediate8 = constant ? (byte)1 : small;
                }

                return true;
            case OpCodeOperandKind.imm8sex16 or OpCodeOperandKind.imm8sex32 or OpCodeOperandKind.imm8sex64:
                instruction.SetOpKind(i, kind switch
                {
                    OpCodeOperandKind.imm8sex16 => OpKind.Immediate8to16,
                    OpCodeOperandKind.imm8sex32 => OpKind.Immediate8to32,
                    _ => OpKind.Immediate8to64,
                });
                instruction.SetImmediate(i, (sbyte)value);
                return true;
            case OpCodeOperandKind.imm16:
                instruction.SetOpKind(i, OpKind.Immediate16);
                instruction.Immediate16 = (ushort)value;
                return true;
            case OpCodeOperandKind.imm32:
                instruction.SetOpKind(i, OpKind.Immediate32);
                instruction.Immediate32 = (uint)value;
                return true;
            case OpCodeOperandKind.imm32sex64:
                instruction.SetOpKind(i, OpKind.Immediate32to64);
                instruction.Immediate32to64 = (int)value;
                return true;
            case OpCodeOperandKind.imm64:
                instruction.SetOpKind(i, OpKind.Immediate64);
                instruction.Immediate64 = value;
                return true;
            case OpCodeOperandKind.br64_1 or OpCodeOperandKind.br64_4:
                instruction.SetOpKind(i, OpKind.NearBranch64);
                instruction.NearBranch64 = codeSlot + (ulong)dice.Below(GuestLayout.CodeSlotBytes);
                return true;
            case OpCodeOperandKind.es_rDI:
                instruction.SetOpKind(i, shortAddresses ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
                return true;
            case OpCodeOperandKind.seg_rDI:
                instruction.SetOpKind(i, shortAddresses ? OpKind.MemorySegEDI : OpKind.MemorySegRDI);
                MemoryOperand.ChooseSegment(dice, ref instruction);
                return true;
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(i, shortAddresses ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
                MemoryOperand.ChooseSegment(dice, ref instruction);
                return true;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = shortAddresses ? Register.EBX : Register.RBX;
                instruction.MemoryIndex = Register.AL;
                instruction.MemoryIndexScale = 1;
                MemoryOperand.ChooseSegment(dice, ref instruction);
                return true;
            default:
                return false;
        }
    }

    private static Register Numbered(Dice dice, Register first, int count) => first + dice.Below(count);

    private sealed class ByteWriter : CodeWriter
    {
        public byte[] Bytes { get; } = new byte[24];

        public int Count { get; set; }

        public override void WriteByte(byte value) => Bytes[Count++] = value;
    }
}
