using System.Buffers.Binary;

namespace HvRunner.Abstractions;

/// <summary>Typed little-endian reads and writes on top of <see cref="IGuestMemory"/>; each reads or writes guest memory exactly once.</summary>
public static class GuestMemoryExtensions
{
    /// <summary>Reads 4 bytes, little-endian. False when they are not all RAM of one range.</summary>
    public static bool TryReadUInt32(this IGuestMemory memory, GuestAddress address, out uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        var read = memory.TryRead(address, bytes);
        value = read ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        return read;
    }

    /// <summary>Reads 8 bytes, little-endian. False when they are not all RAM of one range.</summary>
    public static bool TryReadUInt64(this IGuestMemory memory, GuestAddress address, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        var read = memory.TryRead(address, bytes);
        value = read ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        return read;
    }

    /// <summary>Writes 4 bytes, little-endian. False, and nothing written, when they do not fit one range.</summary>
    public static bool TryWriteUInt32(this IGuestMemory memory, GuestAddress address, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return memory.TryWrite(address, bytes);
    }

    /// <summary>Writes 8 bytes, little-endian. False, and nothing written, when they do not fit one range.</summary>
    public static bool TryWriteUInt64(this IGuestMemory memory, GuestAddress address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return memory.TryWrite(address, bytes);
    }

    /// <summary>The RAM in bytes, over all ranges.</summary>
    public static ulong SizeBytes(this IGuestMemory memory)
    {
        ulong total = 0;
        for (var i = 0; i < memory.Ranges.Count; i++)
        {
            total += memory.Ranges[i].SizeBytes;
        }

        return total;
    }
}
