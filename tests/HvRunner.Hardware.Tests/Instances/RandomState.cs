using System.Buffers.Binary;
using HvRunner.Hardware.Tests.Guest;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>A random processor to begin with: general registers, flags, x87 or MMX registers, SSE registers and their control words.</summary>
internal static class RandomState
{
    public const ulong StatusFlags = 0x8d5;
    public const ulong DirectionFlag = 0x400;
    public const ulong AlignmentFlag = 0x4_0000;
    private const ulong Identification = 0x20_0000;
    private const ulong AlwaysSet = 0x202;

    public static void Fill(Dice dice, ref ProcessorImage image)
    {
        for (var i = 0; i < 16; i++)
        {
            image.General[i] = EdgeValues.Integer(dice);
        }

        image.Rflags = AlwaysSet | (dice.Next() & StatusFlags);
        image.Rflags |= (dice.OneIn(3) ? DirectionFlag : 0) | (dice.OneIn(10) ? AlignmentFlag : 0) | (dice.OneIn(20) ? Identification : 0);
        image.FsBase = SegmentBase(dice);
        image.GsBase = SegmentBase(dice);
        Span<byte> fx = image.Fx;
        fx.Clear();
        X87(dice, fx);
        Sse(dice, fx);
    }

    private static ulong SegmentBase(Dice dice) => dice.Below(4) switch
    {
        0 => 0,
        1 => (ulong)dice.Next() & 0xffff_ffff,
        2 => dice.Next() & 0x7fff_ffff_ffff,
        _ => dice.Next() & 0x7fff_f000,
    };

    private static void X87(Dice dice, Span<byte> fx)
    {
        // Rounding and precision control are anything; exceptions are masked mostly, because an unmasked one ends the instance.
        var control = 0x40 | (dice.Next() & 0xf00) | (dice.Percent(80) ? 0x3f : dice.Next() & 0x3f);
        if (dice.OneIn(2))
        {
            control |= 0x300;
        }

        var status = (ulong)dice.Below(8) << 11;
        status |= dice.Next() & 0x4700;
        status |= dice.OneIn(4) ? dice.Next() & 0x7f : 0;

        // The summary bit and the busy bit follow from the flags and their masks.
        if ((status & ~control & 0x3f) != 0)
        {
            status |= 0x8080;
        }

        BinaryPrimitives.WriteUInt16LittleEndian(fx, (ushort)control);
        BinaryPrimitives.WriteUInt16LittleEndian(fx[2..], (ushort)status);
        fx[4] = dice.Below(4) switch { 0 => 0xff, 1 => (byte)dice.Next(), 2 => (byte)(dice.Next() | dice.Next()), _ => (byte)(dice.Next() | dice.Next() | dice.Next()) };
        for (var i = 0; i < 8; i++)
        {
            EdgeValues.Extended(dice, fx[(32 + (16 * i))..]);
        }

        if (dice.OneIn(4))
        {
            // As MMX instructions leave it: numbers in the significands, exponents all ones.
            for (var i = 0; i < 8; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(fx[(32 + (16 * i))..], EdgeValues.Mixed(dice));
                BinaryPrimitives.WriteUInt16LittleEndian(fx[(40 + (16 * i))..], 0xffff);
            }
        }
    }

    private static void Sse(Dice dice, Span<byte> fx)
    {
        var mxcsr = (dice.Next() & 0xe040) | (dice.Percent(80) ? 0x1f80 : dice.Next() & 0x1f80);
        mxcsr |= dice.OneIn(4) ? dice.Next() & 0x3f : 0;
        BinaryPrimitives.WriteUInt32LittleEndian(fx[24..], (uint)mxcsr);
        var kind = dice.Below(4);
        for (var i = 0; i < 32; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(fx[(160 + (8 * i))..], Lane(dice, kind));
        }
    }

    private static ulong Lane(Dice dice, int kind) => kind switch
    {
        0 => ((ulong)EdgeValues.Single(dice) << 32) | EdgeValues.Single(dice),
        1 => EdgeValues.Double(dice),
        _ => EdgeValues.Mixed(dice),
    };
}
