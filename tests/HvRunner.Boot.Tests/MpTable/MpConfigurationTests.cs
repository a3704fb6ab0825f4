using System.Buffers.Binary;
using System.Text;
using HvRunner.Abstractions;
using HvRunner.Boot.MpTable;
using HvRunner.Boot.Platform;
using HvRunner.Boot.Tests.Acpi;

namespace HvRunner.Boot.Tests.MpTable;

/// <summary>The tables as the MP specification lays them out.</summary>
public sealed class MpConfigurationTests
{
    private static readonly GuestAddress Address = new(0xf_0000);

    [Fact]
    public void FloatingPointer_NamesTheTableBehindIt()
    {
        var bytes = Make(TestBoards.Topology(2));
        Assert.Equal("_MP_", Encoding.ASCII.GetString(bytes, 0, 4));
        Assert.Equal(0xf_0010u, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)));
        Assert.Equal([1, 4], bytes[8..10]);
        Assert.Equal([0, 0, 0, 0, 0], bytes[11..16]);
        Assert.Equal(0, bytes[..16].Sum(value => value) & 0xff);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(255)]
    public void Header_HasLengthCountSumAndLocalApic(int processors)
    {
        var table = Make(TestBoards.Topology(processors))[16..];
        Assert.Equal("PCMP", Encoding.ASCII.GetString(table, 0, 4));
        Assert.Equal(table.Length, BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(4)));
        Assert.Equal(4, table[6]);
        Assert.Equal(0, table.Sum(value => value) & 0xff);
        Assert.Equal(Entries(table).Count, BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(34)));
        Assert.Equal(0xfee0_0000u, BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(36)));
    }

    [Fact]
    public void Processors_TheFirstStartsTheSystem()
    {
        var processors = Entries(Make(TestBoards.Topology(3))[16..]).Where(entry => entry[0] == 0).ToList();
        Assert.Equal([0, 1, 2], processors.Select(entry => entry[1]));
        Assert.Equal([3, 1, 1], processors.Select(entry => entry[3]));
        Assert.All(processors, entry => Assert.Equal([0x12, 0x06, 0, 0, 0xff, 0xfb, 0x8b, 0x07], entry[4..12]));
    }

    [Fact]
    public void Processors_WithIdsBeyond8Bits_AreLeftOut() =>
        Assert.Equal(255, Entries(Make(TestBoards.Topology(300))[16..]).Count(entry => entry[0] == 0));

    [Fact]
    public void Interrupts_AreIsaWithTheirOverrides()
    {
        var interrupts = Entries(Make(TestBoards.Topology(1))[16..]).Where(entry => entry[0] == 3).ToList();
        Assert.Equal([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], interrupts.Select(entry => entry[5]));
        Assert.Equal([2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], interrupts.Select(entry => entry[7]));
        Assert.All(interrupts, entry => Assert.Equal((0, 0xf0, entry[5] == 9 ? 0x0d : 0), (entry[1], entry[6], entry[2])));
    }

    [Fact]
    public void Interrupts_WithoutIoApic_AreNone()
    {
        var entries = Entries(Make(TestBoards.Topology(1) with { IoApics = [] })[16..]);
        Assert.DoesNotContain(entries, entry => entry[0] is 2 or 3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LocalInterrupts_AreExtIntAndNmiAtEveryProcessor(bool hasPic)
    {
        var local = Entries(Make(TestBoards.Topology(1) with { HasPic8259 = hasPic })[16..]).Where(entry => entry[0] == 4).ToList();
        byte[][] expected = [[4, 3, 0, 0, 0, 0, 0xff, 0], [4, 1, 0, 0, 0, 0, 0xff, 1]];
        Assert.Equal(hasPic ? expected : expected[1..], local);
    }

    [Fact]
    public void Entries_StandInTheOrderOfTheirKinds()
    {
        var kinds = Entries(Make(TestBoards.Topology(4))[16..]).Select(entry => entry[0]).ToList();
        Assert.Equal(kinds.Order(), kinds);
    }

    [Theory]
    [InlineData(0xf_0008)]
    [InlineData(0x1_0000_0000)]
    [InlineData(0xffff_fff0)]
    public void UnfitAddress_IsRefused(ulong address) =>
        Assert.Throws<ArgumentException>(() => MpConfiguration.Make(TestBoards.Topology(1), 0, 0, new GuestAddress(address)));

    private static byte[] Make(InterruptTopology topology) => MpConfiguration.Make(topology, 0x612, 0x078b_fbff, Address);

    private static List<byte[]> Entries(byte[] table)
    {
        var entries = new List<byte[]>();
        for (var at = 44; at < table.Length;)
        {
            var length = table[at] == 0 ? 20 : 8;
            entries.Add(table[at..(at + length)]);
            at += length;
        }

        return entries;
    }
}
