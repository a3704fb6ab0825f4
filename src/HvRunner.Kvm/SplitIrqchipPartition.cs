using HvRunner.Abstractions;
using HvRunner.Host;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// A partition with KVM's local APICs and no other interrupt controller of it. The machine's IO-APIC sends messages, and KVM tells the end of an interrupt that a route
/// of one of its pins names (KVM_EXIT_IOAPIC_EOI).
/// </summary>
internal sealed class SplitIrqchipPartition : KvmPartition, IInKernelLocalApics
{
    private readonly KvmLevelRoutes _routes;

    internal SplitIrqchipPartition(KvmHypervisor hypervisor, AnonymousMemory memory)
        : base(hypervisor, memory, IrqchipMode.Split)
    {
        _routes = new KvmLevelRoutes(Descriptor);
        Messages = new KvmMessages(Descriptor);
    }

    public IMsiTarget Messages { get; }

    public ILevelRoutes LevelRoutes => _routes;

    private protected override void CreateInterruptControllers() => Enable(KVM_CAP_SPLIT_IRQCHIP, KvmLevelRoutes.PinCount);

    private protected override KvmVcpu CreateVcpu(int index, int runBytes) => new KernelApicVcpu(this, index, runBytes);
}
