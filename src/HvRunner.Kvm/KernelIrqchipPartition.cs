using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// A partition with all of KVM's own interrupt controllers: local APICs, IO-APIC and 8259 pair, whose input wires the machine drives. The routes are a PC's, not those
/// that KVM begins with: the interval timer is at the IO-APIC's pin 2.
/// </summary>
internal sealed unsafe class KernelIrqchipPartition : KvmPartition, IInKernelIrqchip
{
    private const int PinCount = 24;
    private const int IsaCount = 16;
    private const int PicPins = 8;
    private const int TimerIrq = 0;
    private const int TimerPin = 2;
    private const int CascadeIrq = 2;
    private const int IrqchipBytes = 520;
    private const int RedirectionTableOffset = 8 + 24;

    private readonly KvmIrqLine[] _lines;

    internal KernelIrqchipPartition(KvmHypervisor hypervisor, AnonymousMemory memory)
        : base(hypervisor, memory, IrqchipMode.Kernel)
    {
        _lines = new KvmIrqLine[LineCount];
        for (var irq = 0; irq < LineCount; irq++)
        {
            _lines[irq] = new KvmIrqLine(Descriptor, irq);
        }
    }

    public int LineCount => PinCount;

    public IInterruptLine GetLine(int irq) => _lines[irq];

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

    private protected override void CreateInterruptControllers()
    {
        KvmCall.ThrowOnError(Descriptor, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");
        var routes = new List<kvm_irq_routing_entry>();
        for (var irq = 0; irq < PinCount; irq++)
        {
            // Nothing drives the cascade, and pin 2 is the timer's.
            if (irq == CascadeIrq)
            {
                continue;
            }

            routes.Add(RouteOf(irq, KVM_IRQCHIP_IOAPIC, irq == TimerIrq ? TimerPin : irq));
            if (irq < IsaCount)
            {
                routes.Add(RouteOf(irq, irq < PicPins ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, irq % PicPins));
            }
        }

        KvmRoutingTable.Set(Descriptor, [.. routes]);
    }

    private protected override KvmVcpu CreateVcpu(int index, int runBytes) => new KernelApicVcpu(this, index, runBytes);

    private static kvm_irq_routing_entry RouteOf(int irq, uint irqchip, int pin) => new()
    {
        gsi = (uint)irq,
        type = KVM_IRQ_ROUTING_IRQCHIP,
        irqchip = irqchip,
        pin = (uint)pin,
    };
}
