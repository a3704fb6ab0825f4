using System.Runtime.InteropServices;
using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary><c>/dev/kvm</c>, opened and checked: the way from the contracts to KVM virtual machines.</summary>
public sealed class KvmHypervisor : IHypervisor
{
    /// <summary>The device.</summary>
    public const string DevicePath = "/dev/kvm";

    /// <summary>Three pages that KVM needs on Intel hosts for real mode.</summary>
    internal const ulong TssAddress = 0xfffbd000;

    /// <summary>One page in which memory appears for a moment, <see cref="KvmPartition.ForgetShadowedTables"/>.</summary>
    internal const ulong PassingAddress = 0xfffbb000;

    /// <summary>One page that KVM needs on Intel hosts for an identity map.</summary>
    internal const ulong IdentityMapAddress = 0xfffbc000;

    private readonly FileDescriptor _descriptor;
    private IReadOnlyList<CpuidLeaf>? _cpuidWithApic;
    private IReadOnlyList<CpuidLeaf>? _cpuidWithoutApic;

    private KvmHypervisor(FileDescriptor descriptor)
    {
        _descriptor = descriptor;
        ApiVersion = KvmCall.ThrowOnError(Descriptor, KVM_GET_API_VERSION, 0, "KVM_GET_API_VERSION");
        if (ApiVersion != KVM_API_VERSION)
        {
            throw new HypervisorUnavailableException($"{DevicePath} speaks KVM API version {ApiVersion}, hvrun needs version {KVM_API_VERSION}", false);
        }

        foreach (var (capability, name) in Required)
        {
            if (KvmCall.CheckExtension(Descriptor, capability) == 0)
            {
                throw new HypervisorUnavailableException($"{DevicePath} lacks {name}, which hvrun needs", false);
            }
        }

        RunBytes = KvmCall.ThrowOnError(Descriptor, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
        IrqchipModes = [IrqchipMode.Kernel, .. new[] { IrqchipMode.Split, IrqchipMode.User }.Where(mode => Needed(mode).All(capability => KvmCall.CheckExtension(Descriptor, capability) != 0))];
        MaxVcpus = Math.Max(1, KvmCall.CheckExtension(Descriptor, KVM_CAP_MAX_VCPUS));
    }

    /// <inheritdoc/>
    public string Name => "kvm";

    /// <inheritdoc/>
    public int ApiVersion { get; }

    /// <inheritdoc/>
    public IReadOnlyList<IrqchipMode> IrqchipModes { get; }

    /// <inheritdoc/>
    public int MaxVcpus { get; }

    internal int Descriptor => _descriptor.Value;

    /// <summary>Size of a vCPU's shared mapping.</summary>
    internal int RunBytes { get; }

    private static ReadOnlySpan<(uint Capability, string Name)> Required => new (uint, string)[]
    {
        (KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"),
        (KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"),
        (KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"),
        (KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"),
        (KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"),
        (KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"),
        (KVM_CAP_XSAVE, "KVM_CAP_XSAVE"),
        (KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"),
    };

    /// <summary>Opens the device. Throws <see cref="HypervisorUnavailableException"/> with what is missing and how to get it.</summary>
    public static KvmHypervisor Open()
    {
        var opened = Libc.open(DevicePath, O_RDWR | O_CLOEXEC);
        if (opened < 0)
        {
            throw Unavailable(Marshal.GetLastPInvokeError());
        }

        var descriptor = new FileDescriptor(opened);
        try
        {
            return new KvmHypervisor(descriptor);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<CpuidLeaf> GetSupportedCpuid(IrqchipMode irqchip) => irqchip == IrqchipMode.User
        ? _cpuidWithoutApic ??= CpuidWithoutApic()
        : _cpuidWithApic ??= KvmCpuid.WithApic(KvmCpuid.GetSupported(Descriptor), KvmCall.CheckExtension(Descriptor, KVM_CAP_TSC_DEADLINE_TIMER) != 0);

    /// <inheritdoc/>
    public IBackingMemory AllocateMemory(IReadOnlyList<GuestRange> ranges) => new AnonymousMemory(ranges);

    /// <inheritdoc/>
    public IPartition CreatePartition(PartitionConfig config)
    {
        if (config.Memory is not AnonymousMemory memory)
        {
            throw new ArgumentException("guest memory must come from this hypervisor's AllocateMemory", nameof(config));
        }

        if (!IrqchipModes.Contains(config.Irqchip))
        {
            throw new ArgumentException("the interrupt controllers must be where this hypervisor offers them", nameof(config));
        }

        return KvmPartition.Create(this, config, memory);
    }

    /// <summary>With the local APICs outside KVM: RDTSC does not follow what a guest sets its time-stamp counter to. False until the CPUID of that mode has been asked for.</summary>
    public bool IsTimestampFixed { get; private set; }

    /// <summary>With the local APICs outside KVM: it may not tell of a short window for interrupts. False until the CPUID of that mode has been asked for.</summary>
    internal bool MissesWindows { get; private set; }

    private IReadOnlyList<CpuidLeaf> CpuidWithoutApic()
    {
        var supported = KvmCpuid.GetSupported(Descriptor);
        var found = UserModeProbe.Run(this, KvmCpuid.WithoutApic(supported, new UserModeFindings(DeadlinePassedOn: true, CounterMoves: true, WindowsSeen: true)));
        IsTimestampFixed = !found.CounterMoves;
        MissesWindows = !found.WindowsSeen;
        return KvmCpuid.WithoutApic(supported, found);
    }

    /// <summary>What a mode takes of KVM besides what all do.</summary>
    private static uint[] Needed(IrqchipMode irqchip) => irqchip switch
    {
        IrqchipMode.Split => [KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING],
        IrqchipMode.User => [KVM_CAP_USER_NMI, KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_X86_MSR_FILTER, KVM_CAP_GET_TSC_KHZ],
        _ => [],
    };

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private static HypervisorUnavailableException Unavailable(int errno) => errno switch
    {
        ENOENT => new HypervisorUnavailableException(
            $"there is no {DevicePath} on this host: load the kernel module (modprobe kvm_intel or kvm_amd), enable virtualization in the firmware, " +
            "or, in a container, pass the device in (--device /dev/kvm)",
            false),
        EACCES or EPERM => new HypervisorUnavailableException(
            $"{DevicePath} exists, but this user may not open it: join its group (sudo usermod -aG kvm $USER, then log in again), or run as root", true),
        _ => new HypervisorUnavailableException(
            $"{DevicePath} cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}); is virtualization enabled and the kernel module loaded?",
            false),
    };
}
