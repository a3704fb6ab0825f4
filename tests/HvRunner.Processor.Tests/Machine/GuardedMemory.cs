using System.Runtime.InteropServices;
using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Guest RAM in which every bank lies between host pages that nobody may touch: an access beside guest memory ends the test process at once,
/// which is louder than any assertion. A page filled with a pattern stands in each gap as well, for writes that jump over the guard.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IBackingMemory
{
    private const nuint GuardBytes = 256 << 10;
    private const nuint PageBytes = 4096;
    private const ulong Pattern = 0x5a17_c0de_ca1d_5a17;
    private const int None = 0;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly nint _reserved;
    private readonly nuint _reservedBytes;
    private readonly nint[] _starts;
    private readonly nint[] _canaries;

    public GuardedMemory(params GuestRange[] ranges)
    {
        Ranges = ranges;
        _starts = new nint[ranges.Length];
        _canaries = new nint[ranges.Length + 1];
        _reservedBytes = GuardBytes;
        foreach (var range in ranges)
        {
            _reservedBytes += (nuint)range.SizeBytes + GuardBytes;
        }

        _reserved = mmap(0, _reservedBytes, None, PrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, _reserved);
        var at = _reserved;
        for (var i = 0; i <= ranges.Length; i++)
        {
            // In the middle of the gap: guards on both sides of it, too.
            _canaries[i] = at + (nint)(GuardBytes / 2);
            Open(_canaries[i], PageBytes);
            new Span<ulong>((void*)_canaries[i], (int)PageBytes / 8).Fill(Pattern);
            at += (nint)GuardBytes;
            if (i < ranges.Length)
            {
                _starts[i] = at;
                Open(at, (nuint)ranges[i].SizeBytes);
                at += (nint)ranges[i].SizeBytes;
            }
        }
    }

    public IReadOnlyList<GuestRange> Ranges { get; }

    /// <summary>All bytes of one bank.</summary>
    public Span<byte> Bank(int number) => new((void*)_starts[number], (int)Ranges[number].SizeBytes);

    /// <summary>The pattern pages are as they were made.</summary>
    public bool CanariesLive()
    {
        foreach (var canary in _canaries)
        {
            if (new ReadOnlySpan<ulong>((void*)canary, (int)PageBytes / 8).ContainsAnyExcept(Pattern))
            {
                return false;
            }
        }

        return true;
    }

    public bool TryRead(GuestAddress address, Span<byte> destination)
    {
        var found = TryGetWritableSpan(address, destination.Length, out var span);
        span.CopyTo(destination);
        return found;
    }

    public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source)
    {
        var found = TryGetWritableSpan(address, source.Length, out var span);
        if (found)
        {
            source.CopyTo(span);
        }

        return found;
    }

    public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span)
    {
        var found = TryGetWritableSpan(address, length, out var writable);
        span = writable;
        return found;
    }

    public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
    {
        for (var i = 0; length >= 0 && i < _starts.Length; i++)
        {
            if (Ranges[i].Contains(address, (ulong)length))
            {
                span = new Span<byte>((byte*)_starts[i] + (address - Ranges[i].Start), length);
                return true;
            }
        }

        span = default;
        return false;
    }

    public bool TryClear(GuestRange range)
    {
        var found = range.SizeBytes <= int.MaxValue && TryGetWritableSpan(range.Start, (int)range.SizeBytes, out var span);
        if (found)
        {
            TryGetWritableSpan(range.Start, (int)range.SizeBytes, out span);
            span.Clear();
        }

        return found;
    }

    /// <summary>Not atomic: one thread uses the memory of a test.</summary>
    public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed)
    {
        observed = 0;
        if (size is not (1 or 2 or 4 or 8) || address.Value % (ulong)size != 0 || !TryGetWritableSpan(address, size, out var span))
        {
            return false;
        }

        Span<byte> wide = stackalloc byte[8];
        wide.Clear();
        span.CopyTo(wide);
        observed = MemoryMarshal.Read<ulong>(wide);
        if (observed == (expected & (ulong.MaxValue >> (64 - (8 * size)))))
        {
            MemoryMarshal.Write(wide, desired);
            wide[..size].CopyTo(span);
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

        observed = MemoryMarshal.Read<UInt128>(span);
        if (observed == expected)
        {
            MemoryMarshal.Write(span, desired);
        }

        return true;
    }

    public void Dispose() => _ = munmap(_reserved, _reservedBytes);

    private static void Open(nint start, nuint length) => Assert.Equal(0, mprotect(start, length, ReadWrite));

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);
}
