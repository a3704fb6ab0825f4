using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// The interrupt controllers of a machine whose hypervisor has none: the 8259 pair, a local APIC for each vCPU, and INTR on the first one's LINT0, as
/// a PC's firmware leaves it ("virtual wire"). Deliberately not there yet: an IO-APIC, and interrupts from one processor to another.
/// </summary>
internal sealed class InterruptControllers : IDisposable
{
    private readonly LocalApic[] _apics;

    internal InterruptControllers(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, int physicalAddressBits)
    {
        var intr = new InterruptWire();
        Pic = new Pic8259Pair(intr);
        _apics = [.. vcpus.Select(vcpu => new LocalApic(
            vcpu.Index, timers, new KickSignal(vcpu), vcpu.Index == 0 ? Pic : null, tsc: TscOf(vcpu), physicalAddressBits: physicalAddressBits))];
        foreach (var timestamp in vcpus.OfType<IVcpuTimestamp>())
        {
            timestamp.TimestampMoved += _apics[((IVcpu)timestamp).Index].TscChanged;
        }

        intr.Connect(_apics[0].Lint0);
        _apics[0].ConfigureVirtualWire();
    }

    internal Pic8259Pair Pic { get; }

    /// <summary>The local APIC of a vCPU.</summary>
    internal LocalApic ApicOf(int vcpu) => _apics[vcpu];

    public void Dispose()
    {
        foreach (var apic in _apics)
        {
            apic.Dispose();
        }
    }

    private static VcpuTsc? TscOf(IVcpu vcpu) => vcpu is IVcpuTimestamp timestamp ? new VcpuTsc(timestamp) : null;

    /// <summary>The vCPU leaves the guest and asks its handler what there is.</summary>
    private sealed class KickSignal(IVcpu vcpu) : ILocalApicSignal
    {
        public void Signal() => vcpu.Kick();
    }

    private sealed class VcpuTsc(IVcpuTimestamp vcpu) : IGuestTsc
    {
        public ulong Now => vcpu.Timestamp;

        public long DeadlineNs(ulong tsc) => vcpu.DeadlineNs(tsc);
    }
}
