using Iced.Intel;

namespace HvRunner.Instructions.Tests;

/// <summary>
/// Makes one encoded instance of an instruction code, with its memory operand through RBX, EBX or BX where it has one, so that every form that
/// the decoder knows can be stepped without a list kept by hand. Registers are drawn from a generator; RSP and RBX are never destinations.
/// </summary>
internal static class InstructionSample
{
    private static readonly int[] GeneralIndices = [0, 1, 2, 6, 7];

    /// <summary>False when the code has no such form in this mode.</summary>
    public static bool TryEncode(Code code, int bitness, bool wantsMemory, Random random, ulong rip, out byte[] bytes)
    {
        bytes = [];
        var info = code.ToOpCode();
        if (!info.IsInstruction || !(bitness switch { 16 => info.Mode16, 32 => info.Mode32, _ => info.Mode64 }))
        {
            return false;
        }

        var instruction = new Instruction { Code = code };
        var hasMemory = false;
        for (var i = 0; i < info.OpCount; i++)
        {
            if (!TrySetOperand(ref instruction, i, info.GetOpKind(i), bitness, wantsMemory, random, rip, ref hasMemory))
            {
                return false;
            }
        }

        if (wantsMemory != hasMemory)
        {
            return false;
        }

        var writer = new Writer();
        var encoder = Encoder.Create(bitness, writer);
        if (!encoder.TryEncode(instruction, rip, out _, out _))
        {
            return false;
        }

        bytes = [.. writer.Bytes];
        var decoder = Decoder.Create(bitness, new ByteArrayCodeReader(bytes), rip);
        return decoder.Decode().Code == code;
    }

    private static bool TrySetOperand(
        ref Instruction instruction, int operand, OpCodeOperandKind kind, int bitness, bool wantsMemory, Random random, ulong rip, ref bool hasMemory)
    {
        var general = GeneralIndices[random.Next(GeneralIndices.Length)];
        var vector = random.Next(8);
        var name = kind.ToString();
        if (wantsMemory && name.EndsWith("_or_mem", StringComparison.Ordinal))
        {
            kind = OpCodeOperandKind.mem;
        }

        switch (kind)
        {
            case OpCodeOperandKind.mem or OpCodeOperandKind.mem_mib or OpCodeOperandKind.sibmem:
                hasMemory = true;
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = bitness switch { 16 => Register.BX, 32 => Register.EBX, _ => Register.RBX };
                return true;
            case OpCodeOperandKind.mem_offs:
                hasMemory = true;
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryDisplSize = bitness / 8;
                instruction.MemoryDisplacement64 = bitness == 16 ? 0x100 : GuestProcessor.Data;
                return true;
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(operand, bitness switch { 16 => OpKind.MemorySegSI, 32 => OpKind.MemorySegESI, _ => OpKind.MemorySegRSI });
                return true;
            case OpCodeOperandKind.seg_rDI:
                instruction.SetOpKind(operand, bitness switch { 16 => OpKind.MemorySegDI, 32 => OpKind.MemorySegEDI, _ => OpKind.MemorySegRDI });
                return true;
            case OpCodeOperandKind.es_rDI:
                instruction.SetOpKind(operand, bitness switch { 16 => OpKind.MemoryESDI, 32 => OpKind.MemoryESEDI, _ => OpKind.MemoryESRDI });
                return true;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = bitness switch { 16 => Register.BX, 32 => Register.EBX, _ => Register.RBX };
                instruction.MemoryIndex = Register.AL;
                hasMemory = true;
                return true;
            case >= OpCodeOperandKind.br16_1 and <= OpCodeOperandKind.br64_4:
                var size = name[2] == '1' ? OpKind.NearBranch16 : name[2] == '3' ? OpKind.NearBranch32 : OpKind.NearBranch64;
                instruction.SetOpKind(operand, size);
                instruction.NearBranch64 = size == OpKind.NearBranch64 ? rip + 0x20 : size == OpKind.NearBranch32 ? (uint)rip + 0x20 : (ushort)(rip + 0x20);
                return true;
            case OpCodeOperandKind.farbr2_2 or OpCodeOperandKind.farbr4_2:
                instruction.SetOpKind(operand, kind == OpCodeOperandKind.farbr2_2 ? OpKind.FarBranch16 : OpKind.FarBranch32);
                instruction.FarBranchSelector = 8;
                return true;
            case OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1:
                instruction.SetOpKind(operand, operand > 0 && instruction.GetOpKind(operand - 1) == OpKind.Immediate16 ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                var value = kind == OpCodeOperandKind.imm8_const_1 ? (byte)1 : (byte)random.Next(256);
                if (instruction.GetOpKind(operand) == OpKind.Immediate8_2nd)
                {
                    instruction.Immediate8_2nd = (byte)(value & 3);
                }
                else
                {
                    instruction.Immediate8 = value;
                }

                return true;
            case OpCodeOperandKind.imm8sex16:
                instruction.SetOpKind(operand, OpKind.Immediate8to16);
                instruction.Immediate8to16 = (sbyte)random.Next(256);
                return true;
            case OpCodeOperandKind.imm8sex32:
                instruction.SetOpKind(operand, OpKind.Immediate8to32);
                instruction.Immediate8to32 = (sbyte)random.Next(256);
                return true;
            case OpCodeOperandKind.imm8sex64:
                instruction.SetOpKind(operand, OpKind.Immediate8to64);
                instruction.Immediate8to64 = (sbyte)random.Next(256);
                return true;
            case OpCodeOperandKind.imm16:
                instruction.SetOpKind(operand, OpKind.Immediate16);
                instruction.Immediate16 = (ushort)random.Next(32);
                return true;
            case OpCodeOperandKind.imm32:
                instruction.SetOpKind(operand, OpKind.Immediate32);
                instruction.Immediate32 = (uint)random.NextInt64();
                return true;
            case OpCodeOperandKind.imm32sex64:
                instruction.SetOpKind(operand, OpKind.Immediate32to64);
                instruction.Immediate32to64 = (int)random.NextInt64();
                return true;
            case OpCodeOperandKind.imm64:
                instruction.SetOpKind(operand, OpKind.Immediate64);
                instruction.Immediate64 = (ulong)random.NextInt64();
                return true;
        }

        var register = kind switch
        {
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
            OpCodeOperandKind.st0 => Register.ST0,
            OpCodeOperandKind.sti_opcode => Register.ST0 + vector,
            OpCodeOperandKind.seg_reg => Register.DS,
            OpCodeOperandKind.cr_reg => Register.CR2,
            OpCodeOperandKind.dr_reg => Register.DR1,
            _ when name.StartsWith("r8_", StringComparison.Ordinal) => Register.AL + random.Next(3),
            _ when name.StartsWith("r16_", StringComparison.Ordinal) => Register.AX + general,
            _ when name.StartsWith("r32_", StringComparison.Ordinal) => Register.EAX + general,
            _ when name.StartsWith("r64_", StringComparison.Ordinal) => Register.RAX + general,
            _ when name.StartsWith("mm_", StringComparison.Ordinal) => Register.MM0 + vector,
            _ when name.StartsWith("xmm_", StringComparison.Ordinal) => Register.XMM0 + vector,
            _ when name.StartsWith("ymm_", StringComparison.Ordinal) => Register.YMM0 + vector,
            _ => Register.None,
        };
        if (register == Register.None)
        {
            return false;
        }

        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
        return true;
    }

    private sealed class Writer : CodeWriter
    {
        public List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
