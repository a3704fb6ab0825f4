using HvRunner.Abstractions;
using HvRunner.Chipset.Paravirtual;

namespace HvRunner.Machine.Time;

/// <summary>One vCPU's way to the clock where that lives in the machine: its registers, and the time that was stolen from it. On the vCPU's thread.</summary>
internal sealed class ClockAccess(PvClock clock, IVcpu vcpu)
{
    private readonly IVcpuStolenTime? _stolen = vcpu as IVcpuStolenTime;

    /// <summary>Null: not one of the clock's registers.</summary>
    internal bool? TryReadMsr(uint index, out ulong value) => clock.TryReadMsr(vcpu.Index, index, out value);

    /// <summary>Null: not one of the clock's registers. False: #GP.</summary>
    internal bool? TryWriteMsr(uint index, ulong value) => clock.TryWriteMsr(vcpu.Index, index, value);

    /// <summary>The vCPU is about to enter the guest, which finds its stolen time up to date.</summary>
    internal void BeforeEntry()
    {
        if (_stolen is not null)
        {
            clock.SetStolen(vcpu.Index, _stolen.StolenNs);
        }
    }
}
