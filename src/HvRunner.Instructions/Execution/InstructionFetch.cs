using Iced.Intel;

namespace HvRunner.Instructions;

/// <summary>
/// The bytes of one instruction and the three decoders that read them; kept for the executor's life, so that a step allocates nothing.
/// An instruction has at most 15 bytes (SDM vol. 2, 2.3.11).
/// </summary>
internal sealed class InstructionFetch : CodeReader
{
    /// <summary>The longest instruction.</summary>
    public const int MaximumLength = 15;

    private readonly byte[] _bytes = new byte[MaximumLength];
    private readonly Decoder _decoder16;
    private readonly Decoder _decoder32;
    private readonly Decoder _decoder64;
    private int _position;
    private bool _isProbing;

    public InstructionFetch()
    {
        _decoder16 = Decoder.Create(16, this);
        _decoder32 = Decoder.Create(32, this);
        _decoder64 = Decoder.Create(64, this);
    }

    /// <summary>The buffer to fill, from its start.</summary>
    public Span<byte> Bytes => _bytes;

    /// <summary>How many bytes are there to decode.</summary>
    public int Count { get; set; }

    /// <inheritdoc/>
    public override int ReadByte() => _position < Count ? _bytes[_position++] : _isProbing ? ProbeByte() : -1;

    /// <summary>Decodes the instruction that the buffer begins with.</summary>
    public DecoderError Decode(int bitness, ulong rip, out Instruction instruction)
    {
        _position = 0;
        var decoder = bitness switch { 16 => _decoder16, 32 => _decoder32, _ => _decoder64 };
        decoder.IP = rip;
        decoder.Decode(out instruction);
        var error = decoder.LastError;
        if (error == DecoderError.InvalidInstruction && _position == MaximumLength && IsTooLong(decoder))
        {
            return DecoderError.NoMoreBytes;
        }

        if (bitness == 64 && instruction.Code == Code.Pause && IsExtended(instruction.Length))
        {
            instruction = ExchangeFor(instruction);
        }

        return error;
    }

    /// <summary>
    /// In 64-bit mode: the first <paramref name="count"/> bytes end with an opcode that is undefined whatever follows, so a processor does not ask
    /// for more (the decoder does).
    /// </summary>
    public bool EndsInUndefinedOpcode(int count)
    {
        for (var i = 0; i < count - 1; i++)
        {
            if (_bytes[i] is not (0x66 or 0x67 or 0xf0 or 0xf2 or 0xf3 or 0x26 or 0x2e or 0x36 or 0x3e or (>= 0x40 and <= 0x4f) or 0x64 or 0x65))
            {
                return false;
            }
        }

        return _bytes[count - 1] is 0x06 or 0x07 or 0x0e or 0x16 or 0x17 or 0x1e or 0x1f or 0x27 or 0x2f or 0x37 or 0x3f or 0x60 or 0x61 or
            0x9a or 0xce or 0xd4 or 0xd5 or 0xd6 or 0xea;
    }

    /// <summary>
    /// The decoder calls an instruction of more than 15 bytes invalid, as it does an undefined opcode in the last of them. Without its first byte,
    /// a prefix, the former is an instruction or asks for more.
    /// </summary>
    private bool IsTooLong(Decoder decoder)
    {
        _position = 1;
        _isProbing = true;
        decoder.Decode(out _);
        _isProbing = false;
        return decoder.LastError != DecoderError.InvalidInstruction || _position > MaximumLength;
    }

    private int ProbeByte()
    {
        _position++;
        return 0;
    }

    /// <summary>The opcode, the last byte, follows a REX prefix with B.</summary>
    private bool IsExtended(int length) => (_bytes[length - 2] & 0xf1) == 0x41;

    /// <summary>F3 90 is PAUSE, but with REX.B it is the exchange of the accumulator with R8 (SDM vol. 2, "XCHG"), which the decoder overlooks.</summary>
    private Instruction ExchangeFor(in Instruction pause)
    {
        var hasOperandSize = _bytes.AsSpan(0, pause.Length).Contains((byte)0x66);
        var exchange = (_bytes[pause.Length - 2] & 8) != 0 ? Instruction.Create(Code.Xchg_r64_RAX, Register.R8, Register.RAX)
            : hasOperandSize ? Instruction.Create(Code.Xchg_r16_AX, Register.R8W, Register.AX)
            : Instruction.Create(Code.Xchg_r32_EAX, Register.R8D, Register.EAX);
        exchange.Length = pause.Length;
        exchange.NextIP = pause.NextIP;
        return exchange;
    }
}
