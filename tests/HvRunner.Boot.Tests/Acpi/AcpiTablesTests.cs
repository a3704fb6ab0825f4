using System.Buffers.Binary;
using System.Text;
using HvRunner.Abstractions;
using HvRunner.Boot.Acpi;
using HvRunner.Fakes;

namespace HvRunner.Boot.Tests.Acpi;

/// <summary>The tables as an operating system finds them: from pointer to pointer through guest memory.</summary>
public sealed class AcpiTablesTests
{
    [Fact]
    public void Rsdp_IsSummedForBothRevisionsAndNamesBothLists()
    {
        var (memory, tables) = Written(TestBoards.Board());
        Assert.Equal(TestBoards.Area.Start, tables.Rsdp);
        var rsdp = Bytes(memory, tables.Rsdp, 36);
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(rsdp, 0, 8));
        Assert.Equal(2, rsdp[15]);
        Assert.Equal((0, 0), (Sum(rsdp[..20]), Sum(rsdp)));
        var rsdt = Table(memory, Word(rsdp, 16));
        var xsdt = Table(memory, BinaryPrimitives.ReadUInt64LittleEndian(rsdp.AsSpan(24)));
        Assert.Equal((36 + (4 * 3), 36 + (8 * 3)), (rsdt.Length, xsdt.Length));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(Word(rsdt, 36 + (4 * i)), BinaryPrimitives.ReadUInt64LittleEndian(xsdt.AsSpan(36 + (8 * i))));
        }

        Assert.Equal(["FACP", "APIC", "HPET"], Enumerable.Range(0, 3).Select(i => SignatureAt(memory, Word(rsdt, 36 + (4 * i)))));
    }

    [Fact]
    public void Fadt_NamesFacsAndDsdt()
    {
        var (memory, _) = Written(TestBoards.Board());
        var fadt = Find(memory, "FACP");
        Assert.Equal(276, fadt.Length);
        Assert.Equal((6, 3), (fadt[8], fadt[131]));
        Assert.Equal("FACS", SignatureAt(memory, Word(fadt, 36)));
        Assert.Equal(0u, Word(fadt, 132));
        Assert.Equal("DSDT", SignatureAt(memory, Word(fadt, 40)));
        Assert.Equal(Word(fadt, 40), Word(fadt, 140));
        Assert.Equal(TestBoards.NonVolatile.Start.Value, Word(fadt, 36));
    }

    [Fact]
    public void Fadt_RegisterBlocks_AreTheSameInBothForms()
    {
        var (memory, _) = Written(TestBoards.Board());
        var fadt = Find(memory, "FACP");
        Assert.Equal((0x600u, 0x604u, 0x608u), (Word(fadt, 56), Word(fadt, 64), Word(fadt, 76)));
        Assert.Equal([4, 2, 0, 4], fadt[88..92]);
        Assert.Equal([1, 32, 0, 2, 0x00, 6, 0, 0], fadt[148..156]);
        Assert.Equal([1, 16, 0, 2, 0x04, 6, 0, 0], fadt[172..180]);
        Assert.Equal([1, 32, 0, 3, 0x08, 6, 0, 0], fadt[208..216]);
        Assert.Equal([1, 8, 0, 1, 0xf9, 0xc, 0, 0, 0, 0, 0, 0, 6], fadt[116..129]);
    }

    [Fact]
    public void Madt_HasProcessorsIoApicOverridesAndNmi()
    {
        var (memory, _) = Written(TestBoards.Board(processors: 2));
        var madt = Find(memory, "APIC");
        Assert.Equal((0xfee0_0000u, 1u), (Word(madt, 36), Word(madt, 40)));
        Assert.Equal(
            [
                0, 8, 0, 0, 1, 0, 0, 0,
                0, 8, 1, 1, 1, 0, 0, 0,
                1, 12, 0xf0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,
                2, 10, 0, 0, 2, 0, 0, 0, 0, 0,
                2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0,
                4, 6, 0xff, 0, 0, 1,
            ],
            madt[44..]);
    }

    [Fact]
    public void Madt_ProcessorsBeyond8Bits_AreX2Apic()
    {
        var (memory, _) = Written(TestBoards.Board(processors: 257));
        var madt = Find(memory, "APIC");
        Assert.Equal([9, 16, 0, 0, 0xff, 0, 0, 0, 1, 0, 0, 0, 0xff, 0, 0, 0], madt[(44 + (255 * 8))..][..16]);
        Assert.Equal([10, 12, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0], madt[^12..]);
    }

    [Fact]
    public void Hpet_RepeatsTheBlocksCapabilities()
    {
        var (memory, _) = Written(TestBoards.Board());
        var hpet = Find(memory, "HPET");
        Assert.Equal(0x8086_a201u, Word(hpet, 36));
        Assert.Equal([0, 0, 0, 0, 0, 0, 0xd0, 0xfe, 0, 0, 0, 0, 0, 0x88, 0x13, 0], hpet[40..]);
    }

    [Fact]
    public void Dsdt_HasTheBytesOfS5AndOfAnEisaId()
    {
        var (memory, _) = Written(TestBoards.Board());
        var dsdt = Table(memory, Word(Find(memory, "FACP"), 40));
        Assert.Equal([0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x07, 0x04, 0x0a, 0x05, 0x00, 0x00, 0x00], dsdt[36..49]);
        Assert.True(dsdt.AsSpan().IndexOf(new byte[] { 0x0c, 0x41, 0xd0, 0x05, 0x01 }) > 0, "PNP0501 was expected");
    }

    [Fact]
    public void Tables_LieInTheirAreasAndDoNotOverlap()
    {
        var random = new Random(5);
        for (var i = 0; i < 50; i++)
        {
            var tables = TestBoards.Make(TestBoards.Board(random.Next(1, 400))).Tables;
            var ranges = tables.Select(table => new GuestRange(table.Address, (ulong)table.Content.Length)).ToList();
            Assert.All(ranges.Skip(1), range => Assert.True(TestBoards.Area.Contains(range.Start, range.SizeBytes)));
            Assert.True(TestBoards.NonVolatile.Contains(ranges[0].Start, ranges[0].SizeBytes));
            Assert.All(ranges, range => Assert.Single(ranges, other => other.Overlaps(range)));
        }
    }

    [Theory]
    [InlineData(0xe_1000, 0x200, 0xe_0000)]
    [InlineData(0xe_1008, 0xf000, 0xe_0000)]
    [InlineData(0xe_1000, 0xf000, 0xe_0020)]
    [InlineData(0x1_0000_0000, 0xf000, 0xe_0000)]
    [InlineData(0xe_1000, 0xf000, 0xffff_ffff_ffff_ffc0)]
    public void UnfitAreas_AreRefused(ulong start, ulong size, ulong nonVolatile)
    {
        Assert.Throws<ArgumentException>(() => AcpiTables.Make(
            TestBoards.Board(), new GuestRange(new GuestAddress(start), size), new GuestRange(new GuestAddress(nonVolatile), 64)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1COM")]
    [InlineData("COM12")]
    [InlineData("com1")]
    public void UnfitNames_AreRefused(string name)
    {
        var board = TestBoards.Board() with { Devices = [new AcpiDevice(name, "PNP0501", [])] };
        Assert.Throws<ArgumentException>(() => TestBoards.Make(board));
    }

    [Fact]
    public void TryWrite_IsFalseWhereThereIsNoMemory() =>
        Assert.False(TestBoards.Make(TestBoards.Board()).TryWrite(new ArrayGuestMemory(0xe_1100)));

    private static (ArrayGuestMemory Memory, AcpiTables Tables) Written(AcpiDescription board)
    {
        var memory = new ArrayGuestMemory(1 << 20);
        var tables = TestBoards.Make(board);
        Assert.True(tables.TryWrite(memory));
        return (memory, tables);
    }

    private static byte[] Find(ArrayGuestMemory memory, string signature)
    {
        var rsdt = Table(memory, Word(Bytes(memory, TestBoards.Area.Start, 36), 16));
        var address = Enumerable.Range(0, (rsdt.Length - 36) / 4).Select(i => Word(rsdt, 36 + (4 * i))).Single(at => SignatureAt(memory, at) == signature);
        return Table(memory, address);
    }

    private static byte[] Table(ArrayGuestMemory memory, ulong address)
    {
        var length = (int)Word(Bytes(memory, new GuestAddress(address), 8), 4);
        var table = Bytes(memory, new GuestAddress(address), length);
        Assert.Equal(0, Sum(table));
        return table;
    }

    private static string SignatureAt(ArrayGuestMemory memory, ulong address) => Encoding.ASCII.GetString(Bytes(memory, new GuestAddress(address), 4));

    private static int Sum(byte[] bytes) => bytes.Sum(value => value) & 0xff;

    private static uint Word(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static byte[] Bytes(ArrayGuestMemory memory, GuestAddress address, int length)
    {
        var bytes = new byte[length];
        Assert.True(memory.TryRead(address, bytes));
        return bytes;
    }
}
