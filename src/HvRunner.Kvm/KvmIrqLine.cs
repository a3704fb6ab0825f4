using HvRunner.Abstractions;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>An input wire of KVM's own interrupt controllers (KVM_IRQ_LINE). The level is kept here so that only changes cost a call.</summary>
internal sealed unsafe class KvmIrqLine(int partitionDescriptor, int irq) : IInterruptLine
{
    private int _level;

    public void Set(bool asserted)
    {
        var level = asserted ? 1 : 0;
        if (Interlocked.Exchange(ref _level, level) != level)
        {
            var line = new kvm_irq_level { irq = (uint)irq, level = (uint)level };
            KvmCall.ThrowOnError(partitionDescriptor, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE");
        }
    }
}
