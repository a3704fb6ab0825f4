using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>What RAM a processor takes.</summary>
public class RamBankTests
{
    [Theory]
    [InlineData(0x800, 0x1000)]
    [InlineData(0x1000, 0x800)]
    public void Processor_RefusesRamWithAPartOfAPage(ulong start, ulong size)
    {
        // Only whole pages let a host address stand for all of one.
        using var ram = new GuardedMemory(new GuestRange(new GuestAddress(0), 0x1000));
        using var rest = new PartOfAPage(ram, new GuestRange(new GuestAddress(start), size));
        Assert.Throws<ArgumentException>(() => new Processor(rest, new Surroundings(1)));
    }

    /// <summary>Memory that says it has another range than it has.</summary>
    private sealed class PartOfAPage(GuardedMemory ram, GuestRange range) : IBackingMemory
    {
        public IReadOnlyList<GuestRange> Ranges { get; } = [range];

        public bool TryRead(GuestAddress address, Span<byte> destination) => false;

        public bool TryWrite(GuestAddress address, ReadOnlySpan<byte> source) => false;

        public bool TryGetReadOnlySpan(GuestAddress address, int length, out ReadOnlySpan<byte> span)
        {
            span = ram.Bank(0)[..length];
            return true;
        }

        public bool TryGetWritableSpan(GuestAddress address, int length, out Span<byte> span)
        {
            span = ram.Bank(0)[..length];
            return true;
        }

        public bool TryClear(GuestRange range) => false;

        public bool TryCompareExchange(GuestAddress address, int size, ulong expected, ulong desired, out ulong observed)
        {
            observed = 0;
            return false;
        }

        public bool TryCompareExchange(GuestAddress address, UInt128 expected, UInt128 desired, out UInt128 observed)
        {
            observed = 0;
            return false;
        }

        public void Dispose()
        {
        }
    }
}
