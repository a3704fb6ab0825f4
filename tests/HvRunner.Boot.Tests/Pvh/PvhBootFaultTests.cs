using HvRunner.Abstractions;
using HvRunner.Boot.Pvh;

namespace HvRunner.Boot.Tests.Pvh;

/// <summary>What does not fit the machine is refused before anything is written, with the facts.</summary>
public class PvhBootFaultTests
{
    private static PvhBootRequest Minimal(int memoryBytes = 4 << 20) => TestKernels.Request(TestKernels.Parse(TestKernels.Minimal()), memoryBytes);

    private static PvhBootRequest Linux() => TestKernels.Request(TestKernels.Parse(TestKernels.LinuxLike()));

    private static PvhBootRequest At(ulong paddr, ulong size = 0x100) => TestKernels.Request(TestKernels.Parse(
        TestKernels.Minimal().Load(paddr, [1], memorySize: size)));

    private static void AssertOnly(PvhBootRequest request, InputFaultKind kind, params string[] facts)
    {
        var guarded = new GuardedGuestMemory(request.Memory);
        var sentence = TestKernels.OnlySentence(() => PvhBoot.Load(request with { Memory = guarded }), kind);
        Assert.All(facts, fact => Assert.Contains(fact, sentence, StringComparison.Ordinal));
        Assert.Empty(guarded.Written);
    }

    [Fact]
    public void Segment_BeyondTheRamSaysHowMuchMemoryIsNeeded() => AssertOnly(
        At(0x3fff00, 0x200), InputFaultKind.BadInput, "vmlinux: segment 2", "0x3fff00-0x4000ff", "0x100000-0x3fffff", "at least 5 MiB (--memory 5M)");

    [Theory]
    [InlineData(0x9fb00, 0x200)] // into the reserved part
    [InlineData(0xb8000, 0x100)] // in the hole of the map, though the array has it
    [InlineData(0xffff0, 0x8)]
    public void Segment_OutsideTheMapsRam(ulong paddr, ulong size) =>
        AssertOnly(At(paddr, size), InputFaultKind.BadInput, $"0x{paddr:x}-", "link the kernel to where there is RAM");

    [Theory]
    [InlineData(0xc0000000)]
    [InlineData(0xfee00000)]
    [InlineData(0x8000000000000000)]
    public void Segment_AboveTheRamBelow4GiB(ulong paddr) =>
        AssertOnly(At(paddr), InputFaultKind.BadInput, $"0x{paddr:x}-", "link the kernel to where there is RAM");

    [Fact]
    public void Segment_MustBeInTheActualRamAsWell() => AssertOnly(
        Minimal() with { Kernel = At(0x600000).Kernel, MemoryMap = TestKernels.Map(16 << 20) }, InputFaultKind.BadInput, "0x600000-0x6000ff", "0x100000-0x3fffff");

    [Theory]
    [InlineData(0x400, "descriptor table at 0x500-0x51f")]
    [InlineData(0x5fff, "start info at 0x6000-0x6037")]
    [InlineData(0x7000, "memory map at 0x7000-0x705f")]
    public void Segment_OverHvrunsTables(ulong paddr, string table) =>
        AssertOnly(At(paddr, 0x101), InputFaultKind.BadInput, $"0x{paddr:x}-", table, "0x100000 or above");

    [Fact]
    public void Segment_OverTheCommandLineAndTheModuleListOnlyWhereTheyAreUsed()
    {
        PvhBoot.Load(At(0x20000));
        AssertOnly(At(0x20000) with { CommandLine = "x" }, InputFaultKind.BadInput, "command line at 0x20000-0x20001");
        PvhBoot.Load(At(0x6040, 8));
        AssertOnly(At(0x6040, 8) with { Initrd = new MemoryImageSource("i", new byte[1]) }, InputFaultKind.BadInput, "module list at 0x6040-0x605f");
    }

