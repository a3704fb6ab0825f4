using System.Buffers.Binary;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>Values at which processors differ from careless emulators: borders of integers, and every class of floating-point number.</summary>
internal static class EdgeValues
{
    /// <summary>A 64-bit integer: a border of some width, one bit, few bits, or anything.</summary>
    public static ulong Integer(Dice dice)
    {
        switch (dice.Below(8))
        {
            case 0:
                return (ulong)dice.Between(-3, 3);
            case 1:
                return (1UL << dice.Below(64)) + (ulong)dice.Between(-1, 1);
            case 2:
                return ~(1UL << dice.Below(64));
            case 3:
                return dice.Next() >> dice.Below(64);
            case 4:
                return (ulong)((long)dice.Next() >> dice.Below(64));
            case 5:
                return dice.Next() & dice.Next() & dice.Next();
            case 6:
                return (byte)dice.Next() * 0x0101_0101_0101_0101UL;
            default:
                return dice.Next();
        }
    }

    public static uint Single(Dice dice)
    {
        var sign = (uint)dice.Below(2) << 31;
        var fraction = Fraction(dice, 23);
        return sign | dice.Below(10) switch
        {
            0 => 0,
            1 => 0x7f80_0000,
            2 => 0x7fc0_0000 | (uint)fraction,
            3 => 0x7f80_0000 | Math.Max(1, (uint)fraction & 0x3f_ffff),
            4 => (uint)fraction,
            5 => 0x0080_0000 | (uint)fraction,
            6 => 0x7f00_0000 | (uint)fraction,
            7 => BitConverter.SingleToUInt32Bits(dice.Below(1 << 10)) & 0x7fff_ffff,
            8 => ((uint)(127 + dice.Between(-70, 70)) << 23) | (uint)fraction,
            _ => ((uint)dice.Below(255) << 23) | (uint)fraction,
        };
    }

    public static ulong Double(Dice dice)
    {
        var sign = (ulong)dice.Below(2) << 63;
        var fraction = Fraction(dice, 52);
        return sign | dice.Below(10) switch
        {
            0 => 0,
            1 => 0x7ffUL << 52,
            2 => (0xfffUL << 51) | fraction,
            3 => (0x7ffUL << 52) | Math.Max(1, fraction & ((1UL << 51) - 1)),
            4 => fraction,
            5 => (1UL << 52) | fraction,
            6 => (0x7feUL << 52) | fraction,
            7 => BitConverter.DoubleToUInt64Bits(dice.Below(1 << 10)),
            8 => ((ulong)(1023 + dice.Between(-150, 150)) << 52) | fraction,
            _ => ((ulong)dice.Below(2047) << 52) | fraction,
        };
    }

    /// <summary>A number in the x87's own format, the classes that only it has included (SDM vol. 1, 8.2.2).</summary>
    public static void Extended(Dice dice, Span<byte> to)
    {
        const ulong IntegerBit = 1UL << 63;
        var fraction = Fraction(dice, 63);
        var (exponent, significand) = dice.Below(16) switch
        {
            0 => (0, 0UL),
            1 => (0x7fff, IntegerBit),
            2 => (0x7fff, IntegerBit | (1UL << 62) | fraction),
            3 => (0x7fff, IntegerBit | Math.Max(1, fraction & ((1UL << 62) - 1))),
            4 => (0, fraction),
            5 => (0, IntegerBit | fraction),
            6 => dice.OneIn(2) ? (0x7fff, fraction) : (dice.Between(1, 0x7ffe), fraction),
            7 => (1, IntegerBit | fraction),
            8 => (0x7ffe, IntegerBit | fraction),
            9 => (0x3fff + 62 - dice.Below(64), IntegerBit),
            10 or 11 => (0x3fff + dice.Between(-2, 66), IntegerBit | fraction),
            12 => (0x3fff + dice.Between(-1100, 1100), IntegerBit | fraction),
            13 => (0x3fff + dice.Between(-70, 2), IntegerBit | fraction),
            14 => (0x3fff + dice.Between(0, 30), IntegerBit | (fraction & ~0xffff_ffffUL)),
            _ => (dice.Between(1, 0x7ffe), IntegerBit | fraction),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(to, significand);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], (ushort)(exponent | (dice.Below(2) << 15)));
    }

    /// <summary>Eight bytes that are integers, two singles or one double.</summary>
    public static ulong Mixed(Dice dice) => dice.Below(4) switch
    {
        0 => Integer(dice),
        1 => dice.Next(),
        2 => ((ulong)Single(dice) << 32) | Single(dice),
        _ => Double(dice),
    };

    private static ulong Fraction(Dice dice, int bits)
    {
        var mask = (1UL << bits) - 1;
        return mask & dice.Below(6) switch
        {
            0 => 0UL,
            1 => mask,
            2 => 1UL << dice.Below(bits),
            3 => mask << dice.Below(bits),
            4 => 1UL,
            _ => dice.Next(),
        };
    }
}
