using System.Diagnostics;
using HvRunner.Abstractions;

namespace HvRunner.Soft;

/// <summary>
/// One guest on the soft processor. Nothing is held that the host would have to be given back: guest RAM belongs to whoever allocated it. Several vCPUs
/// run in turn, each for a fixed number of instructions, so that a run stays a function of its input.
/// </summary>
internal sealed class SoftPartition : IPartition
{
    internal SoftPartition(PartitionConfig config, VirtualClock? clock)
    {
        var vcpus = new List<SoftVcpu>();
        Func<long> nowNs = clock is null ? Stopwatch.GetTimestamp : () => clock.NowNs;
        var turns = config.VcpuCount > 1 ? new SoftTurns(config.VcpuCount, nowNs) : null;
        var originNs = nowNs();
        for (var index = 0; index < config.VcpuCount; index++)
        {
            vcpus.Add(new SoftVcpu(index, config.Memory, config.CpuidOf(index), clock, originNs, turns, vcpus));
        }

        Vcpus = vcpus;
    }

    public IReadOnlyList<IVcpu> Vcpus { get; }

    public void Dispose()
    {
    }
}
