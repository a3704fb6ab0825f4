using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// One KVM virtual machine: memory slots, interrupt controllers as far as they are KVM's, which is what the derived classes are about, and vCPUs. The order of creation
/// is the kernel's: capabilities and the addresses that it needs for itself, then the interrupt controllers, then vCPUs. KVM's PIT is never created: hvrun has its own.
/// Memory comes before the interrupt controllers: since Linux 6.18 they leave an SRCU grace period of one to two clock ticks behind, for which every
/// later change of the memory slots waits. So the first entry waits for nothing, and a short run waits once, in <see cref="Dispose"/>.
/// </summary>
internal abstract unsafe class KvmPartition : IPartition
{
    private readonly FileDescriptor _descriptor;
    private readonly List<KvmVcpu> _vcpus = [];
    private readonly Lock _passing = new();

    private protected KvmPartition(KvmHypervisor hypervisor, AnonymousMemory memory, IrqchipMode irqchip)
    {
        Memory = memory;
        Irqchip = irqchip;
        _descriptor = new FileDescriptor(KvmCall.ThrowOnError(hypervisor.Descriptor, KVM_CREATE_VM, 0, "KVM_CREATE_VM"));
    }

    public IReadOnlyList<IVcpu> Vcpus => _vcpus;

    /// <summary>Where the interrupt controllers live.</summary>
    internal IrqchipMode Irqchip { get; }

    internal AnonymousMemory Memory { get; }

    internal int Descriptor => _descriptor.Value;

    /// <summary>Why a register that KVM does not handle, or was told not to, ends an entry.</summary>
    private protected virtual ulong MsrExits => KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN;

    /// <summary>Creates a partition whose interrupt controllers are where the configuration says.</summary>
    internal static KvmPartition Create(KvmHypervisor hypervisor, PartitionConfig config, AnonymousMemory memory)
    {
        KvmPartition partition = config.Irqchip switch
        {
            IrqchipMode.Kernel => new KernelIrqchipPartition(hypervisor, memory),
            IrqchipMode.Split => new SplitIrqchipPartition(hypervisor, memory),
            _ => new UserIrqchipPartition(hypervisor, memory),
        };
        try
        {
            partition.SetUp(hypervisor, config);
            return partition;
        }
        catch
        {
            partition.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var vcpu in _vcpus)
        {
            vcpu.Dispose();
        }

        if (!_descriptor.IsClosed)
        {
            UnmapMemory();
            _descriptor.Dispose();
        }
    }

    /// <summary>
    /// Where KVM translates by tables of its own, it makes new ones from those of the guest: behind changes of the guest's that were not made under KVM. It does so
    /// whenever a memory slot goes, so one comes and goes, of a page where nothing else is. Some milliseconds, for all vCPUs. Any thread.
    /// </summary>
    internal void ForgetShadowedTables()
    {
        if (!KvmPaging.ShadowsPageTables)
        {
            return;
        }

        lock (_passing)
        {
            var region = new kvm_userspace_memory_region
            {
                slot = (uint)Memory.Ranges.Count,
                guest_phys_addr = KvmHypervisor.PassingAddress,
                memory_size = (ulong)Environment.SystemPageSize,
                userspace_addr = (ulong)Memory.HostAddressOf(0),
            };
            KvmCall.ThrowOnError(Descriptor, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
            region.memory_size = 0;
            KvmCall.ThrowOnError(Descriptor, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
        }
    }

    /// <summary>Creates the interrupt controllers that are KVM's; behind memory, in front of the vCPUs.</summary>
    private protected abstract void CreateInterruptControllers();

    private protected abstract KvmVcpu CreateVcpu(int index, int runBytes);

    private protected void Enable(uint capability, ulong argument)
    {
        var enable = new kvm_enable_cap { cap = capability };
        enable.args[0] = argument;
        KvmCall.ThrowOnError(Descriptor, KVM_ENABLE_CAP, &enable, $"KVM_ENABLE_CAP {capability}");
    }

    private void SetUp(KvmHypervisor hypervisor, PartitionConfig config)
    {
        EnableCapabilities();
        KvmCall.ThrowOnError(Descriptor, KVM_SET_TSS_ADDR, unchecked((nint)KvmHypervisor.TssAddress), "KVM_SET_TSS_ADDR");
        var identityMap = KvmHypervisor.IdentityMapAddress;
        KvmCall.ThrowOnError(Descriptor, KVM_SET_IDENTITY_MAP_ADDR, &identityMap, "KVM_SET_IDENTITY_MAP_ADDR");
        MapMemory();
        CreateInterruptControllers();
        for (var i = 0; i < config.VcpuCount; i++)
        {
            var vcpu = CreateVcpu(i, hypervisor.RunBytes);
            _vcpus.Add(vcpu);
            vcpu.SetCpuid(config.CpuidOf(i));
        }
    }

    private void EnableCapabilities()
    {
        // Where they are missing KVM does what it always did: #UD in user mode, #GP for an unknown register, its own hypercall patching.
        TryEnable(KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1);
        TryEnable(KVM_CAP_X86_USER_SPACE_MSR, MsrExits);

        // A KVM that patches the other vendor's hypercall instruction writes into guest code; without it the guest sees #UD, as on hardware.
        // Of the quirks KVM says which it knows; of the other capabilities only that they are there.
        if ((KvmCall.CheckExtension(Descriptor, KVM_CAP_DISABLE_QUIRKS2) & (int)KVM_X86_QUIRK_FIX_HYPERCALL_INSN) != 0)
        {
            TryEnable(KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
        }
    }

    private void TryEnable(uint capability, ulong argument)
    {
        if (KvmCall.CheckExtension(Descriptor, capability) != 0)
        {
            Enable(capability, argument);
        }
    }

    private void MapMemory()
    {
        for (var i = 0; i < Memory.Ranges.Count; i++)
        {
            var region = new kvm_userspace_memory_region
            {
                slot = (uint)i,
                guest_phys_addr = Memory.Ranges[i].Start.Value,
                memory_size = Memory.Ranges[i].SizeBytes,
                userspace_addr = (ulong)Memory.HostAddressOf(i),
            };
            KvmCall.ThrowOnError(Descriptor, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
        }
    }

    /// <summary>
    /// Takes the first slot away. Closing the descriptor would do as well, but waits for the grace period in its leisurely form, up to 14 ms; a
    /// removal asks for the expedited one. Refused where there is no slot yet, which is no matter.
    /// </summary>
    private void UnmapMemory()
    {
        var none = default(kvm_userspace_memory_region);
        _ = KvmCall.Try(Descriptor, KVM_SET_USER_MEMORY_REGION, (nint)(&none));
    }
}
