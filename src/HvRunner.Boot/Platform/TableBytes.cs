using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace HvRunner.Boot.Platform;

/// <summary>A firmware table in the making: little-endian fields, one behind the other, and the check sums that make all bytes add up to 0.</summary>
internal sealed class TableBytes
{
    private readonly List<byte> _bytes = [];

    public int Length => _bytes.Count;

    public TableBytes Byte(int value)
    {
        _bytes.Add((byte)value);
        return this;
    }

    public TableBytes UInt16(int value) => Byte(value).Byte(value >> 8);

    public TableBytes UInt32(uint value) => UInt16((ushort)value).UInt16((int)(value >> 16));

    public TableBytes UInt64(ulong value) => UInt32((uint)value).UInt32((uint)(value >> 32));

    public TableBytes Bytes(ReadOnlySpan<byte> value)
    {
        _bytes.AddRange(value);
        return this;
    }

    public TableBytes Zeros(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _bytes.Add(0);
        }

        return this;
    }

    /// <summary>ASCII text of exactly <paramref name="length"/> bytes, filled up with blanks.</summary>
    public TableBytes Text(string text, int length) => Bytes(Encoding.ASCII.GetBytes(text.PadRight(length)[..length]));

    /// <summary>Puts a 16-bit field, known only now, where it belongs.</summary>
    public void PatchUInt16(int offset, int value) => BinaryPrimitives.WriteUInt16LittleEndian(CollectionsMarshal.AsSpan(_bytes)[offset..], (ushort)value);

    /// <summary>As the other form, for 32 bits.</summary>
    public void PatchUInt32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(CollectionsMarshal.AsSpan(_bytes)[offset..], value);

    /// <summary>Sets the byte at <paramref name="offset"/> so that the first <paramref name="length"/> bytes add up to 0.</summary>
    public void Sum(int offset, int length)
    {
        var bytes = CollectionsMarshal.AsSpan(_bytes)[..length];
        bytes[offset] = 0;
        byte sum = 0;
        foreach (var value in bytes)
        {
            sum += value;
        }

        bytes[offset] = (byte)-sum;
    }

    public byte[] ToArray() => [.. _bytes];
}
