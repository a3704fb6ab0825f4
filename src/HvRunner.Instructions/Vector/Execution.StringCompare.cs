// PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM vol. 2, 4.1 and per instruction): lengths, the index or mask result, and flags around the
// comparison in PackedStringComparison. Their memory operand may be unaligned.
using System.Numerics;
using System.Runtime.Intrinsics;
using HvRunner.Abstractions;
using Iced.Intel;

namespace HvRunner.Instructions;

internal ref partial struct Execution<TMemory, THost>
{
    private Outcome ExecuteStringCompare()
    {
        // With REX.W the explicit lengths are 64 bits wide, which the decoder gives a mnemonic of its own.
        var (isExplicit, isWide, givesIndex) = _instruction.Mnemonic switch
        {
            Mnemonic.Pcmpestri or Mnemonic.Vpcmpestri => (true, false, true),
            Mnemonic.Pcmpestri64 or Mnemonic.Vpcmpestri64 => (true, true, true),
            Mnemonic.Pcmpestrm or Mnemonic.Vpcmpestrm => (true, false, false),
            Mnemonic.Pcmpestrm64 or Mnemonic.Vpcmpestrm64 => (true, true, false),
            Mnemonic.Pcmpistri or Mnemonic.Vpcmpistri => (false, false, true),
            Mnemonic.Pcmpistrm or Mnemonic.Vpcmpistrm => (false, false, false),
            _ => (false, true, false),
        };
        if (isWide && !isExplicit)
        {
            return Outcome.Elsewhere;
        }

        if (!TryBeginVector() || !TryReadVector(1, out var wide))
        {
            return Outcome.Fault;
        }

        var first = ReadVectorRegister(_instruction.Op0Register).GetLower();
        var second = wide.GetLower();
        var comparison = new PackedStringComparison(_instruction.Immediate8);
        int firstLength, secondLength;
        if (isExplicit)
        {
            var (rax, rdx) = (_state[GeneralRegister.Rax], _state[GeneralRegister.Rdx]);
            firstLength = comparison.ExplicitLength(isWide ? (long)rax : (int)rax);
            secondLength = comparison.ExplicitLength(isWide ? (long)rdx : (int)rdx);
        }
        else
        {
            firstLength = comparison.ImplicitLength(first);
            secondLength = comparison.ImplicitLength(second);
        }

        var result = comparison.Compare(first, firstLength, second, secondLength);
        var flags = _state.Rflags & ~Flag.Status;
        flags |= result != 0 ? Flag.Carry : 0;
        flags |= secondLength < comparison.Count ? Flag.Zero : 0;
        flags |= firstLength < comparison.Count ? Flag.Sign : 0;
        flags |= (result & 1) != 0 ? Flag.Overflow : 0;
        _state.Rflags = flags;
        var fromTop = (comparison.Control & 0x40) != 0;
        if (givesIndex)
        {
            var index = result == 0 ? comparison.Count : fromTop ? BitOperations.Log2(result) : BitOperations.TrailingZeroCount(result);
            WriteRegister(Register.ECX, (ulong)index);
            return Outcome.Done;
        }

        var mask = fromTop ? ExpandMask(result, comparison.Count) : Vector128.CreateScalar(result).AsByte();
        WriteVectorRegister(Register.XMM0, mask.ToVector256());
        return Outcome.Done;
    }

    private static Vector128<byte> ExpandMask(uint bits, int count)
    {
        var mask = Vector128<byte>.Zero;
        for (var i = 0; i < 16; i++)
        {
            var element = i * count / 16;
            mask = (bits & (1u << element)) != 0 ? mask.WithElement(i, (byte)0xff) : mask;
        }

        return mask;
    }
}
