using System.Collections.Frozen;
using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>Random instructions of 64-bit mode, of chosen mnemonics, whose memory operands mostly hit the twins' data.</summary>
internal sealed class InstructionMaker(Random random)
{
    private static readonly Mnemonic[] Mnemonics =
    [
        Mnemonic.Add, Mnemonic.Sub, Mnemonic.Cmp, Mnemonic.Test, Mnemonic.And, Mnemonic.Or, Mnemonic.Xor, Mnemonic.Adc, Mnemonic.Sbb, Mnemonic.Adc,
        Mnemonic.Sbb, Mnemonic.Inc, Mnemonic.Dec, Mnemonic.Neg, Mnemonic.Not, Mnemonic.Shl, Mnemonic.Shr, Mnemonic.Sar, Mnemonic.Rol, Mnemonic.Ror,
        Mnemonic.Rcl, Mnemonic.Rcr, Mnemonic.Shld, Mnemonic.Shrd, Mnemonic.Mul, Mnemonic.Imul, Mnemonic.Imul, Mnemonic.Div, Mnemonic.Idiv, Mnemonic.Mov,
        Mnemonic.Mov, Mnemonic.Mov, Mnemonic.Movzx, Mnemonic.Movsx, Mnemonic.Movsxd, Mnemonic.Lea, Mnemonic.Xchg, Mnemonic.Cmpxchg, Mnemonic.Xadd,
        Mnemonic.Cmpxchg8b, Mnemonic.Cmpxchg16b, Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc, Mnemonic.Bsf, Mnemonic.Bsr, Mnemonic.Tzcnt,
        Mnemonic.Lzcnt, Mnemonic.Popcnt, Mnemonic.Bswap, Mnemonic.Push, Mnemonic.Pop, Mnemonic.Pushfq, Mnemonic.Lahf, Mnemonic.Sahf, Mnemonic.Clc,
        Mnemonic.Stc, Mnemonic.Cmc, Mnemonic.Cld, Mnemonic.Std, Mnemonic.Cwde, Mnemonic.Cdqe, Mnemonic.Cdq, Mnemonic.Cqo, Mnemonic.Cbw, Mnemonic.Cwd,
        Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd, Mnemonic.Movsq, Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd, Mnemonic.Stosq, Mnemonic.Lodsb,
        Mnemonic.Lodsd, Mnemonic.Lodsq, Mnemonic.Scasb, Mnemonic.Scasd, Mnemonic.Cmpsb, Mnemonic.Cmpsq, Mnemonic.Leave, Mnemonic.Enter, Mnemonic.Nop,
        Mnemonic.Pause, Mnemonic.Xlatb, Mnemonic.Movbe, Mnemonic.Crc32, Mnemonic.Adcx, Mnemonic.Adox, Mnemonic.Cli, Mnemonic.Sti, Mnemonic.Stac,
        Mnemonic.Clac, Mnemonic.Rdtsc, Mnemonic.In, Mnemonic.Out, Mnemonic.Int3, Mnemonic.Movdqu, Mnemonic.Pxor, Mnemonic.Movq, Mnemonic.Lfence,
        Mnemonic.Prefetcht0, Mnemonic.Rdfsbase, Mnemonic.Movnti, Mnemonic.Ud2, Mnemonic.Fninit, Mnemonic.Cpuid, Mnemonic.Rdrand,
    ];

    /// <summary>Vector instructions, those with handlers of their own and a few without.</summary>
    private static readonly Mnemonic[] Vectors =
    [
        Mnemonic.Addps, Mnemonic.Pshufb,
    ];

    private static readonly FrozenDictionary<Mnemonic, Code[]> Codes = MakeCodes();
    private static readonly Mnemonic[] Conditional = [.. Codes.Keys.Where(IsConditional)];
    private static readonly Register[] Bases = [Register.RBX, Register.RSI, Register.RDI, Register.RBP, Register.R12, Register.R13];

    /// <summary>The registers that programs keep pointing into data.</summary>
    public static IReadOnlyList<Register> Pointers => Bases;

    public Instruction Make()
    {
        while (true)
        {
            var mnemonic = random.Next(5) == 0 ? Conditional[random.Next(Conditional.Length)]
                : random.Next(6) == 0 ? Vectors[random.Next(Vectors.Length)] : Mnemonics[random.Next(Mnemonics.Length)];
            var codes = Codes[mnemonic];
            if (TryMake(codes[random.Next(codes.Length)], out var instruction))
            {
                return instruction;
            }
        }
    }

