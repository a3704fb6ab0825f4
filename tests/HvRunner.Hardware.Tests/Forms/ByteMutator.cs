using HvRunner.Hardware.Tests.Instances;

namespace HvRunner.Hardware.Tests.Forms;

/// <summary>Changes the bytes of an encoded instruction: prefixes in any number and order, up to more than an instruction may have; bytes inside.</summary>
internal static class ByteMutator
{
    private static ReadOnlySpan<byte> Prefixes => [0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x40, 0x41, 0x42, 0x44, 0x48, 0x4f];

    /// <summary>Puts prefixes in front.</summary>
    public static void AddPrefixes(Dice dice, Instance instance)
    {
        var limit = instance.Bytes.Length - instance.Length;
        var count = Math.Min(limit, dice.OneIn(12) ? dice.Between(6, 15) : dice.Between(1, 3));
        var bytes = instance.Bytes.AsSpan();
        bytes[..instance.Length].CopyTo(bytes[count..]);
        for (var i = 0; i < count; i++)
        {
            bytes[i] = dice.Of(Prefixes);
        }

        instance.Length = Math.Min(instance.Length + count, 17);
    }

    /// <summary>Replaces a byte or a few, or all of them.</summary>
    public static void Replace(Dice dice, Instance instance)
    {
        var bytes = instance.Bytes.AsSpan();
        if (dice.OneIn(8))
        {
            instance.Length = 15;
            for (var i = 0; i < instance.Length; i++)
            {
                bytes[i] = (byte)dice.Next();
            }

            if (dice.OneIn(2))
            {
                bytes[dice.Below(3)] = 0x0f;
            }

            return;
        }

        for (var n = dice.Between(1, 2); n > 0; n--)
        {
            bytes[dice.Below(instance.Length)] = dice.OneIn(3) ? dice.Of(Prefixes) : (byte)dice.Next();
        }

        // What was an operand may be an opcode now, with operands of its own.
        while (instance.Length < 15)
        {
            bytes[instance.Length++] = (byte)dice.Next();
        }
    }
}
