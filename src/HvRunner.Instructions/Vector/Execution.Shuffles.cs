// Shuffles and byte shifts with an immediate, inserts and extracts of elements, extensions, masks and tests (SDM vol. 1, 11.4.1.2, 12.6 and 12.10,
// 14.2; vol. 2 per instruction). Not done: the variable blends of AVX, VPERMD and VPERMPS, AES, PCLMULQDQ, SHA.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteShuffles()
    {
        if (_instruction.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX))
        {
            return Outcome.Elsewhere;
        }

        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Pshufd or Mnemonic.Vpshufd or Mnemonic.Pshuflw or Mnemonic.Vpshuflw or Mnemonic.Pshufhw or Mnemonic.Vpshufhw or
                Mnemonic.Pshufw or Mnemonic.Shufps or Mnemonic.Vshufps or Mnemonic.Shufpd or Mnemonic.Vshufpd or
                Mnemonic.Pslldq or Mnemonic.Vpslldq or Mnemonic.Psrldq or Mnemonic.Vpsrldq or Mnemonic.Palignr or Mnemonic.Vpalignr or
                Mnemonic.Pblendw or Mnemonic.Vpblendw or Mnemonic.Blendps or Mnemonic.Vblendps or Mnemonic.Blendpd or Mnemonic.Vblendpd or
                Mnemonic.Vpblendd:
                return ShuffleByImmediate();
            case Mnemonic.Vperm2f128 or Mnemonic.Vperm2i128 or Mnemonic.Vpermq or Mnemonic.Vpermpd:
                return Permute();
            case Mnemonic.Pinsrb or Mnemonic.Vpinsrb or Mnemonic.Pinsrw or Mnemonic.Vpinsrw or
                Mnemonic.Pinsrd or Mnemonic.Vpinsrd or Mnemonic.Pinsrq or Mnemonic.Vpinsrq:
                return InsertElement();
            case Mnemonic.Pextrb or Mnemonic.Vpextrb or Mnemonic.Pextrw or Mnemonic.Vpextrw or Mnemonic.Pextrd or Mnemonic.Vpextrd or
                Mnemonic.Pextrq or Mnemonic.Vpextrq or Mnemonic.Extractps or Mnemonic.Vextractps:
                return ExtractElement();
            case Mnemonic.Pmovmskb or Mnemonic.Vpmovmskb or Mnemonic.Movmskps or Mnemonic.Vmovmskps or Mnemonic.Movmskpd or Mnemonic.Vmovmskpd:
                return MoveMask();
            case Mnemonic.Ptest or Mnemonic.Vptest:
                return TestVector();
            case >= Mnemonic.Pmovsxbd and <= Mnemonic.Pmovzxwq or >= Mnemonic.Vpmovsxbd and <= Mnemonic.Vpmovsxwq or
                >= Mnemonic.Vpmovzxbd and <= Mnemonic.Vpmovzxwq:
                return ExtendElements();
            case Mnemonic.Pabsb or Mnemonic.Vpabsb or Mnemonic.Pabsw or Mnemonic.Vpabsw or Mnemonic.Pabsd or Mnemonic.Vpabsd or
                Mnemonic.Movddup or Mnemonic.Vmovddup or Mnemonic.Movshdup or Mnemonic.Vmovshdup or Mnemonic.Movsldup or Mnemonic.Vmovsldup:
                return TransformVector();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome ShuffleByImmediate()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        // Two operands and the immediate: one is both source and destination in the legacy forms. Three: two sources.
        var last = _instruction.OpCount - 2;
        if (!TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var left = ReadVectorRegister(_instruction.GetOpRegister(Math.Max(last - 1, 0)));
        var control = _instruction.Immediate8;
        if (TouchesMmx)
        {
            var narrow = _instruction.Mnemonic == Mnemonic.Pshufw
                ? PackedShuffle.Choose16(right.GetLower(), control, 0)
                : PackedShuffle.Align(default, right.GetLower().AsUInt64().WithElement(1, left.AsUInt64().ToScalar()).AsByte(), control);
            WriteVectorRegister(_instruction.Op0Register, narrow.ToVector256());
            return Outcome.Done;
        }

        var low = Shuffle(left.GetLower(), right.GetLower(), control, 0);
        var high = IsVex ? Shuffle(left.GetUpper(), right.GetUpper(), control, 1) : default;
        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, high));
        return Outcome.Done;
    }

    /// <summary>One 16-byte lane; some controls have bits of their own for the upper lane.</summary>
    private readonly Vector128<byte> Shuffle(Vector128<byte> a, Vector128<byte> b, int control, int lane)
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Pshufd or Mnemonic.Vpshufd:
                return PackedShuffle.Choose32(b, b, control);
            case Mnemonic.Pshuflw or Mnemonic.Vpshuflw:
                return PackedShuffle.Choose16(b, control, 0);
            case Mnemonic.Pshufhw or Mnemonic.Vpshufhw:
                return PackedShuffle.Choose16(b, control, 4);
            case Mnemonic.Shufps or Mnemonic.Vshufps:
                return PackedShuffle.Choose32(a, b, control);
            case Mnemonic.Shufpd or Mnemonic.Vshufpd:
                control >>= 2 * lane;
                return Vector128.Create(a.AsUInt64().GetElement(control & 1), b.AsUInt64().GetElement((control >> 1) & 1)).AsByte();
            case Mnemonic.Pslldq or Mnemonic.Vpslldq:
                return PackedShuffle.Align(b, default, 16 - Math.Min(control, 16));
            case Mnemonic.Psrldq or Mnemonic.Vpsrldq:
                return PackedShuffle.Align(default, b, control);
            case Mnemonic.Palignr or Mnemonic.Vpalignr:
                return PackedShuffle.Align(a, b, control);
            default:
                var size = _instruction.Mnemonic switch
                {
                    Mnemonic.Pblendw or Mnemonic.Vpblendw => 2,
                    Mnemonic.Blendpd or Mnemonic.Vblendpd => 8,
                    _ => 4,
                };
                return PackedShuffle.Blend(a, b, size == 2 ? control : control >> (lane * 16 / size), size);
        }
    }

    private Outcome Permute()
    {
        var last = _instruction.OpCount - 2;
        if (_instruction.GetOpKind(_instruction.OpCount - 1) != OpKind.Immediate8)
        {
            return Outcome.Unsupported;
        }

        if (!TryBeginVector() || !TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        var control = _instruction.Immediate8;
        if (_instruction.Mnemonic is Mnemonic.Vpermq or Mnemonic.Vpermpd)
        {
            var source = right.AsUInt64();
            var result = Vector256.Create(
                source.GetElement(control & 3), source.GetElement((control >> 2) & 3), source.GetElement((control >> 4) & 3), source.GetElement(control >> 6));
            WriteVectorRegister(_instruction.Op0Register, result.AsByte());
            return Outcome.Done;
        }

        var left = ReadVectorRegister(_instruction.Op1Register);
        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(SelectLane(left, right, control), SelectLane(left, right, control >> 4)));
        return Outcome.Done;
    }

    private static Vector128<byte> SelectLane(Vector256<byte> left, Vector256<byte> right, int control) => (control & 8) != 0 ? default : (control & 3) switch
    {
        0 => left.GetLower(),
        1 => left.GetUpper(),
        2 => right.GetLower(),
        _ => right.GetUpper(),
    };

    private readonly int ElementSize => _instruction.Mnemonic switch
    {
        Mnemonic.Pinsrb or Mnemonic.Vpinsrb or Mnemonic.Pextrb or Mnemonic.Vpextrb => 1,
        Mnemonic.Pinsrw or Mnemonic.Vpinsrw or Mnemonic.Pextrw or Mnemonic.Vpextrw => 2,
        Mnemonic.Pinsrq or Mnemonic.Vpinsrq or Mnemonic.Pextrq or Mnemonic.Vpextrq => 8,
        _ => 4,
    };

    private Outcome InsertElement()
    {
        var last = _instruction.OpCount - 2;
        if (!TryBeginVector() || !TryRead(last, out var value))
        {
            return Outcome.Fault;
        }

        var size = ElementSize;
        var target = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower();
        var count = (TouchesMmx ? 8 : 16) / size;
        var first = (_instruction.Immediate8 & (count - 1)) * size;
        for (var i = 0; i < size; i++)
        {
            target = target.WithElement(first + i, (byte)(value >> (8 * i)));
        }

        WriteVectorRegister(_instruction.Op0Register, target.ToVector256());
        return Outcome.Done;
    }

    private Outcome ExtractElement()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var size = ElementSize;
        var source = ReadVectorRegister(_instruction.Op1Register).GetLower();
        var count = (TouchesMmx ? 8 : 16) / size;
        var first = (_instruction.Immediate8 & (count - 1)) * size;
        ulong value = 0;
        for (var i = 0; i < size; i++)
        {
            value |= (ulong)source.GetElement(first + i) << (8 * i);
        }

        return TryWrite(0, value) ? Outcome.Done : Outcome.Fault;
    }

    private Outcome MoveMask()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var source = ReadVectorRegister(_instruction.Op1Register);
        var mask = _instruction.Mnemonic switch
        {
            Mnemonic.Movmskps or Mnemonic.Vmovmskps => source.AsUInt32().ExtractMostSignificantBits(),
            Mnemonic.Movmskpd or Mnemonic.Vmovmskpd => source.AsUInt64().ExtractMostSignificantBits(),
            _ => source.ExtractMostSignificantBits(),
        };
        WriteRegister(_instruction.Op0Register, mask);
        return Outcome.Done;
    }

    private Outcome TestVector()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var right))
        {
            return Outcome.Fault;
        }

        var left = ReadVectorRegister(_instruction.Op0Register);
        var flags = (left & right) == Vector256<byte>.Zero ? Flag.Zero : 0;
        flags |= (~left & right) == Vector256<byte>.Zero ? Flag.Carry : 0;
        _state.Rflags = (_state.Rflags & ~Flag.Status) | flags;
        return Outcome.Done;
    }

    private Outcome ExtendElements()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var (from, to, signed) = _instruction.Mnemonic switch
        {
            Mnemonic.Pmovsxbw or Mnemonic.Vpmovsxbw => (1, 2, true),
            Mnemonic.Pmovsxbd or Mnemonic.Vpmovsxbd => (1, 4, true),
            Mnemonic.Pmovsxbq or Mnemonic.Vpmovsxbq => (1, 8, true),
            Mnemonic.Pmovsxwd or Mnemonic.Vpmovsxwd => (2, 4, true),
            Mnemonic.Pmovsxwq or Mnemonic.Vpmovsxwq => (2, 8, true),
            Mnemonic.Pmovsxdq or Mnemonic.Vpmovsxdq => (4, 8, true),
            Mnemonic.Pmovzxbw or Mnemonic.Vpmovzxbw => (1, 2, false),
            Mnemonic.Pmovzxbd or Mnemonic.Vpmovzxbd => (1, 4, false),
            Mnemonic.Pmovzxbq or Mnemonic.Vpmovzxbq => (1, 8, false),
            Mnemonic.Pmovzxwd or Mnemonic.Vpmovzxwd => (2, 4, false),
            Mnemonic.Pmovzxwq or Mnemonic.Vpmovzxwq => (2, 8, false),
            _ => (4, 8, false),
        };
        Span<byte> bytes = stackalloc byte[32];
        Span<byte> extended = stackalloc byte[32];
        source.CopyTo(bytes);
        for (var i = 0; i < VectorLength / to; i++)
        {
            var element = bytes.Slice(i * from, from);
            var fill = signed && (element[from - 1] & 0x80) != 0 ? (byte)0xff : (byte)0;
            var target = extended.Slice(i * to, to);
            target.Fill(fill);
            element.CopyTo(target);
        }

        WriteVectorRegister(_instruction.Op0Register, Vector256.Create<byte>(extended));
        return Outcome.Done;
    }

    private Outcome TransformVector()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var low = Transform(source.GetLower());
        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, Transform(source.GetUpper())));
        return Outcome.Done;
    }

    private readonly Vector128<byte> Transform(Vector128<byte> value) => _instruction.Mnemonic switch
    {
        Mnemonic.Pabsb or Mnemonic.Vpabsb => Vector128.Abs(value.AsSByte()).AsByte(),
        Mnemonic.Pabsw or Mnemonic.Vpabsw => Vector128.Abs(value.AsInt16()).AsByte(),
        Mnemonic.Pabsd or Mnemonic.Vpabsd => Vector128.Abs(value.AsInt32()).AsByte(),
        Mnemonic.Movshdup or Mnemonic.Vmovshdup => PackedShuffle.Choose32(value, value, 0xf5),
        Mnemonic.Movsldup or Mnemonic.Vmovsldup => PackedShuffle.Choose32(value, value, 0xa0),
        _ => Vector128.Create(value.AsUInt64().ToScalar()).AsByte(),
    };
}
