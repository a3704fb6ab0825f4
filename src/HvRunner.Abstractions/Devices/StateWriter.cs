using System.Buffers;
using System.Buffers.Binary;

namespace HvRunner.Abstractions;

/// <summary>Writes device state as a flat little-endian byte stream; <see cref="StateReader"/> reads it back in the same order.</summary>
/// <param name="output">Where the bytes go.</param>
public sealed class StateWriter(IBufferWriter<byte> output)
{
    /// <summary>Opens a device's record: its name and the version of its layout, which <see cref="StateReader.Begin"/> checks.</summary>
    public void Begin(string name, byte version)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(name);
        Byte((byte)bytes.Length);
        Bytes(bytes);
        Byte(version);
    }

    /// <summary>Writes one truth value as a byte.</summary>
    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    /// <summary>Writes one byte.</summary>
    public void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    /// <summary>Writes 2 bytes.</summary>
    public void UInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(sizeof(ushort)), value);
        output.Advance(sizeof(ushort));
    }

    /// <summary>Writes 4 bytes.</summary>
    public void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(output.GetSpan(sizeof(uint)), value);
        output.Advance(sizeof(uint));
    }

    /// <summary>Writes 8 bytes.</summary>
    public void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(sizeof(ulong)), value);
        output.Advance(sizeof(ulong));
    }

    /// <summary>Writes 8 bytes, signed: times are relative to the queue's clock.</summary>
    public void Int64(long value) => UInt64(unchecked((ulong)value));

    /// <summary>Writes raw bytes; the reader must know how many.</summary>
    public void Bytes(ReadOnlySpan<byte> value) => output.Write(value);
}
