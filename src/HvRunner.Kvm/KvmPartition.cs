using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// One KVM virtual machine: memory slots, KVM's own interrupt controllers, vCPUs. The order of creation is the kernel's: capabilities and the
/// addresses that it needs for itself, then the interrupt controllers, then vCPUs. KVM's PIT is never created: hvrun has its own.
/// Memory comes before the interrupt controllers: since Linux 6.18 they leave an SRCU grace period of one to two clock ticks behind, for which every
/// later change of the memory slots waits. So the first entry waits for nothing, and a short run waits once, in <see cref="Dispose"/>.
/// </summary>
internal sealed unsafe class KvmPartition : IPartition, IInKernelIrqchip
{
    private const int IrqchipBytes = 520;
    private const int RedirectionTableOffset = 8 + 24;

    private readonly FileDescriptor _descriptor;
    private readonly List<KvmVcpu> _vcpus = [];
    private readonly KvmIrqLine[] _lines;

    internal KvmPartition(KvmHypervisor hypervisor, PartitionConfig config, AnonymousMemory memory)
    {
        Memory = memory;
        _descriptor = new FileDescriptor(KvmCall.ThrowOnError(hypervisor.Descriptor, KVM_CREATE_VM, 0, "KVM_CREATE_VM"));
        try
        {
            EnableCapabilities();
            KvmCall.ThrowOnError(Descriptor, KVM_SET_TSS_ADDR, unchecked((nint)KvmHypervisor.TssAddress), "KVM_SET_TSS_ADDR");
            var identityMap = KvmHypervisor.IdentityMapAddress;
            KvmCall.ThrowOnError(Descriptor, KVM_SET_IDENTITY_MAP_ADDR, &identityMap, "KVM_SET_IDENTITY_MAP_ADDR");
            MapMemory(memory);
            KvmCall.ThrowOnError(Descriptor, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
            for (var i = 0; i < config.VcpuCount; i++)
            {
                var vcpu = new KvmVcpu(this, i, hypervisor.RunBytes);
                _vcpus.Add(vcpu);
                vcpu.SetCpuid(config.CpuidOf(i));
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        _lines = new KvmIrqLine[LineCount];
        for (var gsi = 0; gsi < LineCount; gsi++)
        {
            _lines[gsi] = new KvmIrqLine(Descriptor, gsi);
        }
    }

    public IReadOnlyList<IVcpu> Vcpus => _vcpus;

    public int LineCount => 24;

    internal AnonymousMemory Memory { get; }

    internal int Descriptor => _descriptor.Value;

    public IInterruptLine GetLine(int gsi) => _lines[gsi];

    public bool CanDeliverNonMaskable()
    {
        var irqchip = stackalloc byte[IrqchipBytes];
        *(uint*)irqchip = KVM_IRQCHIP_IOAPIC;
        KvmCall.ThrowOnError(Descriptor, KVM_GET_IRQCHIP, irqchip, "KVM_GET_IRQCHIP");
        var entries = new ReadOnlySpan<byte>(irqchip + RedirectionTableOffset, LineCount * sizeof(ulong));
        for (var pin = 0; pin < LineCount; pin++)
        {
            if (LapicEntries.IsNonMaskable(BinaryPrimitives.ReadUInt32LittleEndian(entries[(pin * sizeof(ulong))..])))
            {
                return true;
            }
        }

        return false;
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

    private void EnableCapabilities()
    {
        // Where they are missing KVM does what it always did: #UD in user mode, #GP for an unknown register, its own hypercall patching.
        TryEnable(KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1);
        TryEnable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN);

        // A KVM that patches the other vendor's hypercall instruction writes into guest code; without it the guest sees #UD, as on hardware.
        // Of the quirks KVM says which it knows; of the other capabilities only that they are there.
        if ((KvmCall.CheckExtension(Descriptor, KVM_CAP_DISABLE_QUIRKS2) & (int)KVM_X86_QUIRK_FIX_HYPERCALL_INSN) != 0)
        {
            TryEnable(KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
        }
    }

    private void TryEnable(uint capability, ulong argument)
    {
        var enable = new kvm_enable_cap { cap = capability };
        enable.args[0] = argument;
        if (KvmCall.CheckExtension(Descriptor, capability) != 0)
        {
            KvmCall.ThrowOnError(Descriptor, KVM_ENABLE_CAP, &enable, $"KVM_ENABLE_CAP {capability}");
        }
    }

    private void MapMemory(AnonymousMemory memory)
    {
        for (var i = 0; i < memory.Ranges.Count; i++)
        {
            var region = new kvm_userspace_memory_region
            {
                slot = (uint)i,
                guest_phys_addr = memory.Ranges[i].Start.Value,
                memory_size = memory.Ranges[i].SizeBytes,
                userspace_addr = (ulong)memory.HostAddressOf(i),
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
