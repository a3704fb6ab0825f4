using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// Instruction bytes as one line of text, for verdicts and post-mortems. Iced's fast formatter (Intel operand order, MASM-like) is used
/// because it brings the least code into the native binary. Not for hot paths: it allocates.
/// </summary>
public static class Disassembler
{
    /// <summary>The first instruction in <paramref name="bytes"/>; bytes that are none come out as "(bad)".</summary>
    /// <param name="bytes">Up to 15 bytes, as fetched; fewer may cut the instruction.</param>
    /// <param name="rip">The instruction's address, for branch targets and RIP-relative operands.</param>
    /// <param name="bitness">16, 32 or 64.</param>
    public static string Format(ReadOnlySpan<byte> bytes, ulong rip, int bitness)
    {
        var instruction = Decode(bytes, rip, bitness);
        if (instruction.IsInvalid)
        {
            return "(bad)";
        }

        var output = new FastStringOutput();
        new FastFormatter().Format(instruction, output);
        return output.ToString();
    }

    /// <summary>Length of the first instruction in bytes, or 0 when the bytes are no whole instruction.</summary>
    public static int LengthOf(ReadOnlySpan<byte> bytes, int bitness)
    {
        var instruction = Decode(bytes, 0, bitness);
        return instruction.IsInvalid ? 0 : instruction.Length;
    }

    private static Instruction Decode(ReadOnlySpan<byte> bytes, ulong rip, int bitness)
    {
        var reader = new ByteArrayCodeReader(bytes[..Math.Min(bytes.Length, 15)].ToArray());
        var decoder = Decoder.Create(bitness is 16 or 32 ? bitness : 64, reader);
        decoder.IP = rip;
        return decoder.Decode();
    }
}
