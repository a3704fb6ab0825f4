// Bit tests, bit scans, counts, CRC32 and the BMI1/BMI2 group (SDM vol. 1, 7.3.7, 5.1.16; vol. 2 per instruction). A bit test on memory with
// the bit number in a register addresses the whole bit string, before and behind the operand.
// POPCNT clears all status flags but ZF. BSF and BSR of 0 set ZF and leave the destination alone. Flags that the manual calls undefined are as on
// AMD processors: clear after the scans and counts, except that TZCNT and LZCNT keep OF and the scans give PF of the index; AF set and SF clear
// after BEXTR.
using System.Numerics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteBits()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
                return BitTest();
            case Mnemonic.Bsf or Mnemonic.Bsr or Mnemonic.Tzcnt or Mnemonic.Lzcnt or Mnemonic.Popcnt:
                return CountOrScan();
            case Mnemonic.Blsi or Mnemonic.Blsr or Mnemonic.Blsmsk:
                return LowestSetBit();
            case Mnemonic.Andn or Mnemonic.Bextr or Mnemonic.Bzhi or Mnemonic.Pdep or Mnemonic.Pext:
                return BitField();
            case Mnemonic.Crc32:
                return Crc32();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome BitTest()
    {
        if (!TryRead(1, out var number))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var isRegisterForm = _instruction.Op1Kind == OpKind.Register;
        Target target;
        if (IsMemory(0))
        {
            var offset = EffectiveAddress();
            if (isRegisterForm)
            {
                var distance = (long)Width.SignExtend(number, size) >> (3 + BitOperations.Log2((uint)size));
                offset += (ulong)(distance * size);
                offset = AddressSize switch { 2 => (ushort)offset, 4 => (uint)offset, _ => offset };
            }

            target = new Target { Size = size };
            var access = _instruction.Mnemonic == Mnemonic.Bt ? Access.Read : Access.Write;
            if (!TryLocate(MemorySegment, offset, size, access, out target.Span))
            {
                return Outcome.Fault;
            }

            target.Value = ReadSpan(target.Span);
        }
        else if (!TryOpen(0, out target))
        {
            return Outcome.Fault;
        }

        var bit = 1UL << (int)(number & (ulong)((8 * size) - 1));
        var flags = (target.Value & bit) != 0 ? _state.Rflags | Flag.Carry : _state.Rflags & ~Flag.Carry;
        if (_instruction.Mnemonic == Mnemonic.Bt)
        {
            _state.Rflags = flags;
            return Outcome.Done;
        }

        var result = _instruction.Mnemonic switch
        {
            Mnemonic.Bts => target.Value | bit,
            Mnemonic.Btr => target.Value & ~bit,
            _ => target.Value ^ bit,
        };
        return CloseWithFlags(target, result, flags);
    }

    private Outcome CountOrScan()
    {
        if (!TryRead(1, out var source))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var flags = _state.Rflags;
        int result;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Popcnt:
                result = BitOperations.PopCount(source);
                flags = (flags & ~Flag.Status) | (source == 0 ? Flag.Zero : 0);
                break;
            case Mnemonic.Bsf or Mnemonic.Bsr:
                var found = source == 0 ? 0 : _instruction.Mnemonic == Mnemonic.Bsf ? BitOperations.TrailingZeroCount(source) : BitOperations.Log2(source);
                if (source != 0)
                {
                    WriteRegister(_instruction.Op0Register, (ulong)found);
                }

                flags = (flags & ~Flag.Status) | (source == 0 ? Flag.Zero : 0);
                _state.Rflags = flags | (StatusFlags.OfResult((ulong)found, 1) & Flag.Parity);
                return Outcome.Done;
            case Mnemonic.Tzcnt:
                result = source == 0 ? 8 * size : BitOperations.TrailingZeroCount(source);
                flags = CountFlags(flags, source, result);
                break;
            default:
                result = BitOperations.LeadingZeroCount(source) - (64 - (8 * size));
                flags = CountFlags(flags, source, result);
                break;
        }

        WriteRegister(_instruction.Op0Register, (ulong)result);
        _state.Rflags = flags;
        return Outcome.Done;
    }

    private static ulong CountFlags(ulong flags, ulong source, int result) =>
        (flags & ~(Flag.Status & ~Flag.Overflow)) | (source == 0 ? Flag.Carry : 0) | (result == 0 ? Flag.Zero : 0);

    private Outcome LowestSetBit()
    {
        if (!TryRead(1, out var source))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var (result, carry) = _instruction.Mnemonic switch
        {
            Mnemonic.Blsi => (source & (0 - source), source != 0),
            Mnemonic.Blsr => (source & (source - 1), source == 0),
            _ => (source ^ (source - 1), source == 0),
        };
        result = StatusFlags.Logic(result, size, ref _state.Rflags);
        _state.Rflags |= carry ? Flag.Carry : 0;
        WriteRegister(_instruction.Op0Register, result);
        return Outcome.Done;
    }

    private Outcome BitField()
    {
        if (!TryRead(1, out var first) || !TryRead(2, out var second))
        {
            return Outcome.Fault;
        }

        var size = OperandSize(0);
        var flags = _state.Rflags;
        ulong result;
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Andn:
                result = StatusFlags.Logic(~first & second, size, ref flags);
                break;
            case Mnemonic.Bextr:
                var start = (int)(second & 0xff);
                var length = (int)((second >> 8) & 0xff);
                result = start < 8 * size ? first >> start : 0;
                result = length < 64 ? result & ((1UL << length) - 1) : result;
                result = StatusFlags.Logic(result, size, ref flags);
                flags = (flags | Flag.Adjust) & ~Flag.Sign;
                break;
            case Mnemonic.Bzhi:
                var index = (int)(second & 0xff);
                result = StatusFlags.Logic(index < 8 * size ? first & ((1UL << index) - 1) : first, size, ref flags);
                flags |= index >= 8 * size ? Flag.Carry : 0;
                break;
            case Mnemonic.Pdep:
                result = Deposit(first, second);
                break;
            default:
                result = Extract(first, second);
                break;
        }

        WriteRegister(_instruction.Op0Register, result);
        _state.Rflags = flags;
        return Outcome.Done;
    }

    private static ulong Deposit(ulong source, ulong mask)
    {
        ulong result = 0;
        for (; mask != 0; mask &= mask - 1, source >>= 1)
        {
            result |= (source & 1) != 0 ? mask & (0 - mask) : 0;
        }

        return result;
    }

    private static ulong Extract(ulong source, ulong mask)
    {
        ulong result = 0;
        for (var bit = 1UL; mask != 0; mask &= mask - 1, bit <<= 1)
        {
            result |= (source & mask & (0 - mask)) != 0 ? bit : 0;
        }

        return result;
    }

    private Outcome Crc32()
    {
        if (!TryRead(1, out var source))
        {
            return Outcome.Fault;
        }

        var crc = (uint)ReadRegister(_instruction.Op0Register);
        crc = OperandSize(1) switch
        {
            1 => BitOperations.Crc32C(crc, (byte)source),
            2 => BitOperations.Crc32C(crc, (ushort)source),
            4 => BitOperations.Crc32C(crc, (uint)source),
            _ => BitOperations.Crc32C(crc, source),
        };
        WriteRegister(_instruction.Op0Register, crc);
        return Outcome.Done;
    }
}
