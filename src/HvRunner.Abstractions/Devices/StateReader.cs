using System.Buffers.Binary;

namespace HvRunner.Abstractions;

/// <summary>Reads what <see cref="StateWriter"/> wrote. Saved state is a user's file: every read is checked and ends in <see cref="StateFormatException"/>.</summary>
/// <param name="data">The whole stream.</param>
public sealed class StateReader(ReadOnlyMemory<byte> data)
{
    private int _position;

    /// <summary>Checks a device's record header against the name and version that the device writes.</summary>
    public void Begin(string name, byte version)
    {
        var found = System.Text.Encoding.UTF8.GetString(Bytes(Byte()));
        if (found != name)
        {
            throw new StateFormatException($"saved state holds '{found}' where '{name}' was expected");
        }

        var foundVersion = Byte();
        if (foundVersion != version)
        {
            throw new StateFormatException($"saved state of '{name}' has version {foundVersion}, this hvrun reads version {version}");
        }
    }

    /// <summary>Reads one truth value; any byte but 0 and 1 is refused.</summary>
    public bool Bool() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw new StateFormatException($"saved state holds the byte {other} where 0 or 1 was expected"),
    };

    /// <summary>Reads one byte.</summary>
    public byte Byte() => Bytes(1)[0];

    /// <summary>Reads 2 bytes.</summary>
    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(sizeof(ushort)));

    /// <summary>Reads 4 bytes.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(sizeof(uint)));

    /// <summary>Reads 8 bytes.</summary>
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(sizeof(ulong)));

    /// <summary>Reads 8 bytes, signed.</summary>
    public long Int64() => unchecked((long)UInt64());

    /// <summary>Reads <paramref name="length"/> raw bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int length)
    {
        if (length < 0 || length > data.Length - _position)
        {
            throw new StateFormatException($"saved state ends at byte {data.Length}, {length} more were expected from byte {_position} on");
        }

        var span = data.Span.Slice(_position, length);
        _position += length;
        return span;
    }
}

/// <summary>Saved state that is truncated, of another device or of another version. The message is a sentence for the user.</summary>
/// <param name="message">What was expected and what was found.</param>
public sealed class StateFormatException(string message) : Exception(message);
