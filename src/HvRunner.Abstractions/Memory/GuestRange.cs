namespace HvRunner.Abstractions;

/// <summary>A run of guest-physical addresses: a start and a length in bytes. It never wraps: the constructor's caller guarantees it.</summary>
/// <param name="Start">The first address.</param>
/// <param name="SizeBytes">Length in bytes; 0 is an empty range.</param>
public readonly record struct GuestRange(GuestAddress Start, ulong SizeBytes)
{
    /// <summary>The first address behind the range.</summary>
    public GuestAddress End => Start + SizeBytes;

    /// <summary>True when <paramref name="address"/> is one of the range's bytes.</summary>
    public bool Contains(GuestAddress address) => address >= Start && address - Start < SizeBytes;

    /// <summary>True when all <paramref name="length"/> bytes from <paramref name="address"/> on belong to the range; safe for any values.</summary>
    public bool Contains(GuestAddress address, ulong length) =>
        address >= Start && address - Start <= SizeBytes && length <= SizeBytes - (address - Start);

    /// <summary>True when the two ranges share at least one byte. An empty range shares none.</summary>
    public bool Overlaps(GuestRange other) =>
        SizeBytes != 0 && other.SizeBytes != 0 &&
        (Start >= other.Start ? Start - other.Start < other.SizeBytes : other.Start - Start < SizeBytes);

    /// <summary>The range as people write it, both ends inclusive.</summary>
    public override string ToString() => SizeBytes == 0 ? $"{Start} (empty)" : $"{Start}-{Start + (SizeBytes - 1)}";
}
