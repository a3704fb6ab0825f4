using HvRunner.Abstractions;

namespace HvRunner.Boot.Tests;

/// <summary>Guest memory that keeps a record of what was asked of it: every write, and every access that it had to refuse.</summary>
internal sealed class GuardedGuestMemory(IGuestMemory inner) : IGuestMemory
{
    // The fuzz test must not spend its time on zeros.
    private const ulong LargestTrueClear = 64 * 1024;

    public List<GuestRange> Written { get; } = [];

    public List<GuestRange> Cleared { get; } = [];

    public int Refused { get; private set; }

    public IReadOnlyList<GuestRange> Ranges => inner.Ranges;

    public bool TryRead(GuestAddress address, Span<byte> destination) => inner.TryRead(address, destination);

    public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source)
    {
        Written.Add(new GuestRange(address, (ulong)source.Length));
        return Count(inner.TryWrite(address, source));
    }

    public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span) => inner.TryGetReadOnlySpan(address, length, out span);

    public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
    {
        Written.Add(new GuestRange(address, (ulong)length));
        return Count(inner.TryGetWritableSpan(address, length, out span));
    }

    public bool TryClear(GuestRange range)
    {
        Written.Add(range);
        Cleared.Add(range);
        return Count(range.SizeBytes <= LargestTrueClear
            ? inner.TryClear(range)
            : range.SizeBytes <= int.MaxValue && inner.TryGetReadOnlySpan(range.Start, (int)range.SizeBytes, out _));
    }

    public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed) =>
        inner.TryCompareExchange(address, size, expected, desired, out observed);

    public bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed) =>
        inner.TryCompareExchange(address, expected, desired, out observed);

    private bool Count(bool done)
    {
        Refused += done ? 0 : 1;
        return done;
    }
}
