using HvRunner.Abstractions;
using HvRunner.Boot;
using HvRunner.Launch;
using HvRunner.Machine.Probes;

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

    private sealed class RefusingHypervisor : IHypervisor
    {
        public string Name => "refusing";

        public int ApiVersion => 0;

        public IReadOnlyList<IrqchipMode> IrqchipModes { get; } = [IrqchipMode.Kernel];

        public int MaxVcpus => 1;

        public IReadOnlyList<CpuidLeaf> GetSupportedCpuid(IrqchipMode irqchip) => [];

        public IBackingMemory AllocateMemory(IReadOnlyList<GuestRange> ranges) => throw new HypervisorException("no memory for you");

        public IPartition CreatePartition(PartitionConfig config) => throw new HypervisorException("no partition either");

        public void Dispose()
        {
        }
    }
}
