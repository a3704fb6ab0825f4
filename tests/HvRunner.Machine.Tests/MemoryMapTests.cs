using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Chipset.Serial;
using HvRunner.Fakes;

namespace HvRunner.Machine.Tests;

public class MemoryMapTests
{
    private const ulong Megabyte = 1UL << 20;
    private const ulong Gigabyte = 1UL << 30;

    public static TheoryData<ulong, (ulong Start, ulong Size)[]> Sizes => new()
    {
        { 16 * Megabyte, [(Megabyte, 15 * Megabyte)] },
        { 3 * Gigabyte, [(Megabyte, (3 * Gigabyte) - Megabyte)] },
        { (3 * Gigabyte) + 4096, [(Megabyte, (3 * Gigabyte) - Megabyte), (4 * Gigabyte, 4096)] },
        { 5 * Gigabyte, [(Megabyte, (3 * Gigabyte) - Megabyte), (4 * Gigabyte, 2 * Gigabyte)] },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Map_TellsTheRamAndTheHole(ulong size, (ulong Start, ulong Size)[] extended)
    {
        var map = (Config(size) with { Acpi = false }).MemoryMap();
        Assert.Equal(new MemoryMapEntry(new GuestAddress(0), 0x9fc00, MemoryMapType.Ram), map[0]);
        Assert.Equal(new MemoryMapEntry(new GuestAddress(0x9fc00), 0x60400, MemoryMapType.Reserved), map[1]);
        Assert.Equal(extended.Select(part => new MemoryMapEntry(new GuestAddress(part.Start), part.Size, MemoryMapType.Ram)), map.Skip(2));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Ram_AddsUpAndLeavesTheDevicesAndTheHypervisorsPagesFree(ulong size, (ulong Start, ulong Size)[] extended)
    {
        var ranges = MachineLayout.RamRanges(size);
        Assert.Equal(extended.Length, ranges.Count);
        Assert.Equal(size, ranges.Aggregate(0UL, (sum, range) => sum + range.SizeBytes));
        var hole = new GuestRange(new GuestAddress(3 * Gigabyte), Gigabyte);
        Assert.DoesNotContain(ranges, range => range.Overlaps(hole));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Map_WithAcpi_SetsItsAreasApart(ulong size, (ulong Start, ulong Size)[] extended)
    {
        var map = Config(size).MemoryMap();
        Assert.Equal(
            [
                new MemoryMapEntry(new GuestAddress(0), 0x9fc00, MemoryMapType.Ram),
                new MemoryMapEntry(new GuestAddress(0x9fc00), 0x40400, MemoryMapType.Reserved),
                new MemoryMapEntry(new GuestAddress(0xe0000), 0x1000, MemoryMapType.AcpiNvs),
                new MemoryMapEntry(new GuestAddress(0xe1000), 0xf000, MemoryMapType.Acpi),
                new MemoryMapEntry(new GuestAddress(0xf0000), 0x10000, MemoryMapType.Reserved),
                .. extended.Select(part => new MemoryMapEntry(new GuestAddress(part.Start), part.Size, MemoryMapType.Ram)),
            ],
            map);
    }

    private static MachineConfig Config(ulong size) => new()
    {
        MemoryBytes = size,
        Kernel = null!,
        ConsoleOutput = new ConsoleTail(null),
        ConsoleInput = new NoSerialInput(),
        Timers = new FakeTimerQueue(),
    };
}
