using System.Buffers.Binary;
using HvRunner.Abstractions;

namespace HvRunner.Fakes;

/// <summary>Guest RAM in managed arrays, one a range: for tests without a hypervisor. Compare-and-exchange is atomic only towards itself.</summary>
public sealed class ArrayGuestMemory : IBackingMemory
{
    private readonly byte[][] _arrays;

    /// <summary>One range from address 0.</summary>
    public ArrayGuestMemory(int sizeBytes)
        : this([new GuestRange(new GuestAddress(0), (ulong)sizeBytes)])
    {
    }

    public ArrayGuestMemory(IReadOnlyList<GuestRange> ranges)
    {
        Ranges = ranges;
        _arrays = [.. ranges.Select(range => new byte[range.SizeBytes])];
    }

    public IReadOnlyList<GuestRange> Ranges { get; }

    public bool TryRead(GuestAddress address, Span<byte> destination)
    {
        if (!TryGetReadOnlySpan(address, destination.Length, out var span))
        {
            return false;
        }

        span.CopyTo(destination);
        return true;
    }

    public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source)
    {
        if (!TryGetWritableSpan(address, source.Length, out var span))
        {
            return false;
        }

        source.CopyTo(span);
        return true;
    }

    public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span)
    {
        var found = TryGetWritableSpan(address, length, out var writable);
        span = writable;
        return found;
    }

    public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
    {
        for (var i = 0; length >= 0 && i < _arrays.Length; i++)
        {
            if (Ranges[i].Contains(address, (ulong)length))
            {
                span = _arrays[i].AsSpan((int)(address - Ranges[i].Start), length);
                return true;
            }
        }

        span = default;
        return false;
    }

    public bool TryClear(GuestRange range)
    {
        if (range.SizeBytes > int.MaxValue || !TryGetWritableSpan(range.Start, (int)range.SizeBytes, out var span))
        {
            return false;
        }

        span.Clear();
        return true;
    }

    public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed)
    {
        observed = 0;
        if (size is not (1 or 2 or 4 or 8) || address.Value % (ulong)size != 0 || !TryGetWritableSpan(address, size, out var span))
        {
            return false;
        }

        lock (_arrays)
        {
            Span<byte> wide = stackalloc byte[8];
            span.CopyTo(wide);
            observed = BinaryPrimitives.ReadUInt64LittleEndian(wide);
            var mask = size == 8 ? ulong.MaxValue : (1UL << (8 * size)) - 1;
            if (observed == (expected & mask))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(wide, desired);
                wide[..size].CopyTo(span);
            }
        }

        return true;
    }

    public bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        observed = 0;
        if (address.Value % 16 != 0 || !TryGetWritableSpan(address, 16, out var span))
        {
            return false;
        }

        lock (_arrays)
        {
            observed = BinaryPrimitives.ReadUInt128LittleEndian(span);
            if (observed == expected)
            {
                BinaryPrimitives.WriteUInt128LittleEndian(span, desired);
            }
        }

        return true;
    }

    public void Dispose()
    {
    }
}
