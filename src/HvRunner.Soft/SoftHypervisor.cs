using HvRunner.Abstractions;
using HvRunner.Host;

namespace HvRunner.Soft;

/// <summary>
/// The hypervisor that needs none: the processor of <c>HvRunner.Instructions</c> behind the contracts, so that a machine runs the same on every host.
/// It has no interrupt controllers of its own. Several vCPUs run in turn on one of the host's processors: see <see cref="SoftTurns"/>.
/// </summary>
public sealed class SoftHypervisor : IHypervisor, IHypervisorTimestamp
{
    /// <summary>What <c>--hypervisor</c> calls it.</summary>
    public const string ShortName = "soft";

    /// <summary>The largest number of vCPUs of one machine, known before one is made.</summary>
    public const int VcpuLimit = 64;

    private readonly VirtualClock? _clock;

    /// <summary>Makes one; nothing on the host is taken by it.</summary>
    /// <param name="clock">
    /// Guest time as a function of instructions and device accesses, or null for the host's time. It belongs to one partition: the machine's timer queue and wall clock
    /// must be its own.
    /// </param>
    public SoftHypervisor(VirtualClock? clock = null) => _clock = clock;

    /// <inheritdoc/>
    public string Name => ShortName;

    /// <inheritdoc/>
    public int ApiVersion => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IrqchipMode> IrqchipModes { get; } = [IrqchipMode.User];

    /// <inheritdoc/>
    public int MaxVcpus => VcpuLimit;

    /// <inheritdoc/>
    public long TimestampHz => SoftMsrs.TimestampHz;

    /// <inheritdoc/>
    public IReadOnlyList<CpuidLeaf> GetSupportedCpuid(IrqchipMode irqchip) => SoftCpuid.Leaves;

    /// <inheritdoc/>
    public IBackingMemory AllocateMemory(IReadOnlyList<GuestRange> ranges) => new AnonymousMemory(ranges);

    /// <inheritdoc/>
    public IPartition CreatePartition(PartitionConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.VcpuCount > VcpuLimit)
        {
            throw new HypervisorException($"the soft processor runs machines of up to {VcpuLimit} vCPUs, {config.VcpuCount} were asked for");
        }

        if (config.Irqchip != IrqchipMode.User)
        {
            throw new ArgumentException("the soft processor has no interrupt controllers of its own", nameof(config));
        }

        return new SoftPartition(config, _clock);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
