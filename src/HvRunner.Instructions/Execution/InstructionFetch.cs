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
    public override int ReadByte() => _position < Count ? _bytes[_position++] : -1;

    /// <summary>Decodes the instruction that the buffer begins with.</summary>
    public DecoderError Decode(int bitness, ulong rip, out Instruction instruction)
    {
        _position = 0;
        var decoder = bitness switch { 16 => _decoder16, 32 => _decoder32, _ => _decoder64 };
        decoder.IP = rip;
        decoder.Decode(out instruction);
        return decoder.LastError;
    }
}
