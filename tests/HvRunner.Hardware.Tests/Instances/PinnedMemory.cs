using HvRunner.Abstractions;

namespace HvRunner.Hardware.Tests.Instances;

/// <summary>Guest RAM from address 0 in an array that never moves, as <see cref="HvRunner.Instructions.Processor"/> wants it.</summary>
internal sealed class PinnedMemory : IGuestMemory
{
    private readonly RamMemory _memory;

    public PinnedMemory(ReadOnlySpan<byte> content)
    {
        Bytes = GC.AllocateArray<byte>(content.Length, pinned: true);
        content.CopyTo(Bytes);
        Ranges = [new GuestRange(new GuestAddress(0), (ulong)content.Length)];
        _memory = new RamMemory(Bytes);
    }

    public byte[] Bytes { get; }

    public IReadOnlyList<GuestRange> Ranges { get; }

    public bool TryRead(GuestAddress address, Span<byte> destination) => _memory.TryRead(address.Value, destination);

    public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source) => _memory.TryWrite(address.Value, source);

    public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span)
    {
        var found = TryGetWritableSpan(address, length, out var writable);
        span = writable;
        return found;
    }

    public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
    {
        var found = length >= 0 && Ranges[0].Contains(address, (ulong)length);
        span = found ? Bytes.AsSpan((int)address.Value, length) : default;
        return found;
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

    public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed) =>
        _memory.TryCompareExchange(address.Value, size, expected, desired, out observed);

    public bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed) =>
        _memory.TryCompareExchange(address.Value, expected, desired, out observed);
}
