using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// A random program for the twins: chunks of equal size, each of straight-line code with a branch at its end. Flags that an instruction leaves
/// undefined are never read before they are set again: the two ways to run a program may leave different ones.
/// </summary>
internal sealed class TwinProgram
{
    private const RflagsBits StatusBits = RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;
    private const int ChunkBytes = (int)TwinLayout.ChunkBytes;
    private const int TailBytes = 64;

    private readonly Random _random;
    private readonly bool _isUser;
    private readonly bool _isGuarded;
    private readonly bool _wipesFlags;
    private readonly InstructionMaker _maker;
    private readonly ByteWriter _bytes = new();
    private readonly Encoder _encoder;
    private RflagsBits _undefined;
    private ulong _chunk;

    public TwinProgram(Random random, bool isUser, bool isGuarded, bool wipesFlags)
    {
        _random = random;
        _isUser = isUser;
        _isGuarded = isGuarded;
        _wipesFlags = wipesFlags;
        _maker = new InstructionMaker(random);
        _encoder = Encoder.Create(64, _bytes);
    }

    /// <summary>Fills all code pages of the guest's RAM.</summary>
    public void Fill(Span<byte> ram)
    {
        for (var chunk = TwinLayout.Code; chunk < TwinLayout.CodeEnd; chunk += TwinLayout.ChunkBytes)
        {
            FillChunk(chunk, ram.Slice((int)chunk, ChunkBytes));
        }

        // The other root's last page: like the first one's, but for the constants of its slots.
        var last = (int)TwinLayout.CodeEnd - 4096;
        ram.Slice(last, 4096).CopyTo(ram[(int)TwinLayout.OtherCode..]);
        for (var at = 0; at < 4096; at += ChunkBytes)
        {
            if (HasSlots((ulong)(last + at)))
            {
                ram[(int)TwinLayout.OtherCode + at + 1] ^= 8;
            }
        }
    }

