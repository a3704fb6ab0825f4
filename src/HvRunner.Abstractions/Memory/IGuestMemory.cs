namespace HvRunner.Abstractions;

/// <summary>
/// The guest's RAM, by guest-physical address. Every access is checked against the ranges; an access that does not lie
/// wholly within one range fails and changes nothing. Nothing here ever throws for an address or a length, because both may
/// come from the guest. All members may be called from any thread, while vCPUs run: what the guest can change is therefore
/// to be read once and judged on the copy.
/// </summary>
public interface IGuestMemory
{
    /// <summary>The ranges that RAM answers, ascending, not overlapping, not empty; fixed for the memory's life.</summary>
    IReadOnlyList<GuestRange> Ranges { get; }

    /// <summary>Copies guest bytes into <paramref name="destination"/>. False, and nothing copied, when they are not all RAM of one range.</summary>
    bool TryRead(GuestAddress address, Span<byte> destination);

    /// <summary>Copies <paramref name="source"/> into the guest and marks its pages changed. False, and nothing written, when it does not fit one range.</summary>
    bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source);

    /// <summary>A view of guest bytes in place; the guest may change them while they are read. False when they are not all RAM of one range.</summary>
    bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span);

    /// <summary>A view to write through; marks the named pages changed before it returns. False when they are not all RAM of one range.</summary>
    bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span);

    /// <summary>Writes zeros. Pages that were never touched stay untouched where the host can tell. False, and nothing written, when the range does not fit.</summary>
    bool TryClear(GuestRange range);

    /// <summary>
    /// One locked compare-and-exchange of 1, 2, 4 or 8 bytes on naturally aligned guest memory, atomic towards running vCPUs.
    /// False when the address is not RAM, is not aligned to <paramref name="size"/>, or <paramref name="size"/> is another number.
    /// </summary>
    /// <param name="address">Where; aligned to <paramref name="size"/>.</param>
    /// <param name="size">Width in bytes.</param>
    /// <param name="expected">The value that must be there for the store to happen; bits above the width are ignored.</param>
    /// <param name="desired">The value to store.</param>
    /// <param name="observed">What was there, zero-extended; equal to the low bits of <paramref name="expected"/> exactly when the store happened.</param>
    bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed);

    /// <summary>As the other form, for 16 bytes on 16-byte aligned memory (CMPXCHG16B).</summary>
    bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed);
}

/// <summary>Guest RAM that somebody owns: disposing it gives the host memory back. The owner disposes it after every partition that maps it.</summary>
public interface IBackingMemory : IGuestMemory, IDisposable;
