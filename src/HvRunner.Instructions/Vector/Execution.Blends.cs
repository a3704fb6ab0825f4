// Blends by the sign bits of a mask register, and stores by them; INSERTPS; sums of differences and the horizontal minimum (SDM vol. 1, 9.4.8,
// 12.10.5 to 12.10.8; vol. 2 per instruction).
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteBlends()
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Pblendvb or Mnemonic.Blendvps or Mnemonic.Blendvpd:
                return BlendByRegister();
            case Mnemonic.Insertps or Mnemonic.Vinsertps:
                return InsertSingle();
            case Mnemonic.Mpsadbw or Mnemonic.Vmpsadbw:
                return SumDifferences();
            case Mnemonic.Phminposuw or Mnemonic.Vphminposuw:
                return FindMinimum();
            case Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu:
                return StoreByMask();
            default:
                return Outcome.Elsewhere;
        }
    }

    private Outcome BlendByRegister()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var mask = ReadVectorRegister(Register.XMM0).GetLower();
        mask = _instruction.Mnemonic switch
        {
            Mnemonic.Blendvps => (mask.AsInt32() >> 31).AsByte(),
            Mnemonic.Blendvpd => (mask.AsInt64() >> 63).AsByte(),
            _ => (mask.AsSByte() >> 7).AsByte(),
        };
        var target = ReadVectorRegister(_instruction.Op0Register).GetLower();
        WriteVectorRegister(_instruction.Op0Register, Vector128.ConditionalSelect(mask, source.GetLower(), target).ToVector256());
        return Outcome.Done;
    }

    private Outcome InsertSingle()
    {
        var last = _instruction.OpCount - 2;
        if (!TryBeginVector() || !TryReadVector(last, out var source))
        {
            return Outcome.Fault;
        }

        // From memory the one element is taken, whatever the source selector says.
        var control = (int)_instruction.Immediate8;
        var value = source.GetLower().AsUInt32().GetElement(IsMemory(last) ? 0 : control >> 6);
        var target = ReadVectorRegister(_instruction.GetOpRegister(last - 1)).GetLower().AsUInt32();
        target = target.WithElement((control >> 4) & 3, value);
        for (var i = 0; i < 4; i++)
        {
            target = (control & (1 << i)) != 0 ? target.WithElement(i, 0u) : target;
        }

        WriteVectorRegister(_instruction.Op0Register, target.AsByte().ToVector256());
        return Outcome.Done;
    }

    private Outcome SumDifferences()
    {
        var last = _instruction.OpCount - 2;
        if (!TryBeginVector() || !TryReadVector(last, out var right))
        {
            return Outcome.Fault;
        }

        // The upper lane of the 256-bit form has its own three bits.
        var left = ReadVectorRegister(_instruction.GetOpRegister(last - 1));
        var control = (int)_instruction.Immediate8;
        var low = SumDifferences(left.GetLower(), right.GetLower(), control);
        var high = IsYmm(_instruction.Op0Register) ? SumDifferences(left.GetUpper(), right.GetUpper(), control >> 3) : default;
        WriteVectorRegister(_instruction.Op0Register, Vector256.Create(low, high));
        return Outcome.Done;
    }

    private static Vector128<byte> SumDifferences(Vector128<byte> left, Vector128<byte> right, int control)
    {
        var (from, against) = (control & 4, 4 * (control & 3));
        var result = Vector128<ushort>.Zero;
        for (var i = 0; i < 8; i++)
        {
            var sum = 0;
            for (var k = 0; k < 4; k++)
            {
                sum += Math.Abs(left.GetElement(from + i + k) - right.GetElement(against + k));
            }

            result = result.WithElement(i, (ushort)sum);
        }

        return result.AsByte();
    }

    private Outcome FindMinimum()
    {
        if (!TryBeginVector() || !TryReadVector(1, out var source))
        {
            return Outcome.Fault;
        }

        var words = source.GetLower().AsUInt16();
        var index = 0;
        for (var i = 1; i < 8; i++)
        {
            index = words.GetElement(i) < words.GetElement(index) ? i : index;
        }

        var result = Vector128.CreateScalar(((uint)index << 16) | words.GetElement(index));
        WriteVectorRegister(_instruction.Op0Register, result.AsByte().ToVector256());
        return Outcome.Done;
    }

    /// <summary>MASKMOVQ and MASKMOVDQU: the bytes whose mask byte has its top bit set go to DS:rDI; the others are not touched at all.</summary>
    private Outcome StoreByMask()
    {
        if (!TryBeginVector())
        {
            return Outcome.Fault;
        }

        var source = ReadVectorRegister(_instruction.Op1Register).GetLower();
        var bits = ReadVectorRegister(_instruction.Op2Register).GetLower().ExtractMostSignificantBits();
        if (bits == 0)
        {
            return Outcome.Done;
        }

        // Only pages with a byte to store are asked for, and all of them before the first byte is stored.
        var first = System.Numerics.BitOperations.TrailingZeroCount(bits);
        var length = System.Numerics.BitOperations.Log2(bits) - first + 1;
        var (offset, mask) = _instruction.Op0Kind switch
        {
            OpKind.MemorySegDI => ((ulong)(ushort)_state.General[7], 0xffffUL),
            OpKind.MemorySegEDI => ((ulong)(uint)_state.General[7], uint.MaxValue),
            _ => (_state.General[7], ulong.MaxValue),
        };
        if (!TryGetLinear(MemorySegment, (offset + (ulong)first) & mask, length, Access.Write, out var linear) ||
            !TryCheckAlignment(linear - (ulong)first, 8) ||
            !TryTranslate(linear, length, Access.Write, out var span))
        {
            return Outcome.Fault;
        }

        Span<byte> one = stackalloc byte[1];
        for (var i = 0; i < length; i++)
        {
            if ((bits & (1u << (first + i))) != 0)
            {
                one[0] = source.GetElement(first + i);
                _memory.TryWrite(i < span.FirstLength ? span.First + (ulong)i : span.Second + (ulong)(i - span.FirstLength), one);
            }
        }

        return Outcome.Done;
    }
}
