using System.Numerics;

namespace HvRunner.Instructions;

/// <summary>
/// Results and status flags of additions, subtractions and logic on 1 to 8 bytes (SDM vol. 1, appendix A; vol. 2 per instruction). Operands and
/// results are zero-extended. Flags that the manual calls undefined are left as they were, or as common processors set them.
/// </summary>
internal static class StatusFlags
{
    /// <summary>SF, ZF and PF of a result, everything else 0.</summary>
    public static ulong OfResult(ulong result, int size)
    {
        ulong flags = 0;
        if (result == 0)
        {
            flags |= Flag.Zero;
        }

        if ((result & Width.SignBit(size)) != 0)
        {
            flags |= Flag.Sign;
        }

        return (BitOperations.PopCount((byte)result) & 1) == 0 ? flags | Flag.Parity : flags;
    }

    /// <summary>a + b + carry (0 or 1).</summary>
    public static ulong Add(ulong a, ulong b, ulong carry, int size, ref ulong flags)
    {
        var mask = Width.Mask(size);
        a &= mask;
        b &= mask;
        var result = (a + b + carry) & mask;
        var status = OfResult(result, size);

        // The carries out of every bit position at once.
        var carries = (a & b) | ((a | b) & ~result);
        if ((carries & Width.SignBit(size)) != 0)
        {
            status |= Flag.Carry;
        }

        if (((a ^ result) & (b ^ result) & Width.SignBit(size)) != 0)
        {
            status |= Flag.Overflow;
        }

        status |= (a ^ b ^ result) & Flag.Adjust;
        flags = (flags & ~Flag.Status) | status;
        return result;
    }

    /// <summary>a - b - borrow (0 or 1).</summary>
    public static ulong Subtract(ulong a, ulong b, ulong borrow, int size, ref ulong flags)
    {
        var mask = Width.Mask(size);
        a &= mask;
        b &= mask;
        var result = (a - b - borrow) & mask;
        var status = OfResult(result, size);
        var borrows = (~a & b) | ((~a | b) & result);
        if ((borrows & Width.SignBit(size)) != 0)
        {
            status |= Flag.Carry;
        }

        if (((a ^ b) & (a ^ result) & Width.SignBit(size)) != 0)
        {
            status |= Flag.Overflow;
        }

        status |= (a ^ b ^ result) & Flag.Adjust;
        flags = (flags & ~Flag.Status) | status;
        return result;
    }

    /// <summary>Flags of AND, OR, XOR and TEST: CF and OF clear.</summary>
    public static ulong Logic(ulong result, int size, ref ulong flags)
    {
        result &= Width.Mask(size);
        flags = (flags & ~Flag.Status) | OfResult(result, size);
        return result;
    }
}
