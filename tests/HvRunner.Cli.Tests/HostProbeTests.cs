using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Launch;
using HvRunner.Machine.Probes;
using HvRunner.Soft;

namespace HvRunner.Cli.Tests;

/// <summary>The probe guest that hvrun carries, on hypervisors that refuse. On a real one, doctor itself runs it.</summary>
public sealed class HostProbeTests
{
    [Fact]
    public void RefusingHypervisor_IsASentence()
    {
        using var guest = CarriedGuest.Open("probe");
        var result = HostProbe.Run(new RefusingHypervisor(), guest);

        Assert.True(result.Refused);
        Assert.Contains("no memory for you", result.Failure, StringComparison.Ordinal);
        Assert.Null(result.SoftwareAssisted);
        Assert.Null(HostProbe.IsSoftwareAssisted(new RefusingHypervisor(), guest));
    }

    [Fact]
    public void MalformedGuest_IsASentence()
    {
        using var guest = new MemoryImageSource("nonsense", new byte[100]);
        var result = HostProbe.Run(new RefusingHypervisor(), guest);

        Assert.NotNull(result.Failure);
        Assert.False(result.Refused);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(64, 2)]
    public void WholeProbe_HasTwoVcpusWhereThereMayBe(int most, int expected)
    {
        using var guest = CarriedGuest.Open("probe");
        using var soft = new SoftHypervisor();
        var hypervisor = new RefusingHypervisor { MaxVcpus = most, Memory = soft };
        var result = HostProbe.Run(hypervisor, guest);

        Assert.Contains("no partition either", result.Failure, StringComparison.Ordinal);
        Assert.Null(HostProbe.IsSoftwareAssisted(hypervisor, guest));
        Assert.Equal([expected, 1], hypervisor.VcpusAsked);
    }

    private sealed class RefusingHypervisor : IHypervisor
    {
        /// <summary>Whose memory it has; without, it has none.</summary>
        public SoftHypervisor? Memory { get; init; }

        public List<int> VcpusAsked { get; } = [];

        public string Name => "refusing";

        public int ApiVersion => 0;

        public IReadOnlyList<IrqchipMode> IrqchipModes { get; } = [IrqchipMode.Kernel];

        public int MaxVcpus { get; init; } = 1;

        public IReadOnlyList<CpuidLeaf> GetSupportedCpuid(IrqchipMode irqchip) => [];

        public IBackingMemory AllocateMemory(IReadOnlyList<GuestRange> ranges) => Memory?.AllocateMemory(ranges) ?? throw new HypervisorException("no memory for you");

        public IPartition CreatePartition(PartitionConfig config)
        {
            VcpusAsked.Add(config.VcpuCount);
            throw new HypervisorException("no partition either");
        }

        public void Dispose()
        {
        }
    }
}
