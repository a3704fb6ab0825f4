using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Time;

/// <summary>A vCPU's time-stamp counter as the devices see it.</summary>
internal sealed class VcpuTsc(IVcpuTimestamp vcpu) : IGuestTsc
{
    public ulong Now => vcpu.Timestamp;

    public long DeadlineNs(ulong tsc) => vcpu.DeadlineNs(tsc);
}