    [Fact]
    public void Memory_TooSmallForTheTables()
    {
        var request = Minimal() with { MemoryMap = [new(new GuestAddress(0x100000), 0x300000, MemoryMapType.Ram)] };
        var faults = TestKernels.Faults(() => PvhBoot.Load(request));
        Assert.Equal(3, faults.Count);
        Assert.All(faults, fault => Assert.Equal(InputFaultKind.Usage, fault.Kind));
        Assert.Contains("start info takes 0x6000-0x6037", faults[1].Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(127)]
    public void MemoryMap_OfTooManyOrNoEntries(int count)
    {
        var map = Enumerable.Repeat(new MemoryMapEntry(new GuestAddress(1 << 30), 1, MemoryMapType.Reserved), count)
            .Concat(count == 0 ? [] : TestKernels.Map(4 << 20)).Take(count);
        var faults = TestKernels.Faults(() => PvhBoot.Load(Minimal() with { MemoryMap = [.. map] }));
        Assert.Contains(faults, fault => fault.Sentence.Contains($"{count} entries", StringComparison.Ordinal) && fault.Sentence.Contains("126", StringComparison.Ordinal));
    }

    [Fact]
    public void MemoryMap_Of126EntriesIsTaken()
    {
        var filler = Enumerable.Range(0, 122).Select(i => new MemoryMapEntry(new GuestAddress((1ul << 32) + (ulong)i), 1, MemoryMapType.Reserved));
        PvhBoot.Load(Minimal() with { MemoryMap = [.. TestKernels.Map(4 << 20), .. filler] });
    }

    [Fact]
    public void CommandLine_OfLinuxHasUpTo2047Bytes()
    {
        PvhBoot.Load(Linux() with { CommandLine = new string('x', 2047) });
        AssertOnly(Linux() with { CommandLine = new string('x', 2048) }, InputFaultKind.BadInput, "command line", "2048 bytes", "Linux", "2047");
        AssertOnly(Linux() with { CommandLine = new string('ä', 1024) }, InputFaultKind.BadInput, "2048 bytes");
    }

    [Fact]
    public void CommandLine_HasToFitItsArea()
    {
        PvhBoot.Load(Minimal() with { CommandLine = new string('x', 0xffff) });
        AssertOnly(Minimal() with { CommandLine = new string('x', 0x10000) }, InputFaultKind.BadInput, "65536 bytes", "65535");
    }

    [Fact]
    public void CommandLine_WithNul() => AssertOnly(Minimal() with { CommandLine = "ab\0c" }, InputFaultKind.BadInput, "NUL", "position 2");

    [Fact]
    public void CommandLine_ThatIsNotEncodable() =>
        AssertOnly(Minimal() with { CommandLine = "ab\ud800c" }, InputFaultKind.BadInput, "not encodable", "position 2");

    [Fact]
    public void Initrd_Empty() =>
        AssertOnly(Minimal() with { Initrd = new MemoryImageSource("root.cpio", default) }, InputFaultKind.BadInput, "root.cpio: ", "empty");

    [Fact]
    public void Initrd_TooLargeSaysHowMuchMemoryIsNeeded()
    {
        var request = Minimal() with { Initrd = new MemoryImageSource("root.cpio", new byte[3 << 20]) };
        AssertOnly(request, InputFaultKind.BadInput, "root.cpio: ", "3145728 bytes", "at least 5 MiB (--memory 5M)");

        // And that much is enough.
        PvhBoot.Load(request with { Memory = new HvRunner.Fakes.ArrayGuestMemory(5 << 20), MemoryMap = TestKernels.Map(5 << 20) });
    }

    [Fact]
    public void Initrd_TooLargeForAnyMachine() => AssertOnly(
        Minimal() with { Initrd = new HugeSource("root.cpio", 5L << 30) }, InputFaultKind.BadInput, "below 0xc0000000", "smaller");

    [Fact]
    public void SeveralFaults_AreAllListed()
    {
        var request = At(0x800000) with { CommandLine = "a\0b", Initrd = new MemoryImageSource("root.cpio", default) };
        var faults = TestKernels.Faults(() => PvhBoot.Load(request));
        Assert.Equal(3, faults.Count);
        Assert.Contains(faults, fault => fault.Sentence.Contains("NUL", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Sentence.Contains("segment 2", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.Sentence.Contains("root.cpio", StringComparison.Ordinal));
    }

    [Fact]
    public void File_ThatShrinksWhileItIsLoaded()
    {
        var request = Minimal() with { Initrd = new HugeSource("root.cpio", 4096) };
        var sentence = TestKernels.OnlySentence(() => PvhBoot.Load(request));
        Assert.Contains("root.cpio: ", sentence, StringComparison.Ordinal);
        Assert.Contains("became shorter", sentence, StringComparison.Ordinal);
    }

    /// <summary>Says that it is long, and has nothing.</summary>
    private sealed class HugeSource(string name, long length) : IImageSource
    {
        public string Name => name;

        public long LengthBytes => length;

        public bool TryRead(long offset, Span<byte> destination) => false;

        public void Dispose()
        {
        }
    }
}