    public ulong AnyPointer() => random.Next(16) switch
    {
        0 => TwinLayout.Missing - (ulong)random.Next(16),
        1 => TwinLayout.ReadOnly + (ulong)random.Next(4096),
        2 => TwinLayout.Device + (ulong)random.Next(4096),
        3 => TwinLayout.Swapped + (ulong)random.Next(4096),
        4 => TwinLayout.HighData + (ulong)random.Next(0x4000),
        5 => TwinLayout.Large + TwinLayout.Data + (ulong)random.Next(0x4000),
        6 => TwinLayout.Data + ((ulong)random.Next(1, 5) << 12) - (ulong)random.Next(12),
        7 => random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => 0x7fff_ffff_fff8, 2 => ulong.MaxValue - 3, _ => 0 },
        _ => TwinLayout.Data + (ulong)random.Next(0x4000),
    };

    public ulong AnyNumber() => random.Next(8) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => 1UL << random.Next(64),
        3 => (1UL << random.Next(64)) - 1,
        4 => (ulong)random.Next(70),
        5 => 0 - (ulong)random.Next(300),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };

    private static bool IsConditional(Mnemonic mnemonic) => mnemonic.ToString() is var name &&
        (name.StartsWith("Cmov", StringComparison.Ordinal) || name.StartsWith("Set", StringComparison.Ordinal));

    private static FrozenDictionary<Mnemonic, Code[]> MakeCodes()
    {
        var wanted = Mnemonics.Concat(Vectors).ToHashSet();
        return Enum.GetValues<Code>()
            .Where(code => code.ToOpCode() is { IsInstruction: true, Mode64: true, Encoding: EncodingKind.Legacy } info &&
                (wanted.Contains(info.Mnemonic) || (IsConditional(info.Mnemonic) && info.Mnemonic is not (Mnemonic.Setssbsy))) && IsPlain(info))
            .GroupBy(code => code.Mnemonic())
            .ToFrozenDictionary(group => group.Key, group => group.ToArray());
    }

    private static bool IsPlain(OpCodeInfo info)
    {
        for (var i = 0; i < info.OpCount; i++)
        {
            if (info.GetOpKind(i) is OpCodeOperandKind.cr_reg or OpCodeOperandKind.dr_reg or OpCodeOperandKind.tr_reg or OpCodeOperandKind.seg_reg)
            {
                return false;
            }
        }

        return info.Code is not (Code.Push_r32 or Code.Pop_r32 or Code.Reservednop_rm16_r16_0F0D);
    }

    private bool TryMake(Code code, out Instruction instruction)
    {
        var info = code.ToOpCode();
        instruction = new Instruction { Code = code };
        for (var i = 0; i < info.OpCount; i++)
        {
            if (!TrySetOperand(ref instruction, i, info.GetOpKind(i)))
            {
                return false;
            }
        }

        if (info.CanUseLockPrefix && instruction.Op0Kind == OpKind.Memory && random.Next(4) == 0)
        {
            instruction.HasLockPrefix = true;
        }

        if (info.CanUseRepPrefix || info.CanUseRepnePrefix)
        {
            instruction.HasRepePrefix = random.Next(2) == 0;
            instruction.HasRepnePrefix = !instruction.HasRepePrefix && random.Next(4) == 0;
        }

        return true;
    }

    private bool TrySetOperand(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        var name = kind.ToString();
        if (name.EndsWith("_or_mem", StringComparison.Ordinal) && random.Next(2) == 0)
        {
            kind = OpCodeOperandKind.mem;
        }

        switch (kind)
        {
            case OpCodeOperandKind.mem:
                SetMemory(ref instruction, operand);
                return true;
            case OpCodeOperandKind.mem_offs:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = AnyPointer();
                return true;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = Register.RBX;
                instruction.MemoryIndex = Register.AL;
                return true;
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(operand, instruction.Op0Kind == OpKind.MemoryESEDI ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
                if (random.Next(8) == 0)
                {
                    instruction.SegmentPrefix = Register.FS;
                }

                return true;
            case OpCodeOperandKind.es_rDI:
                // Both operands of one instruction have the same address size.
                var narrow = operand == 0 ? random.Next(12) == 0 : instruction.Op0Kind == OpKind.MemorySegESI;
                instruction.SetOpKind(operand, narrow ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
                return true;
            case OpCodeOperandKind.imm8_const_1:
                instruction.SetOpKind(operand, OpKind.Immediate8);
                instruction.Immediate8 = 1;
                return true;
            case OpCodeOperandKind.imm8:
                var second = operand > 0 && instruction.GetOpKind(operand - 1) == OpKind.Immediate16;
                instruction.SetOpKind(operand, second ? OpKind.Immediate8_2nd : OpKind.Immediate8);
                if (second)
                {
                    instruction.Immediate8_2nd = (byte)random.Next(3);
                }
                else
                {
                    instruction.Immediate8 = (byte)AnyNumber();
                }

                return true;
            case OpCodeOperandKind.imm8sex16:
                instruction.SetOpKind(operand, OpKind.Immediate8to16);
                instruction.Immediate8to16 = (sbyte)AnyNumber();
                return true;
            case OpCodeOperandKind.imm8sex32:
                instruction.SetOpKind(operand, OpKind.Immediate8to32);
                instruction.Immediate8to32 = (sbyte)AnyNumber();
                return true;
            case OpCodeOperandKind.imm8sex64:
                instruction.SetOpKind(operand, OpKind.Immediate8to64);
                instruction.Immediate8to64 = (sbyte)AnyNumber();
                return true;
            case OpCodeOperandKind.imm16:
                instruction.SetOpKind(operand, OpKind.Immediate16);
                instruction.Immediate16 = (ushort)(instruction.Mnemonic == Mnemonic.Enter ? (uint)random.Next(64) : AnyNumber());
                return true;
            case OpCodeOperandKind.imm32:
                instruction.SetOpKind(operand, OpKind.Immediate32);
                instruction.Immediate32 = (uint)AnyNumber();
                return true;
            case OpCodeOperandKind.imm32sex64:
                instruction.SetOpKind(operand, OpKind.Immediate32to64);
                instruction.Immediate32to64 = (int)AnyNumber();
                return true;
            case OpCodeOperandKind.imm64:
                instruction.SetOpKind(operand, OpKind.Immediate64);
                instruction.Immediate64 = AnyNumber();
                return true;
        }

        var register = RegisterOf(kind, name);
        if (register == Register.None)
        {
            return false;
        }

        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
        return true;
    }

    private Register RegisterOf(OpCodeOperandKind kind, string name)
    {
        // The stack pointer is rarely an operand: most programs would soon have no stack.
        var number = random.Next(16);
        number = number == 4 && random.Next(10) != 0 ? 0 : number;
        return kind switch
        {
            OpCodeOperandKind.al => Register.AL,
            OpCodeOperandKind.cl => Register.CL,
            OpCodeOperandKind.ax => Register.AX,
            OpCodeOperandKind.dx => Register.DX,
            OpCodeOperandKind.eax => Register.EAX,
            OpCodeOperandKind.rax => Register.RAX,
            OpCodeOperandKind.es or OpCodeOperandKind.cs or OpCodeOperandKind.ss or OpCodeOperandKind.ds => Register.None,
            OpCodeOperandKind.fs => Register.FS,
            OpCodeOperandKind.gs => Register.None,
            _ when name.StartsWith("r8_", StringComparison.Ordinal) => Register.AL + random.Next(20),
            _ when name.StartsWith("r16_", StringComparison.Ordinal) => Register.AX + number,
            _ when name.StartsWith("r32_", StringComparison.Ordinal) => Register.EAX + number,
            _ when name.StartsWith("r64_", StringComparison.Ordinal) => Register.RAX + number,
            _ when name.StartsWith("xmm_", StringComparison.Ordinal) => Register.XMM0 + random.Next(16),
            _ when name.StartsWith("mm_", StringComparison.Ordinal) => Register.None,
            _ => Register.None,
        };
    }

    private void SetMemory(ref Instruction instruction, int operand)
    {
        instruction.SetOpKind(operand, OpKind.Memory);
        instruction.MemoryIndexScale = 1;
        switch (random.Next(12))
        {
            case 0:
                instruction.MemoryBase = Register.RIP;
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = TwinLayout.Data + (ulong)random.Next(0x4000);
                break;
            case 1:
                instruction.MemoryDisplSize = random.Next(2) == 0 ? 4 : 8;
                instruction.MemoryDisplacement64 = TwinLayout.Data + (ulong)random.Next(0x4000);
                break;
            case 2:
                instruction.SegmentPrefix = random.Next(2) == 0 ? Register.FS : Register.GS;
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = (ulong)random.Next(-0x100, 0x100);
                if (random.Next(3) == 0)
                {
                    instruction.MemoryBase = Register.RAX + random.Next(16);
                }

                break;
            case 3:
                // 32-bit addresses, with all that a pointer holds above them cut off.
                instruction.MemoryBase = Register.EAX + (Bases[random.Next(Bases.Length)] - Register.RAX);
                instruction.MemoryDisplSize = 4;
                instruction.MemoryDisplacement64 = (uint)random.Next(-64, 64);
                if (random.Next(2) == 0)
                {
                    instruction.MemoryIndex = Register.R8D + random.Next(4);
                    instruction.MemoryIndexScale = 1 << random.Next(4);
                }

                break;
            case 4 or 5:
                instruction.MemoryBase = random.Next(6) == 0 ? Register.None : Bases[random.Next(Bases.Length)];
                instruction.MemoryIndex = Register.R8 + random.Next(4);
                instruction.MemoryIndexScale = 1 << random.Next(4);
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = instruction.MemoryBase == Register.None ? TwinLayout.Data : (ulong)(long)random.Next(-300, 300);
                break;
            case 6:
                instruction.MemoryBase = Register.RSP;
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = (ulong)random.Next(-16, 64);
                break;
            default:
                instruction.MemoryBase = Bases[random.Next(Bases.Length)];
                instruction.MemoryDisplSize = 8;
                instruction.MemoryDisplacement64 = random.Next(2) == 0 ? 0 : (ulong)(long)random.Next(-200, 200);
                break;
        }
    }
}
