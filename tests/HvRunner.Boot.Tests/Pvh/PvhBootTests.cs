using System.Buffers.Binary;
using System.Text;
using HvRunner.Abstractions;
using HvRunner.Boot.Elf;
using HvRunner.Boot.Pvh;

namespace HvRunner.Boot.Tests.Pvh;

public class PvhBootTests
{
    private static uint Word(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong Xword(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));

    [Theory]
    [InlineData(ElfClass.Elf32)]
    [InlineData(ElfClass.Elf64)]
    public void Segments_ArePlacedAndTheirTailIsZero(ElfClass elfClass)
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal(elfClass)));
        request.Memory.TryWrite(new GuestAddress(TestKernels.Base - 0x100), Enumerable.Repeat((byte)0xcc, 0x400).ToArray());
        PvhBoot.Load(request);

        byte[] expected = [.. TestKernels.Pattern(0x100), .. new byte[0x40]];
        Assert.Equal(expected, TestKernels.Bytes(request.Memory, TestKernels.Base, 0x140));
        Assert.Equal([0xcc, 0xcc], TestKernels.Bytes(request.Memory, TestKernels.Base - 2, 2));
        Assert.Equal([0xcc, 0xcc], TestKernels.Bytes(request.Memory, TestKernels.Base + 0x140, 2));
    }

    [Fact]
    public void Segments_OfLinuxGoToTheirPhysicalAddresses()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.LinuxLike()));
        var result = PvhBoot.Load(request);
        Assert.Equal(TestKernels.Pattern(0x180), TestKernels.Bytes(request.Memory, 0x202000, 0x180));
        Assert.Equal(0x200050u, result.Entry);
    }

    [Fact]
    public void StartInfo_EveryFieldWithEverythingPresent()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal())) with
        {
            CommandLine = "console=ttyS0 grüße",
            Initrd = new MemoryImageSource("initrd", TestKernels.Pattern(5000)),
            RsdpAddress = 0xe0000,
        };
        request.Memory.TryWrite(new GuestAddress(0x6000), Enumerable.Repeat((byte)0xff, 0x2000).ToArray());
        var result = PvhBoot.Load(request);

        Assert.Equal(0x6000u, result.StartInfoAddress);
        Assert.Equal(TestKernels.Entry, result.Entry);
        var info = TestKernels.Bytes(request.Memory, 0x6000, 57);
        Assert.Equal(0x336ec578u, Word(info, 0)); // magic
        Assert.Equal(1u, Word(info, 4)); // version
        Assert.Equal(0u, Word(info, 8)); // flags
        Assert.Equal(1u, Word(info, 12)); // nr_modules
        Assert.Equal(0x6040ul, Xword(info, 16)); // modlist_paddr
        Assert.Equal(0x20000ul, Xword(info, 24)); // cmdline_paddr
        Assert.Equal(0xe0000ul, Xword(info, 32)); // rsdp_paddr
        Assert.Equal(0x7000ul, Xword(info, 40)); // memmap_paddr
        Assert.Equal(4u, Word(info, 48)); // memmap_entries
        Assert.Equal(0u, Word(info, 52)); // reserved
        Assert.Equal(0xff, info[56]); // and not a byte more

        var text = Encoding.UTF8.GetBytes("console=ttyS0 grüße\0");
        Assert.Equal(text, TestKernels.Bytes(request.Memory, 0x20000, text.Length));
    }

    [Fact]
    public void StartInfo_PointersAre0WhenAbsent()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal()));
        PvhBoot.Load(request);
        var info = TestKernels.Bytes(request.Memory, 0x6000, 56);
        Assert.Equal(0u, Word(info, 12));
        Assert.Equal(0ul, Xword(info, 16));
        Assert.Equal(0ul, Xword(info, 24));
        Assert.Equal(0ul, Xword(info, 32));
        Assert.NotEqual(0ul, Xword(info, 40));
    }

    [Fact]
    public void ModuleList_HasTheInitrdFirstAndWithoutCommandLine()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal())) with { Initrd = new MemoryImageSource("initrd", TestKernels.Pattern(5000)) };
        request.Memory.TryWrite(new GuestAddress(0x6040), Enumerable.Repeat((byte)0xff, 0x40).ToArray());
        var result = PvhBoot.Load(request);

        var module = TestKernels.Bytes(request.Memory, 0x6040, 33);
        Assert.Equal(result.Initrd!.Value.Start.Value, Xword(module, 0));
        Assert.Equal(5000ul, Xword(module, 8));
        Assert.Equal(0ul, Xword(module, 16));
        Assert.Equal(0ul, Xword(module, 24));
        Assert.Equal(0xff, module[32]);
        Assert.Equal(TestKernels.Pattern(5000), TestKernels.Bytes(request.Memory, result.Initrd.Value.Start.Value, 5000));
    }

    [Fact]
    public void MemoryMap_IsPassedEntryByEntry()
    {
        MemoryMapEntry[] map =
        [
            .. TestKernels.Map(4 << 20),
            new(new GuestAddress(0x1_0000_0000), 0x40000000, MemoryMapType.PersistentMemory),
            new(new GuestAddress(0x2_0000_0000), 1, MemoryMapType.Acpi),
            new(new GuestAddress(0x3_0000_0000), 2, MemoryMapType.AcpiNvs),
            new(new GuestAddress(0x4_0000_0000), 3, MemoryMapType.Unusable),
            new(new GuestAddress(0x5_0000_0000), 4, MemoryMapType.Disabled),
        ];
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal())) with { MemoryMap = map };
        PvhBoot.Load(request);
        Assert.Equal((uint)map.Length, Word(TestKernels.Bytes(request.Memory, 0x6000, 56), 48));
        uint[] types = [1, 2, 2, 1, 7, 3, 4, 5, 6];
        for (var i = 0; i < map.Length; i++)
        {
            var entry = TestKernels.Bytes(request.Memory, 0x7000 + (ulong)(24 * i), 24);
            Assert.Equal(map[i].Address.Value, Xword(entry, 0));
            Assert.Equal(map[i].SizeBytes, Xword(entry, 8));
            Assert.Equal(types[i], Word(entry, 16));
            Assert.Equal(0u, Word(entry, 20));
        }
    }

    [Fact]
    public void Gdt_HasTheDescriptorsOfTheEntryState()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal()));
        PvhBoot.Load(request);
        var table = TestKernels.Bytes(request.Memory, 0x500, 32);
        ulong[] expected = [0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067];
        Assert.Equal(expected, Enumerable.Range(0, 4).Select(i => Xword(table, 8 * i)));
    }

    [Fact]
    public void Addresses_AreTheMachines()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal())) with
        {
            CommandLine = "x",
            Addresses = new PvhAddresses { Gdt = new(0x3000), StartInfo = new(0x9000), MemoryMap = new(0xa000), CommandLine = new(0xb000) },
        };
        var result = PvhBoot.Load(request);
        Assert.Equal(0x9000u, result.StartInfoAddress);
        var info = TestKernels.Bytes(request.Memory, 0x9000, 56);
        Assert.Equal(0xb000ul, Xword(info, 24));
        Assert.Equal(0xa000ul, Xword(info, 40));
        Assert.Equal(0x9bul, TestKernels.Bytes(request.Memory, 0x3008, 8)[5]);
        Assert.Equal(new byte[32], TestKernels.Bytes(request.Memory, 0x500, 32));
    }

    [Fact]
    public void Addresses_Above1GiBAreAMistakeOfTheMachine()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal())) with { Addresses = new PvhAddresses { MemoryMap = new(0x4000_0000) } };
        Assert.Throws<ArgumentException>(() => PvhBoot.Load(request));
    }

    [Fact]
    public void Load_WritesNothingButWhatItNames()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.LinuxLike())) with
        {
            CommandLine = "a b",
            Initrd = new MemoryImageSource("initrd", TestKernels.Pattern(4097)),
        };
        var guarded = new GuardedGuestMemory(request.Memory);
        var result = PvhBoot.Load(request with { Memory = guarded });
        Assert.Equal(0, guarded.Refused);
        Assert.All(guarded.Written, written => Assert.Contains(result.Ranges, placed => placed.Range.Contains(written.Start, written.SizeBytes)));
        Assert.Equal(
            ["command line", "descriptor table", "initrd", "memory map", "module list", "segment 0", "segment 1", "segment 2", "segment 3", "start info"],
            result.Ranges.Select(placed => placed.Name).Order());
    }

    [Fact]
    public void Bss_IsClearedAndNotWritten()
    {
        var request = TestKernels.Request(TestKernels.Parse(TestKernels.Minimal()));
        var guarded = new GuardedGuestMemory(request.Memory);
        PvhBoot.Load(request with { Memory = guarded });
        Assert.Equal([new GuestRange(new GuestAddress(0x100100), 0x40)], guarded.Cleared);
    }

    [Fact]
    public void Segment_At0IsAllowedWhereItIsClearOfTheTables()
    {
        var builder = new ElfBuilder(ElfClass.Elf32).Load(0, TestKernels.Pattern(0x400)).Notes(ElfBuilder.EntryNote(0x10));
        var request = TestKernels.Request(TestKernels.Parse(builder));
        PvhBoot.Load(request);
        Assert.Equal(TestKernels.Pattern(0x400), TestKernels.Bytes(request.Memory, 0, 0x400));
    }
}
