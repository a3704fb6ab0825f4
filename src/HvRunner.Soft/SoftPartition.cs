using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <summary>
/// One guest on the soft processor. Nothing is held that the host would have to be given back: guest RAM belongs to whoever allocated it. With
/// several vCPUs one thread is to run them in turn, each for a fixed number of instructions, so that a run stays a function of its input.
/// </summary>
internal sealed class SoftPartition : IPartition
{
    internal SoftPartition(PartitionConfig config, VirtualClock? clock)
    {
        Vcpus = [new SoftVcpu(0, config.Memory, config.CpuidOf(0), clock)];
    }

    public IReadOnlyList<IVcpu> Vcpus { get; }

    public void Dispose()
    {
    }
}
