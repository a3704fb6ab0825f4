using System.Buffers.Binary;
using HvRunner.Abstractions;
using HvRunner.Host;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>A partition with all of KVM's own interrupt controllers: local APICs, IO-APIC and 8259 pair, whose input wires the machine drives.</summary>
internal sealed unsafe class KernelIrqchipPartition : KvmPartition, IInKernelIrqchip
{
    private const int IrqchipBytes = 520;
    private const int RedirectionTableOffset = 8 + 24;

    private readonly KvmIrqLine[] _lines;

    internal KernelIrqchipPartition(KvmHypervisor hypervisor, AnonymousMemory memory)
        : base(hypervisor, memory, IrqchipMode.Kernel)
    {
        _lines = new KvmIrqLine[LineCount];
        for (var gsi = 0; gsi < LineCount; gsi++)
        {
            _lines[gsi] = new KvmIrqLine(Descriptor, gsi);
        }
    }

    public int LineCount => 24;

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

    private protected override void CreateInterruptControllers() => KvmCall.ThrowOnError(Descriptor, KVM_CREATE_IRQCHIP, 0, "KVM_CREATE_IRQCHIP");

    private protected override KvmVcpu CreateVcpu(int index, int runBytes) => new KernelApicVcpu(this, index, runBytes);
}
