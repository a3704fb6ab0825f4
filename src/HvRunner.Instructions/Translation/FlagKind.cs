// Status flags are kept as the operands of what last set them, and computed when somebody looks (SDM vol. 1, 3.4.3.1). Both operands are
// sign-extended to 64 bits: that keeps the order of signed and of unsigned values alike, so most conditions need not know the width.
using System.Numerics;
using System.Runtime.CompilerServices;

namespace HvRunner.Instructions;

/// <summary>What the flag operands of a <see cref="Processor"/> mean. Log2 of the width is added to the group's first value.</summary>
internal static class FlagKind
{
    /// <summary>RFLAGS itself holds the status flags.</summary>
    public const byte Explicit = 0;

    /// <summary>A is the sum, B the second summand.</summary>
    public const byte Sum = 4;

    /// <summary>A is the minuend, B the subtrahend.</summary>
    public const byte Difference = 8;

    /// <summary>A is the result; carry, overflow and adjust are clear.</summary>
    public const byte Logic = 12;

    /// <summary>
    /// A is the result; B holds carry, overflow and the complement of adjust at their places in RFLAGS. Shifts, which leave adjust undefined, set it
    /// on AMD's processors: so they need not say anything about it.
    /// </summary>
    public const byte Parts = 16;

    /// <summary>A and B are the factors of a signed product, of which the low half was kept; carry and overflow say that it does not fit.</summary>
    public const byte Product = 20;
}

/// <content>Lazy status flags.</content>
public sealed partial class Processor
{
    internal ulong FlagA;
    internal ulong FlagB;
    internal byte Kind;

    /// <summary>The six status flags, wherever they are kept.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal ulong StatusFlags()
    {
        var width = 8 << (Kind & 3);
        var sign = 1UL << (width - 1);
        var mask = ulong.MaxValue >> (64 - width);
        ulong result;
        ulong flags = 0;
        switch (Kind & ~3)
        {
            case FlagKind.Sum:
                {
                    result = FlagA;
                    var first = (result - FlagB) & mask;
                    flags = (result & mask) < (FlagB & mask) ? Flag.Carry : 0;
                    flags |= ((first ^ result) & (FlagB ^ result) & sign) != 0 ? Flag.Overflow : 0;
                    flags |= (first ^ FlagB ^ result) & Flag.Adjust;
                    break;
                }

            case FlagKind.Difference:
                result = FlagA - FlagB;
                flags = FlagA < FlagB ? Flag.Carry : 0;
                flags |= ((FlagA ^ FlagB) & (FlagA ^ result) & sign) != 0 ? Flag.Overflow : 0;
                flags |= (FlagA ^ FlagB ^ result) & Flag.Adjust;
                break;
            case FlagKind.Logic:
                result = FlagA;
                break;
            case FlagKind.Parts:
                result = FlagA;
                flags = FlagB ^ Flag.Adjust;
                break;
            case FlagKind.Product:
                result = FlagA * FlagB;
                flags = IsWhole(width) ? 0 : Flag.Carry | Flag.Overflow;
                break;
            default:
                return Rflags & Flag.Status;
        }

        flags |= (result & mask) == 0 ? Flag.Zero : 0;
        flags |= (result & sign) != 0 ? Flag.Sign : 0;
        return (BitOperations.PopCount((byte)result) & 1) == 0 ? flags | Flag.Parity : flags;
    }

    /// <summary>The product of the flag operands fits a width of so many bits.</summary>
    private bool IsWhole(int width)
    {
        var high = Math.BigMul((long)FlagA, (long)FlagB, out var low);
        var unused = 64 - width;
        return high == low >> 63 && low << unused >> unused == low;
    }

    /// <summary>1 when the carry flag is set, else 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal ulong CarryFlag() => (Kind & ~3) switch
    {
        FlagKind.Logic => 0,
        FlagKind.Parts => FlagB & 1,
        FlagKind.Difference => FlagA < FlagB ? 1UL : 0,
        _ => StatusFlags() & 1,
    };

    /// <summary>Changes two flags, each given as 0 or 1, and leaves the others.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void SetCarryAndOverflow(ulong carry, ulong overflow)
    {
        SettleFlags();
        Rflags = (Rflags & ~(Flag.Carry | Flag.Overflow)) | carry | (overflow << 11);
    }

    /// <summary>Changes the carry flag, given as 0 or 1, and leaves the others.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void SetCarry(ulong carry)
    {
        SettleFlags();
        Rflags = (Rflags & ~Flag.Carry) | carry;
    }

    /// <summary>Brings the status flags into RFLAGS.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void SettleFlags()
    {
        if (Kind != FlagKind.Explicit)
        {
            Rflags = (Rflags & ~Flag.Status) | StatusFlags();
            Kind = FlagKind.Explicit;
        }
    }
}
