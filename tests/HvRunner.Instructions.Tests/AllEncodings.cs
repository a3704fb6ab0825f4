using Iced.Intel;

namespace HvRunner.Instructions.Tests;

/// <summary>
/// One encoding of every instruction code that the decoder knows, found by decoding all opcodes of all maps with all their prefixes, once.
/// </summary>
internal static class AllEncodings
{
    private static readonly byte[] Forms = MakeForms();

    /// <summary>Code, one encoding, and the mode in which it decodes; 64-bit mode first.</summary>
    public static IReadOnlyList<(Code Code, byte[] Bytes, int Bitness)> List { get; } = Make();

    private static List<(Code Code, byte[] Bytes, int Bitness)> Make()
    {
        var seen = new HashSet<Code> { Code.INVALID };
        var list = new List<(Code, byte[], int)>();
        foreach (var bitness in new[] { 64, 32, 16 })
        {
            foreach (var start in Starts(bitness))
            {
                var bytes = new byte[start.Length + 12];
                start.CopyTo(bytes, 0);
                var reader = new ByteArrayCodeReader(bytes);
                var decoder = Decoder.Create(bitness, reader);
                foreach (var form in Forms)
                {
                    bytes[start.Length] = form;
                    reader.Position = 0;
                    decoder.IP = bitness == 64 ? GuestProcessor.Code : 0x100;
                    decoder.Decode(out var instruction);
                    if (decoder.LastError == DecoderError.None && seen.Add(instruction.Code))
                    {
                        list.Add((instruction.Code, bytes[..instruction.Length], bitness));
                    }
                }
            }
        }

        return list;
    }

    /// <summary>ModRM with a memory operand at [RBX] or alike, for each register field, and all register forms.</summary>
    private static byte[] MakeForms()
    {
        var forms = new List<byte>();
        for (var register = 0; register < 8; register++)
        {
            forms.Add((byte)((register << 3) | 3));
            forms.Add((byte)((register << 3) | 4));
        }

        for (var form = 0xc0; form <= 0xff; form++)
        {
            forms.Add((byte)form);
        }

        return [.. forms];
    }

    /// <summary>All bytes up to and with the opcode.</summary>
    private static IEnumerable<byte[]> Starts(int bitness)
    {
        byte[][] prefixes = [[], [0x66], [0xf3], [0xf2], [0x66, 0xf2], [0x67], [0x9b]];
        byte[][] maps = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
        byte[][] widths = bitness == 64 ? [[], [0x48]] : [[]];
        for (var opcode = 0; opcode < 256; opcode++)
        {
            foreach (var prefix in prefixes)
            {
                foreach (var width in widths)
                {
                    foreach (var map in maps)
                    {
                        yield return [.. prefix, .. width, .. map, (byte)opcode];
                    }
                }
            }

            // VEX, XOP and EVEX code the same in all modes.
            for (var bits = 0; bits < 16 && bitness == 64; bits++)
            {
                var (pp, length, w) = (bits & 3, (bits >> 2) & 1, bits >> 3);
                for (var map = 1; map <= 3; map++)
                {
                    yield return [0xc4, (byte)(0xe0 | map), (byte)((w << 7) | 0x78 | (length << 2) | pp), (byte)opcode];
                }

                for (var map = 8; map <= 10; map++)
                {
                    yield return [0x8f, (byte)(0xe0 | map), (byte)((w << 7) | 0x78 | (length << 2) | pp), (byte)opcode];
                }

                for (var map = 1; map <= 6; map++)
                {
                    for (var size = 0; size < 3; size++)
                    {
                        var p1 = (byte)((w << 7) | 0x7c | pp);
                        yield return [0x62, (byte)(0xf0 | map), p1, (byte)(0x08 | (size << 5)), (byte)opcode];
                        yield return [0x62, (byte)(0xf0 | map), p1, (byte)(0x09 | (size << 5)), (byte)opcode];
                    }
                }
            }
        }
    }
}
