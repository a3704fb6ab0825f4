using System.Globalization;

namespace HvRunner.Abstractions;

/// <summary>A guest-physical address, in bytes. A type of its own, so that no host or linear address is mistaken for it.</summary>
/// <param name="Value">The address. Any 64-bit value may come from a guest; whether memory answers there is for the memory to say.</param>
public readonly record struct GuestAddress(ulong Value) : IComparable<GuestAddress>
{
    /// <summary>The address <paramref name="offset"/> bytes further on; wraps at 2^64 as the address bus does.</summary>
    public static GuestAddress operator +(GuestAddress address, ulong offset) => new(unchecked(address.Value + offset));

    /// <summary>The distance in bytes from <paramref name="right"/> to <paramref name="left"/>; wraps at 2^64.</summary>
    public static ulong operator -(GuestAddress left, GuestAddress right) => unchecked(left.Value - right.Value);

    /// <summary>True when <paramref name="left"/> lies below <paramref name="right"/>.</summary>
    public static bool operator <(GuestAddress left, GuestAddress right) => left.Value < right.Value;

    /// <summary>True when <paramref name="left"/> lies above <paramref name="right"/>.</summary>
    public static bool operator >(GuestAddress left, GuestAddress right) => left.Value > right.Value;

    /// <summary>True when <paramref name="left"/> does not lie above <paramref name="right"/>.</summary>
    public static bool operator <=(GuestAddress left, GuestAddress right) => left.Value <= right.Value;

    /// <summary>True when <paramref name="left"/> does not lie below <paramref name="right"/>.</summary>
    public static bool operator >=(GuestAddress left, GuestAddress right) => left.Value >= right.Value;

    /// <inheritdoc/>
    public int CompareTo(GuestAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address as people write it: 0x and hexadecimal digits without padding.</summary>
    public override string ToString() => "0x" + Value.ToString("x", CultureInfo.InvariantCulture);
}
