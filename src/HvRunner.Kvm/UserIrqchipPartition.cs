using HvRunner.Abstractions;
using HvRunner.Host;
using HvRunner.Kvm.Interop;
using static HvRunner.Kvm.Interop.KvmConstants;

namespace HvRunner.Kvm;

/// <summary>
/// A partition without interrupt controllers of KVM's. The local APICs' pages are MMIO then, and the registers of x2APIC mode end an entry because KVM finds them invalid.
/// IA32_APIC_BASE and IA32_TSC_DEADLINE it would take all the same, without effect: a filter makes it pass them on, and writes that move the time-stamp counter, because the
/// local APICs' deadlines move with it. Where KVM takes a deadline's write in spite of the filter, CPUID shows no deadline (<see cref="UserModeProbe"/>).
/// </summary>
internal sealed unsafe class UserIrqchipPartition(KvmHypervisor hypervisor, AnonymousMemory memory) : KvmPartition(hypervisor, memory, IrqchipMode.User)
{
    private readonly KvmHypervisor _hypervisor = hypervisor;

    private protected override ulong MsrExits => base.MsrExits | KVM_MSR_EXIT_REASON_FILTER;

    private protected override void CreateInterruptControllers()
    {
        var denied = 0ul;
        var filter = default(kvm_msr_filter);
        filter.ranges[0] = Range(KvmVcpu.ApicBaseMsr, KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, &denied);
        filter.ranges[1] = Range(KvmVcpu.TscDeadlineMsr, KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, &denied);
        filter.ranges[2] = Range(KvmTimestamp.CounterMsr, KVM_MSR_FILTER_WRITE, &denied);
        filter.ranges[3] = Range(KvmTimestamp.AdjustMsr, KVM_MSR_FILTER_WRITE, &denied);
        KvmCall.ThrowOnError(Descriptor, KVM_X86_SET_MSR_FILTER, &filter, "KVM_X86_SET_MSR_FILTER");
    }

    private protected override KvmVcpu CreateVcpu(int index, int runBytes) => new UserApicVcpu(_hypervisor, this, index, runBytes);

    private static kvm_msr_filter_range Range(uint msr, uint accesses, ulong* bitmap) =>
        new() { flags = accesses, nmsrs = 1, @base = msr, bitmap = (ulong)bitmap };
}
