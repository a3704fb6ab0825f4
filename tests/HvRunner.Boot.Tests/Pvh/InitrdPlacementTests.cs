using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;
using HvRunner.Fakes;

namespace HvRunner.Boot.Tests.Pvh;

public class InitrdPlacementTests
{
    private static GuestRange Range(ulong start, ulong end) => new(new GuestAddress(start), end - start);

    private static MemoryMapEntry Ram(ulong start, ulong end) => new(new GuestAddress(start), end - start, MemoryMapType.Ram);

    private static ulong? Find(ulong size, UsableRam ram, ulong limit = 1ul << 32, params GuestRange[] taken) =>
        InitrdPlacement.Find(size, ram, limit, [.. taken.Select(range => new PlacedRange("taken", range))])?.Value;

    private static UsableRam Flat(ulong size, params MemoryMapEntry[] map) =>
        new(new ArrayGuestMemory((int)size), map.Length == 0 ? [Ram(0, size)] : map);

    [Theory]
    [InlineData(1, 0x1ff000)]
    [InlineData(4096, 0x1ff000)]
    [InlineData(4097, 0x1fe000)]
    [InlineData(0x200000, 0)]
    public void Place_IsPageAlignedAndAsHighAsPossible(ulong size, ulong expected) => Assert.Equal(expected, Find(size, Flat(0x200000)));

    [Fact]
    public void Place_KeepsItsLastPageToItself() => Assert.Equal(0x1fd000ul, Find(4097, Flat(0x200000), taken: Range(0x1ff800, 0x200000)));

    [Fact]
    public void Place_StaysBelowTheLimit() => Assert.Equal(0xff000ul, Find(1, Flat(0x200000), limit: 0x100000));

    [Fact]
    public void Place_AvoidsWhatIsTaken()
    {
        var ram = Flat(0x200000);
        Assert.Equal(0x17f000ul, Find(0x1000, ram, taken: [Range(0x180000, 0x200000)]));
        Assert.Equal(0x1c0000ul, Find(0x10000, ram, taken: [Range(0x1f8000, 0x1f9000), Range(0x1d0000, 0x1e9000)]));
        Assert.Null(Find(0x100001, ram, taken: [Range(0x100000, 0x100001)]));
    }

    [Fact]
    public void Place_TakesALowerRegionWhenTheHighestIsTooSmall()
    {
        var ram = Flat(0x400000, Ram(0, 0x9fc00), Ram(0x100000, 0x300000), Ram(0x380000, 0x390000));
        Assert.Equal(0x380000ul, Find(0x10000, ram));
        Assert.Equal(0x200000ul, Find(0x100000, ram));
        Assert.Null(Find(0x200001, ram));
    }

    [Fact]
    public void Place_NeverGoesAbove4GiB()
    {
        var memory = new ArrayGuestMemory([Range(0, 0x200000), Range(0x1_0000_0000, 0x1_0040_0000)]);
        var ram = new UsableRam(memory, [Ram(0, 0x200000), Ram(0x1_0000_0000, 0x1_0040_0000)]);
        Assert.Equal(0x100000ul, Find(0x100000, ram));
        Assert.Null(Find(0x300000, ram));
    }

    [Fact]
    public void Regions_AreWhatMemoryAndMapAgreeOn()
    {
        var memory = new ArrayGuestMemory([Range(0, 0x10000), Range(0x10000, 0x20000), Range(0x40000, 0x50000)]);
        var ram = new UsableRam(memory, [Ram(0x1000, 0x2000), Ram(0x2000, 0x18000), Ram(0x48000, ulong.MaxValue)]);
        Assert.Equal([Range(0x1000, 0x10000), Range(0x10000, 0x18000), Range(0x48000, 0x50000)], ram.Regions);
        Assert.True(ram.Holds(Range(0x1800, 0x2800)));
        Assert.False(ram.Holds(Range(0xf000, 0x11000)));
    }

    [Fact]
    public void Load_PlacesClearOfKernelAndTables()
    {
        // The kernel ends at 2 MiB less a byte, RAM as well: only low memory is left, up to the command line's and the tables' places.
        var kernel = TestKernels.Parse(TestKernels.Minimal().Load(0x110000, [1], memorySize: 0xeffff));
        var request = TestKernels.Request(kernel, 2 << 20) with { Initrd = new MemoryImageSource("i", new byte[0x70000]), CommandLine = "x" };
        Assert.Equal(0x2f000ul, PvhBoot.Load(request).Initrd!.Value.Start.Value);
    }
}