    /// <summary>Which flags an instruction may leave different: what the manual says, less the adjust flag of logic, which both clear.</summary>
    public static RflagsBits UndefinedBy(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test
            ? RflagsBits.None
            : IsShift(instruction) ? ShiftUndefined(instruction) : instruction.RflagsUndefined & StatusBits;

    /// <summary>Which flags an instruction sets whatever its operands are.</summary>
    public static RflagsBits DefinedBy(in Instruction instruction) => IsShift(instruction) || instruction.HasRepePrefix || instruction.HasRepnePrefix
        ? RflagsBits.None
        : instruction.RflagsModified & ~instruction.RflagsUndefined & StatusBits;

    // Twice the slots' bytes: an increment or decrement, then an operation with a constant.
    private static bool HasSlots(ulong chunk) => chunk / TwinLayout.ChunkBytes % 3 == 0;

    private static bool HasData(ulong chunk) => chunk / TwinLayout.ChunkBytes % 3 == 1;

    private static bool IsShift(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar or
        Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;

    private static RflagsBits ShiftUndefined(in Instruction instruction)
    {
        var isRotate = instruction.Mnemonic is Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr;
        var isDouble = instruction.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd;
        var byConstant = instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8;
        var undefined = isRotate ? RflagsBits.None : RflagsBits.AF;
        if (byConstant && instruction.Immediate8 == 1)
        {
            return undefined;
        }

        undefined |= RflagsBits.OF;

        // Narrow operands may be shifted out altogether.
        var size = instruction.Op0Kind == OpKind.Memory ? instruction.MemorySize.GetSize() : instruction.Op0Register.GetSize();
        return size < 4 && !isRotate ? isDouble ? StatusBits : undefined | RflagsBits.CF : undefined;
    }

    private void FillChunk(ulong chunk, Span<byte> target)
    {
        _chunk = chunk;
        _bytes.Clear();
        _undefined = RflagsBits.None;
        if (HasSlots(chunk))
        {
            _bytes.Add([0xff, (byte)(0xc0 | _random.Next(16)), 0x81, (byte)(0xc0 | (_random.Next(3) << 3) | _random.Next(4)), 1, 2, 3, 4]);
        }

        var limit = ChunkBytes - TailBytes - _random.Next(_random.Next(80) + 1);
        while (_bytes.Count < limit)
        {
            AddSomething();
        }

        Settle();
        AddEnd();
        var end = HasData(chunk) ? ChunkBytes - 8 : ChunkBytes;
        if (HasData(chunk) || _random.Next(8) != 0)
        {
            Add(Instruction.CreateBranch(Code.Jmp_rel32_64, chunk + TwinLayout.ChunkBytes < TwinLayout.CodeEnd ? chunk + TwinLayout.ChunkBytes : TwinLayout.Code));
        }

        Assert.True(_bytes.Count <= end, $"{_bytes.Count} bytes in a chunk");
        target.Fill(0x90);
        _bytes.CopyTo(target);
    }

    private void AddSomething()
    {
        switch (_random.Next(40))
        {
            case < 5:
                AddPointer();
                break;
            case 5:
                Add(Instruction.Create(Code.Mov_r64_imm64, Register.R8 + _random.Next(4), (ulong)_random.Next(64)));
                break;
            case 6:
                Add(Instruction.Create(Code.Mov_r64_imm64, Register.RSP, TwinLayout.StackEnd - (ulong)(8 * _random.Next(1, 1024))));
                break;
            case 7:
                Add(Instruction.Create(Code.Mov_r32_imm32, Register.ECX, _random.Next(_random.Next(2) == 0 ? 5 : 600)));
                break;
            case 8:
                Add(Instruction.Create(Code.Mov_r64_imm64, Register.RAX + (_random.Next(11) + 5), _maker.AnyNumber()));
                break;
            case 9 or 10:
                AddPatch();
                break;
            case 11:
                AddMapping();
                break;
            case 12:
                // PUSH and POPF: chosen flags, no others.
                var flags = _random.Next() & (_wipesFlags ? 0x24_7fd5 : 0x20_3ed5);
                Add(Instruction.Create(Code.Pushq_imm32, _random.Next(8) == 0 ? flags : flags & ~(int)Flag.Trap));
                Add(Instruction.Create(Code.Popfq));
                _undefined = RflagsBits.None;
                break;
            default:
                AddInstruction();
                break;
        }
    }

    private void AddInstruction()
    {
        var instruction = _maker.Make();
        if ((instruction.RflagsRead & _undefined) != 0)
        {
            Settle();
        }

        if (instruction.Mnemonic == Mnemonic.Std && _random.Next(4) != 0)
        {
            return;
        }

        if (!TryAdd(instruction, out _))
        {
            return;
        }

        _undefined &= ~DefinedBy(instruction);
        _undefined |= UndefinedBy(instruction);
        if (!_wipesFlags)
        {
            Settle();
        }
    }

    /// <summary>Gives every status flag a defined value.</summary>
    private void Settle()
    {
        if (_undefined != 0)
        {
            Add(Instruction.Create(Code.Cmp_r64_rm64, Register.RAX + _random.Next(16), Register.RAX + _random.Next(16)));
            _undefined = RflagsBits.None;
        }
    }

    private void AddPointer() =>
        Add(Instruction.Create(Code.Mov_r64_imm64, InstructionMaker.Pointers[_random.Next(InstructionMaker.Pointers.Count)], _maker.AnyPointer()));

    private ulong AnyChunk() => TwinLayout.Code + ((ulong)_random.Next((int)((TwinLayout.CodeEnd - TwinLayout.Code) / TwinLayout.ChunkBytes)) * TwinLayout.ChunkBytes);

    /// <summary>Changes code in one of its slots, or data beside code.</summary>
    private void AddPatch()
    {
        var chunk = _random.Next(4) == 0 ? _chunk : AnyChunk();
        chunk = HasSlots(chunk) || HasData(chunk) ? chunk : chunk - TwinLayout.ChunkBytes;
        if (chunk < TwinLayout.Code)
        {
            return;
        }

        var offset = HasData(chunk) ? (ulong)ChunkBytes - 8 : 4;
        var alias = _random.Next(2) == 0 ? TwinLayout.CodeAlias - TwinLayout.Code : TwinLayout.Large;
        var memory = new MemoryOperand(Register.None, Register.None, 1, (long)(chunk + alias + offset), 8, false, Register.None);
        var register = Register.EAX + _random.Next(4);
        switch (_random.Next(6))
        {
            case 0 when HasSlots(chunk):
                memory = new MemoryOperand(Register.None, Register.None, 1, (long)(chunk + alias + 1), 8, false, Register.None);
                Add(Instruction.Create(Code.Mov_rm8_imm8, memory, 0xc0 | _random.Next(16)));
                break;
            case 1:
                Add(Instruction.Create(Code.Mov_rm32_imm32, memory, _random.Next()));
                break;
            case 2:
                Add(Instruction.Create(Code.Xchg_rm32_r32, memory, register));
                break;
            case 3:
                Add(Instruction.Create(Code.Add_rm32_r32, memory, register));
                _undefined = RflagsBits.None;
                break;
            case 4 when !_isGuarded:
                Add(Instruction.Create(Code.Mov_r64_imm64, Register.RDI, chunk + alias + offset));
                Add(Instruction.Create(Code.Mov_r32_imm32, Register.ECX, 4));
                Add(Instruction.Create(Code.Cld));
                Add(Instruction.CreateStosb(64, RepPrefixKind.Repe));

                // Not to be left in reach of other stores: code must stay what it was made to be.
                Add(Instruction.Create(Code.Mov_r64_imm64, Register.RDI, TwinLayout.Data + (ulong)_random.Next(0x3000)));
                break;
            default:
                Add(Instruction.Create(Code.Mov_rm32_r32, memory, register));
                break;
        }
    }

    /// <summary>Maps a page anew, takes its accessed and dirty bits away, or changes the root.</summary>
    private void AddMapping()
    {
        if (_isUser)
        {
            return;
        }

        var page = _random.Next(2) == 0 ? TwinLayout.Swapped : TwinLayout.Data + ((ulong)_random.Next(4) << 12);
        var entry = new MemoryOperand(Register.None, Register.None, 1, (long)(TwinLayout.TableWindow + ((page >> 12) * 8)), 8, false, Register.None);
        var inPage = new MemoryOperand(Register.None, Register.None, 1, (long)page + _random.Next(4096), 8, false, Register.None);
        switch (_random.Next(4))
        {
            case 0:
                Add(Instruction.Create(Code.Mov_r32_imm32, Register.EAX, (int)(_random.Next(2) == 0 ? TwinLayout.FirstRoot : TwinLayout.SecondRoot)));
                Add(Instruction.Create(Code.Mov_cr_r64, Register.CR3, Register.RAX));
                return;
            case 1:
                Add(Instruction.Create(Code.Mov_r64_cr, Register.RAX, Register.CR0));
                Add(Instruction.Create(Code.Btc_rm32_imm8, Register.EAX, 16));
                Add(Instruction.Create(Code.Mov_cr_r64, Register.CR0, Register.RAX));
                _undefined |= RflagsBits.OF | RflagsBits.SF | RflagsBits.AF | RflagsBits.PF;
                if (!_wipesFlags)
                {
                    Settle();
                }

                return;
            case 2 when page == TwinLayout.Swapped:
                var frame = _random.Next(3) == 0 ? TwinLayout.Swapped : TwinLayout.SpareFrames + (ulong)(_random.Next(2) << 12);

                // The lower half alone: that it is no code stays.
                Add(Instruction.Create(Code.Mov_rm32_imm32, entry, (int)TwinLayout.Frame(frame) | _random.Next(4) | 4 | _random.Next(8) << 4 & 0x60 | (_random.Next(8) == 0 ? 0 : 1)));
                break;
            default:
                Add(Instruction.Create(Code.And_rm64_imm8, entry, ~0x60));
                _undefined = RflagsBits.None;
                break;
        }

        Add(Instruction.Create(Code.Invlpg_m, inPage));
    }

    private void AddEnd()
    {
        var target = AnyChunk();
        var register = Register.RAX + _random.Next(3);
        var place = new MemoryOperand(Register.None, Register.None, 1, (long)(TwinLayout.Data + 0x3000), 8, false, Register.None);
        switch (_random.Next(11))
        {
            case < 4:
                if (_random.Next(2) == 0)
                {
                    // A comparison that runs as one with its branch.
                    var comparisons = new[] { Code.Cmp_r32_rm32, Code.Cmp_r64_rm64, Code.Cmp_r8_rm8 };
                    var which = _random.Next(3);
                    var first = which switch { 0 => Register.EAX, 1 => Register.RAX, _ => Register.AL };
                    TryAdd(Instruction.Create(comparisons[which], first + _random.Next(16), first + _random.Next(16)), out _);
                }
                else if (_random.Next(2) == 0)
                {
                    Add(Instruction.Create(_random.Next(2) == 0 ? Code.Cmp_rm8_imm8 : Code.Test_rm8_imm8, Register.AL + _random.Next(16), (int)(sbyte)_random.Next(256)));
                }

                Add(Instruction.CreateBranch(Code.Jo_rel32_64 + (3 * _random.Next(16)), target));
                break;
            case 4:
                Add(Instruction.CreateBranch(Code.Jmp_rel32_64, target));
                break;
            case 5:
                Add(Instruction.CreateBranch(Code.Call_rel32_64, target));
                break;
            case 6:
                if (_random.Next(4) != 0)
                {
                    Add(Instruction.Create(Code.Pushq_imm32, (int)target));
                }

                Add(_random.Next(4) == 0 ? Instruction.Create(Code.Retnq_imm16, 8) : Instruction.Create(Code.Retnq));
                break;
            case 7:
                Add(Instruction.Create(Code.Mov_r64_imm64, register, _random.Next(8) == 0 ? _maker.AnyNumber() : target));
                Add(Instruction.Create(_random.Next(2) == 0 ? Code.Jmp_rm64 : Code.Call_rm64, register));
                break;
            case 8:
                Add(Instruction.Create(Code.Mov_rm64_imm32, place, (int)target));
                Add(Instruction.Create(_random.Next(2) == 0 ? Code.Jmp_rm64 : Code.Call_rm64, place));
                break;
            case 9:
                Add(Instruction.CreateBranch(_random.Next(2) == 0 ? Code.Loop_rel8_64_RCX : Code.Jrcxz_rel8_64, _chunk + TwinLayout.ChunkBytes));
                break;
            default:
                Add(Instruction.Create(Code.Int_imm8, 0x80));
                break;
        }
    }

    private void Add(in Instruction instruction) => Assert.True(TryAdd(instruction, out var error), error);

    /// <summary>False when there is no such encoding: a displacement that does not fit, say.</summary>
    private bool TryAdd(in Instruction instruction, out string? error)
    {
        var before = _bytes.Count;
        if (_encoder.TryEncode(instruction, _chunk + (ulong)before, out _, out error))
        {
            return true;
        }

        _bytes.Truncate(before);
        return false;
    }

    private sealed class ByteWriter : CodeWriter
    {
        private readonly List<byte> _list = [];

        public int Count => _list.Count;

        public override void WriteByte(byte value) => _list.Add(value);

        public void Add(ReadOnlySpan<byte> bytes) => _list.AddRange(bytes);

        public void Clear() => _list.Clear();

        public void Truncate(int count) => _list.RemoveRange(count, _list.Count - count);

        public void CopyTo(Span<byte> target) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_list).CopyTo(target);
    }
}
