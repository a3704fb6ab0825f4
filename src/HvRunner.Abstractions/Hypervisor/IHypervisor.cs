namespace HvRunner.Abstractions;

/// <summary>Where the interrupt controllers of a machine live.</summary>
public enum IrqchipMode
{
    /// <summary>Local APICs, IO-APIC and 8259 pair all in the hypervisor.</summary>
    Kernel,

    /// <summary>Local APICs in the hypervisor, IO-APIC and 8259 pair in the machine.</summary>
    Split,

    /// <summary>All in the machine.</summary>
    User,
}

/// <summary>
/// A host's virtualization API, opened. Any thread; opening, allocating and creating throw <see cref="HypervisorException"/> naming
/// the call that was refused. Disposing it after its partitions gives every host resource back.
/// </summary>
public interface IHypervisor : IDisposable
{
    /// <summary>Short name as in <c>--hypervisor</c>: "kvm".</summary>
    string Name { get; }

    /// <summary>The API's own version number, for the report.</summary>
    int ApiVersion { get; }

    /// <summary>The irqchip modes that this backend offers on this host, the preferred one first.</summary>
    IReadOnlyList<IrqchipMode> IrqchipModes { get; }

    /// <summary>The largest number of vCPUs of one partition.</summary>
    int MaxVcpus { get; }

    /// <summary>What CPUID can offer a guest on this host with the interrupt controllers there, before the machine edits it. One list for each mode, always the same.</summary>
    IReadOnlyList<CpuidLeaf> GetSupportedCpuid(IrqchipMode irqchip);

    /// <summary>Reserves zeroed guest RAM for the given ranges (ascending, page-aligned, not overlapping); host pages are taken as they are touched.</summary>
    IBackingMemory AllocateMemory(IReadOnlyList<GuestRange> ranges);

    /// <summary>Creates a partition with its vCPUs, none of them running.</summary>
    IPartition CreatePartition(PartitionConfig config);
}

/// <summary>Everything that has to be known before a partition exists, because some host APIs fix it then.</summary>
public sealed record PartitionConfig
{
    /// <summary>Number of vCPUs, at least 1. vCPU 0 is the bootstrap processor; a vCPU's APIC id is its index.</summary>
    public required int VcpuCount { get; init; }

    /// <summary>Where the interrupt controllers live; one of <see cref="IHypervisor.IrqchipModes"/>.</summary>
    public required IrqchipMode Irqchip { get; init; }

    /// <summary>The guest's RAM, from the same hypervisor's <see cref="IHypervisor.AllocateMemory"/>; must outlive the partition.</summary>
    public required IBackingMemory Memory { get; init; }

    /// <summary>What CPUID answers on the vCPU with this index; asked once for each.</summary>
    public required Func<int, IReadOnlyList<CpuidLeaf>> CpuidOf { get; init; }
}

/// <summary>The host API refused. The message names the call and the error that it gave.</summary>
public class HypervisorException : Exception
{
    /// <summary>A refusal with its sentence.</summary>
    public HypervisorException(string message)
        : base(message)
    {
    }

    /// <summary>A refusal with its sentence and its cause.</summary>
    public HypervisorException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>There is no usable hypervisor here, or this user may not use it: exit status 69 or 77.</summary>
/// <param name="message">Says what is missing and how to get it.</param>
/// <param name="permission">True when the hypervisor exists and only the permission is missing.</param>
public sealed class HypervisorUnavailableException(string message, bool permission) : HypervisorException(message)
{
    /// <summary>True when the hypervisor exists and only the permission is missing.</summary>
    public bool IsPermission { get; } = permission;
}
