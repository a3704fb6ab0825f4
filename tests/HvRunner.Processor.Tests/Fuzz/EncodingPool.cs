using Iced.Intel;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Encodings of every instruction that the decoder finds in random bytes, by code, for one code size: to pick instructions evenly, where random
/// bytes alone would give mostly the commonest opcodes.
/// </summary>
internal sealed class EncodingPool
{
    private const int Attempts = 300_000;
    private const int PerCode = 24;
    private static readonly EncodingPool[] Pools = [new(16), new(32), new(64)];

    private readonly byte[][][] _byCode;
    private readonly byte[][][] _plain;

    private EncodingPool(int bitness)
    {
        var random = new Random(bitness);
        var found = new SortedDictionary<Code, List<byte[]>>();
        var bytes = new byte[16];
        var reader = new ByteArrayCodeReader(bytes);
        var decoder = Decoder.Create(bitness, reader);
        for (var i = 0; i < Attempts; i++)
        {
            random.NextBytes(bytes);
            Bias(bytes, random, bitness);
            reader.Position = 0;
            decoder.IP = 0x1000;
            decoder.Decode(out var instruction);
            if (decoder.LastError != DecoderError.None)
            {
                continue;
            }

            if (!found.TryGetValue(instruction.Code, out var list))
            {
                found.Add(instruction.Code, list = []);
            }

            if (list.Count < PerCode)
            {
                list.Add(bytes[..instruction.Length]);
            }
        }

        _byCode = [.. found.Values.Select(list => list.ToArray())];
        _plain = [.. found.Where(pair => pair.Key.ToOpCode().Encoding == EncodingKind.Legacy && !pair.Key.IsPrivileged()).Select(pair => pair.Value.ToArray())];
    }

    public int CodeCount => _byCode.Length;

    public static EncodingPool Of(int bitness) => Pools[bitness >> 5];

    public byte[] Any(Random random)
    {
        var codes = random.Next(4) == 0 ? _byCode : _plain;
        var list = codes[random.Next(codes.Length)];
        return list[random.Next(list.Length)];
    }

    /// <summary>Prefixes and the longer opcode maps, more often than by chance.</summary>
    private static void Bias(Span<byte> bytes, Random random, int bitness)
    {
        var at = 0;
        if (random.Next(4) == 0)
        {
            ReadOnlySpan<byte> prefixes = [0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x64, 0x65];
            bytes[at++] = prefixes[random.Next(prefixes.Length)];
        }

        if (bitness == 64 && random.Next(2) == 0)
        {
            bytes[at++] = (byte)(0x40 | random.Next(16));
        }

        if (random.Next(2) == 0)
        {
            bytes[at++] = 0x0f;
            if (random.Next(4) == 0)
            {
                bytes[at] = (byte)(random.Next(2) == 0 ? 0x38 : 0x3a);
            }
        }
    }
}

/// <summary>What the pool asks of a code.</summary>
internal static class CodeFacts
{
    public static bool IsPrivileged(this Code code)
    {
        var instruction = new Instruction { Code = code };
        return instruction.IsPrivileged;
    }
}
