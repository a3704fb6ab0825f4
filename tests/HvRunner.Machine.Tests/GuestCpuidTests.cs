using HvRunner.Abstractions;

namespace HvRunner.Machine.Tests;

public class GuestCpuidTests
{
    private static readonly CpuidLeaf[] Host =
    [
        Leaf(0, eax: 0x1f),
        Leaf(1, ebx: 0x5a20_0800, ecx: 0x0000_0001, edx: 0x1000_0001),
        Leaf(4, eax: 0xfc00_0121, index: 0),
        Leaf(4, eax: 0xfc00_c163, index: 3),
        Leaf(4, eax: 0, index: 4),
        Leaf(7, ebx: 0x1234, index: 0),
        Leaf(0xb, eax: 9, ebx: 99, ecx: 0x999, edx: 77, index: 0),
        Leaf(0x1f, eax: 9, ebx: 99, index: 0),
        Leaf(0x4000_0001, eax: 0x0101_28fb),
        Leaf(0x8000_0001, ecx: 2),
        Leaf(0x8000_0008, eax: 0x3030, ecx: 0x7007),
        Leaf(0x8000_001e, eax: 5, ebx: 5, ecx: 5),
    ];

    [Theory]
    [InlineData(1u, 1u << 24, true)]
    [InlineData(1u, ~(1u << 24), false)]
    [InlineData(2u, 1u << 24, false)]
    public void TscDeadline_IsABitOfLeaf1(uint function, uint ecx, bool expected) =>
        Assert.Equal(expected, GuestCpuid.HasTscDeadline([new(function, 0, false, 0, 0, ecx, 0)]));

    [Fact]
    public void PhysicalAddressBits_AreTheLeafsOrTheLeast()
    {
        Assert.Equal(48, GuestCpuid.PhysicalAddressBits(Host));
        Assert.Equal(36, GuestCpuid.PhysicalAddressBits([]));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(4, 3)]
    [InlineData(200, 199)]
    public void Leaf1_CarriesTheVcpusOwnApicIdAndCount(int count, int index)
    {
        var leaf = Find(GuestCpuid.Of(Host, count, index), 1);
        Assert.Equal((uint)index, leaf.Ebx >> 24);
        Assert.Equal(0x0800u, leaf.Ebx & 0xffff);
        Assert.True(((leaf.Ebx >> 16) & 0xff) >= Math.Min(count, 255));
        Assert.Equal(0x8000_0001u, leaf.Ecx);
        Assert.Equal(count > 1, (leaf.Edx & (1 << 28)) != 0);
    }

    [Theory]
    [InlineData(0xbu)]
    [InlineData(0x1fu)]
    public void Topology_IsOnePackageOfOneThreadACore(uint function)
    {
        var levels = GuestCpuid.Of(Host, 4, 3).Where(leaf => leaf.Function == function).OrderBy(leaf => leaf.Index).ToList();
        Assert.Equal([0u, 1u, 2u], levels.Select(leaf => leaf.Index));
        Assert.All(levels, leaf => Assert.Equal(3u, leaf.Edx));
        Assert.Equal((0u, 1u, 0x100u), (levels[0].Eax, levels[0].Ebx, levels[0].Ecx));
        Assert.Equal((2u, 4u, 0x201u), (levels[1].Eax, levels[1].Ebx, levels[1].Ecx));
        Assert.Equal((0u, 0u, 2u), (levels[2].Eax, levels[2].Ebx, levels[2].Ecx));
    }

    [Fact]
    public void Topology_IsNotInventedForAnOldProcessor() =>
        Assert.DoesNotContain(GuestCpuid.Of([Leaf(0, eax: 7), Leaf(1)], 2, 0), leaf => leaf.Function is 0xb or 0x1f);

    [Fact]
    public void MachinesClock_IsToldInKvmsLeavesWithItsFrequency()
    {
        var leaves = GuestCpuid.Of([Leaf(0, eax: 7), Leaf(1)], 1, 0, timestampHz: 2_894_561_000);
        var signature = Find(leaves, 0x4000_0000);
        Assert.Equal("KVMKVMKVM\0\0\0", System.Text.Encoding.ASCII.GetString([.. new[] { signature.Ebx, signature.Ecx, signature.Edx }.SelectMany(BitConverter.GetBytes)]));
        Assert.Equal(0x0100_000bu, Find(leaves, 0x4000_0001).Eax);
        var frequencies = Find(leaves, 0x4000_0010);
        Assert.Equal((2_894_561u, 1_000_000u), (frequencies.Eax, frequencies.Ebx));
        Assert.Equal(0x0100_002bu, Find(GuestCpuid.Of([Leaf(0, eax: 7), Leaf(1)], 2, 0, timestampHz: 1), 0x4000_0001).Eax);
        Assert.DoesNotContain(GuestCpuid.Of([Leaf(0, eax: 7), Leaf(1)], 2, 0), leaf => leaf.Function >> 28 == 4);
    }

    [Fact]
    public void KvmFeatures_LackThoseThatHypercallsServe() => Assert.Equal(0x0100_007bu, Find(GuestCpuid.Of(Host, 1, 0), 0x4000_0001).Eax);

    [Fact]
    public void Caches_AreSharedOnlyAtTheLastLevel()
    {
        var leaves = GuestCpuid.Of(Host, 4, 0).Where(leaf => leaf.Function == 4).ToDictionary(leaf => leaf.Index, leaf => leaf.Eax);
        Assert.Equal(0u, (leaves[0] >> 14) & 0xfff);
        Assert.Equal(3u, (leaves[3] >> 14) & 0xfff);
        Assert.Equal((3u, 3u), (leaves[0] >> 26, leaves[3] >> 26));
        Assert.Equal(0u, leaves[4]);
    }

    [Fact]
    public void AmdLeaves_NameTheVcpu()
    {
        var leaves = GuestCpuid.Of(Host, 4, 2);
        Assert.Equal((2u, 2u, 0u), (Find(leaves, 0x8000_001e).Eax, Find(leaves, 0x8000_001e).Ebx, Find(leaves, 0x8000_001e).Ecx));
        Assert.Equal((0x3030u, 0x2003u), (Find(leaves, 0x8000_0008).Eax, Find(leaves, 0x8000_0008).Ecx));
        Assert.Equal(0u, Find(GuestCpuid.Of(Host, 1, 0), 0x8000_0001).Ecx & 2);
    }

    [Fact]
    public void OtherLeaves_AreTheHosts() => Assert.Equal(Host[5], Find(GuestCpuid.Of(Host, 4, 2), 7));

    [Fact]
    public void NoLeaf_StandsTwice()
    {
        var leaves = GuestCpuid.Of(Host, 4, 2);
        Assert.Equal(leaves.Count, leaves.DistinctBy(leaf => (leaf.Function, leaf.Index)).Count());
    }

    private static CpuidLeaf Find(IReadOnlyList<CpuidLeaf> leaves, uint function) => leaves.First(leaf => leaf.Function == function);

    private static CpuidLeaf Leaf(uint function, uint eax = 0, uint ebx = 0, uint ecx = 0, uint edx = 0, uint? index = null) =>
        new(function, index ?? 0, index is not null, eax, ebx, ecx, edx);
}
