using HvRunner.Abstractions;

namespace HvRunner.Host.Tests;

/// <summary>Guest RAM on host mappings; no hypervisor takes part.</summary>
public sealed class AnonymousMemoryTests : IDisposable
{
    private const ulong Page = 4096;
    private const ulong HighStart = 0x1_0000_0000;

    private readonly AnonymousMemory _memory = new([new GuestRange(At(0), 16 * Page), new GuestRange(At(HighStart), 4 * Page)]);

    public static TheoryData<ulong, ulong> OutOfRam => new()
    {
        { 16 * Page, 1 },
        { (16 * Page) - 1, 2 },
        { HighStart - 1, 1 },
        { HighStart - 1, 2 },
        { HighStart + (4 * Page), 1 },
        { HighStart + (4 * Page) - 8, 9 },
        { ulong.MaxValue, 1 },
        { ulong.MaxValue, 2 },
        { ulong.MaxValue - 7, 8 },
        { ulong.MaxValue - 7, 16 },
        { 1UL << 63, 4 },
        { 0, (16 * Page) + 1 },
    };

    public void Dispose() => _memory.Dispose();

    [Theory]
    [MemberData(nameof(OutOfRam))]
    public void Access_OutsideOneRange_FailsAndChangesNothing(ulong address, ulong length)
    {
        var data = new byte[length];
        data.AsSpan().Fill(0x5a);
        Assert.False(_memory.TryRead(At(address), data));
        Assert.DoesNotContain(data, value => value != 0x5a);
        Assert.False(_memory.TryWrite(At(address), data));
        Assert.False(_memory.TryGetReadOnlySpan(At(address), (int)length, out var readable));
        Assert.False(_memory.TryGetWritableSpan(At(address), (int)length, out var writable));
        Assert.True(readable.IsEmpty && writable.IsEmpty);
        Assert.False(_memory.TryClear(new GuestRange(At(address), length)));
        Assert.True(IsZero(0, 16 * (int)Page) && IsZero(HighStart, 4 * (int)Page));
    }

