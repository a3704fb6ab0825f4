using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host;

/// <summary>
/// Guest RAM as anonymous private mappings, one for each range, aligned so that the host can use 2 MiB pages (guest-physical and host
/// addresses agree in their low 21 bits). Host pages are taken as they are touched. Spans point straight into the mapping.
/// </summary>
public sealed unsafe class AnonymousMemory : IBackingMemory
{
    private const nuint HugePageBytes = 2 << 20;
    private const ulong PageBytes = 4096;

    private readonly Mapping[] _mappings;

    /// <summary>Reserves zeroed memory. Throws <see cref="HypervisorException"/> when the host has no room for it.</summary>
    /// <param name="ranges">Ascending, of whole pages, not overlapping.</param>
    public AnonymousMemory(IReadOnlyList<GuestRange> ranges)
    {
        Ranges = ranges;
        _mappings = new Mapping[ranges.Count];
        for (var i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].Start.Value % PageBytes != 0 || ranges[i].SizeBytes % PageBytes != 0 || ranges[i].SizeBytes == 0)
            {
                throw new ArgumentException($"guest RAM must consist of whole pages, {ranges[i]} does not", nameof(ranges));
            }

            _mappings[i] = Map(ranges[i]);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<GuestRange> Ranges { get; }

    /// <summary>The host address of a range's first byte: for a hypervisor that maps the memory into its guest. It never moves.</summary>
    public nint HostAddressOf(int range) => _mappings[range].Start;

    /// <inheritdoc/>
    public bool TryRead(GuestAddress address, Span<byte> destination)
    {
        var source = Find(address, (ulong)destination.Length);
        if (source is null)
        {
            return false;
        }

        new ReadOnlySpan<byte>(source, destination.Length).CopyTo(destination);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source)
    {
        var destination = Find(address, (ulong)source.Length);
        if (destination is null)
        {
            return false;
        }

        source.CopyTo(new Span<byte>(destination, source.Length));
        return true;
    }

    /// <inheritdoc/>
    public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span)
    {
        var found = length >= 0 ? Find(address, (ulong)length) : null;
        span = found is null ? default : new ReadOnlySpan<byte>(found, length);
        return found is not null;
    }

    /// <inheritdoc/>
    public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
    {
        var found = length >= 0 ? Find(address, (ulong)length) : null;
        span = found is null ? default : new Span<byte>(found, length);
        return found is not null;
    }

    /// <inheritdoc/>
    public bool TryClear(GuestRange range)
    {
        var start = Find(range.Start, range.SizeBytes);
        if (start is null)
        {
            return false;
        }

        // Whole pages are given back to the host, which answers the next touch with a zeroed one; only the edges are written.
        var firstPage = ((ulong)start + PageBytes - 1) & ~(PageBytes - 1);
        var pagesEnd = ((ulong)start + range.SizeBytes) & ~(PageBytes - 1);
        if (firstPage >= pagesEnd || Libc.madvise((nint)firstPage, (nuint)(pagesEnd - firstPage), MADV_DONTNEED) != 0)
        {
            NativeMemory.Clear(start, (nuint)range.SizeBytes);
            return true;
        }

        NativeMemory.Clear(start, (nuint)(firstPage - (ulong)start));
        NativeMemory.Clear((void*)pagesEnd, (nuint)((ulong)start + range.SizeBytes - pagesEnd));
        return true;
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed)
    {
        observed = 0;
        if (size is not (1 or 2 or 4 or 8) || (address.Value & (ulong)(size - 1)) != 0)
        {
            return false;
        }

        var target = Find(address, (ulong)size);
        if (target is null)
        {
            return false;
        }

        observed = size switch
        {
            1 => Interlocked.CompareExchange(ref *target, (byte)desired, (byte)expected),
            2 => Interlocked.CompareExchange(ref *(ushort*)target, (ushort)desired, (ushort)expected),
            4 => Interlocked.CompareExchange(ref *(uint*)target, (uint)desired, (uint)expected),
            _ => Interlocked.CompareExchange(ref *(ulong*)target, desired, expected),
        };
        return true;
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed)
    {
        observed = 0;
        var target = (address.Value & 15) == 0 ? Find(address, 16) : null;
        return target is not null && WideCompareExchange.TryExecute(target, expected, desired, out observed);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ref var mapping in _mappings.AsSpan())
        {
            mapping.Release();
        }
    }

    private byte* Find(GuestAddress address, ulong length)
    {
        for (var i = 0; i < _mappings.Length; i++)
        {
            if (Ranges[i].Contains(address, length))
            {
                return (byte*)_mappings[i].Start + (address - Ranges[i].Start);
            }
        }

        return null;
    }

    private static Mapping Map(GuestRange range)
    {
        var total = (nuint)range.SizeBytes + HugePageBytes;
        var reserved = Libc.mmap(0, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved == -1)
        {
            var errno = Marshal.GetLastPInvokeError();
            throw new HypervisorException(
                $"the host has no {range.SizeBytes >> 20} MiB of address space for guest RAM: mmap: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }

        var misaligned = ((nuint)reserved - (nuint)range.Start.Value) & (HugePageBytes - 1);
        var start = reserved + (nint)((HugePageBytes - misaligned) & (HugePageBytes - 1));
        return new Mapping(reserved, total, start);
    }

    private struct Mapping(nint reserved, nuint reservedBytes, nint start)
    {
        private nint _reserved = reserved;

        internal nint Start { get; private set; } = start;

        internal void Release()
        {
            if (_reserved != 0)
            {
                _ = Libc.munmap(_reserved, reservedBytes);
                _reserved = 0;
                Start = 0;
            }
        }
    }
}