    [Theory]
    [InlineData(0ul, ulong.MaxValue)]
    [InlineData(Page, ulong.MaxValue - Page + 1)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    [InlineData(HighStart, ulong.MaxValue - HighStart + 1)]
    public void Clear_OfAHostileLength_Fails(ulong address, ulong length) => Assert.False(_memory.TryClear(new GuestRange(At(address), length)));

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void Span_OfAHostileLength_Fails(int length)
    {
        Assert.False(_memory.TryGetReadOnlySpan(At(0), length, out _));
        Assert.False(_memory.TryGetWritableSpan(At(0), length, out _));
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData((16 * Page) - 8)]
    [InlineData(HighStart)]
    [InlineData(HighStart + (4 * Page) - 8)]
    [InlineData(Page - 3)]
    public void Write_IsReadBackEverywhere(ulong address)
    {
        byte[] data = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.True(_memory.TryWrite(At(address), data));
        var read = new byte[8];
        Assert.True(_memory.TryRead(At(address), read));
        Assert.Equal(data, read);
        Assert.True(_memory.TryGetReadOnlySpan(At(address), 8, out var span));
        Assert.Equal(data, span.ToArray());
    }

    [Fact]
    public void WritableSpan_IsTheMemory()
    {
        Assert.True(_memory.TryGetWritableSpan(At(0x1234), 2, out var span));
        span[1] = 0x77;
        Assert.True(_memory.TryGetReadOnlySpan(At(0x1235), 1, out var seen));
        Assert.Equal(0x77, seen[0]);
    }

    [Fact]
    public void EmptyAccess_InRam_Succeeds()
    {
        Assert.True(_memory.TryRead(At(0), []));
        Assert.True(_memory.TryWrite(At(Page), []));
    }

    [Theory]
    [InlineData(0ul, Page)]
    [InlineData(1ul, Page)]
    [InlineData(Page - 1, 2ul)]
    [InlineData(Page - 1, Page + 2)]
    [InlineData(Page, 3 * Page)]
    [InlineData(Page + 1, (3 * Page) - 2)]
    [InlineData(Page, Page - 1)]
    [InlineData(5ul, 7ul)]
    [InlineData(Page, 0ul)]
    [InlineData(0ul, 8 * Page)]
    public void Clear_ZeroesExactlyItsRange(ulong start, ulong length)
    {
        const int Watched = 8 * (int)Page;
        Assert.True(_memory.TryGetWritableSpan(At(0), Watched, out var span));
        span.Fill(0xee);
        Assert.True(_memory.TryClear(new GuestRange(At(start), length)));
        for (var i = 0; i < Watched; i++)
        {
            var expected = (ulong)i >= start && (ulong)i < start + length ? 0 : 0xee;
            Assert.True(expected == span[i], $"byte 0x{i:x} is 0x{span[i]:x} after clearing 0x{length:x} from 0x{start:x}");
        }
    }

    [Theory]
    [InlineData(0ul, 1ul)]
    [InlineData(1ul, Page)]
    [InlineData(0ul, 0ul)]
    public void Ranges_ConsistOfWholePages(ulong start, ulong length) =>
        Assert.Throws<ArgumentException>(() => new AnonymousMemory([new GuestRange(At(start), length)]));

    [Fact]
    public void HostAndGuestAddresses_AgreeInTheirLow21Bits()
    {
        for (var i = 0; i < _memory.Ranges.Count; i++)
        {
            Assert.Equal(_memory.Ranges[i].Start.Value & 0x1fffff, (ulong)_memory.HostAddressOf(i) & 0x1fffff);
        }
    }

    [Fact]
    public void Dispose_Twice_IsHarmless()
    {
        var memory = new AnonymousMemory([new GuestRange(At(0), Page)]);
        memory.Dispose();
        memory.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void CompareExchange_ObservesAndStoresOnlyOnEquality(int size)
    {
        var mask = size == 8 ? ulong.MaxValue : (1UL << (8 * size)) - 1;
        Assert.True(_memory.TryWrite(At(0x100), [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99]));
        const ulong Before = 0x8877665544332211;
        Assert.True(_memory.TryCompareExchange(At(0x100), size, ~Before, 0, out var observed));
        Assert.Equal(Before & mask, observed);
        Assert.True(_memory.TryCompareExchange(At(0x100), size, Before, 0xa0b0c0d0e0f01020, out observed));
        Assert.Equal(Before & mask, observed);
        Assert.True(_memory.TryGetReadOnlySpan(At(0x100), 9, out var span));
        Assert.Equal(0x99, span[8]);
        var after = BitConverter.ToUInt64(span);
        Assert.Equal((0xa0b0c0d0e0f01020 & mask) | (Before & ~mask), after);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(-8)]
    [InlineData(int.MinValue)]
    public void CompareExchange_OfAnotherSize_Fails(int size) => Assert.False(_memory.TryCompareExchange(At(0), size, 0, 1, out _));

    [Theory]
    [InlineData(1ul, 2)]
    [InlineData(2ul, 4)]
    [InlineData(4ul, 8)]
    [InlineData(16 * Page, 8)]
    [InlineData(ulong.MaxValue, 1)]
    [InlineData(ulong.MaxValue - 7, 8)]
    public void CompareExchange_MisalignedOrOutOfRam_Fails(ulong address, int size)
    {
        Assert.False(_memory.TryCompareExchange(At(address), size, 0, 1, out var observed));
        Assert.Equal(0ul, observed);
        Assert.True(IsZero(0, (int)Page));
    }

    [Fact]
    public void WideCompareExchange_ObservesAndStoresOnlyOnEquality()
    {
        var first = new UInt128(0x0123456789abcdef, 0xfedcba9876543210);
        var second = new UInt128(ulong.MaxValue, 1);
        Assert.True(_memory.TryCompareExchange(At(0x200), 0, first, out var observed));
        Assert.Equal(UInt128.Zero, observed);
        Assert.True(_memory.TryCompareExchange(At(0x200), second, 7, out observed));
        Assert.Equal(first, observed);
        Assert.True(_memory.TryCompareExchange(At(0x200), first, second, out observed));
        Assert.Equal(first, observed);
        Assert.True(_memory.TryGetReadOnlySpan(At(0x200), 16, out var span));
        Assert.Equal(second, BitConverter.ToUInt128(span));
    }

    [Theory]
    [InlineData(8ul)]
    [InlineData(1ul)]
    [InlineData(16 * Page)]
    [InlineData(ulong.MaxValue - 15)]
    [InlineData(ulong.MaxValue)]
    public void WideCompareExchange_MisalignedOrOutOfRam_Fails(ulong address) =>
        Assert.False(_memory.TryCompareExchange(At(address), 0, 1, out UInt128 _));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void CompareExchange_IsAtomicTowardsThreads(int size)
    {
        const int Threads = 4;
        const int Increments = 20_000;
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < Increments; i++)
            {
                Increment(size);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        var bits = 8 * Math.Min(size, 8);
        var expected = bits == 64 ? Threads * Increments : (Threads * Increments) & ((1L << bits) - 1);
        Assert.True(_memory.TryGetReadOnlySpan(At(0x300), 16, out var span));
        Assert.Equal((ulong)expected, BitConverter.ToUInt64(span));

        // The wide counter counts in both halves at once: a torn store would let them differ.
        Assert.Equal(size == 16 ? (ulong)expected : 0, BitConverter.ToUInt64(span[8..]));
    }

    private void Increment(int size)
    {
        if (size == 16)
        {
            var step = new UInt128(1, 1);
            UInt128 seen = 0;
            while (true)
            {
                Assert.True(_memory.TryCompareExchange(At(0x300), seen, seen + step, out var found));
                if (found == seen)
                {
                    return;
                }

                seen = found;
            }
        }

        ulong expected = 0;
        while (true)
        {
            Assert.True(_memory.TryCompareExchange(At(0x300), size, expected, expected + 1, out var found));
            if (found == expected)
            {
                return;
            }

            expected = found;
        }
    }

    private bool IsZero(ulong address, int length) =>
        _memory.TryGetReadOnlySpan(At(address), length, out var span) && !span.ContainsAnyExcept((byte)0);

    private static GuestAddress At(ulong address) => new(address);
}
