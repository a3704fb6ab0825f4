using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Machine.Time;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// All of the interrupt controllers, for a hypervisor that has none: a local APIC for each vCPU on one bus with the IO-APIC. INTR goes to the first vCPU's LINT0, which
/// is open, as a PC's firmware leaves it ("virtual wire").
/// </summary>
internal sealed class LocalControllers : InterruptControllers
{
    private readonly LocalApic[] _apics;

    /// <summary>Makes and wires them.</summary>
    /// <param name="vcpus">The vCPUs; an APIC's id is its vCPU's index.</param>
    /// <param name="timers">Guest time.</param>
    /// <param name="physicalAddressBits">Width of a physical address as CPUID says it.</param>
    /// <param name="x2Apic">CPUID offers x2APIC mode.</param>
    /// <param name="tscDeadline">CPUID offers the TSC deadline; only vCPUs that can tell their counter have it.</param>
    internal LocalControllers(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, int physicalAddressBits, bool x2Apic = false, bool tscDeadline = false)
        : this(vcpus, timers, physicalAddressBits, x2Apic, tscDeadline, new ApicBus(), new InterruptWire())
    {
    }

    private LocalControllers(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, int physicalAddressBits, bool x2Apic, bool tscDeadline, ApicBus bus, InterruptWire intr)
        : base(intr, bus)
    {
        bus.Connect(IoApic);
        _apics = [.. vcpus.Select(vcpu => new LocalApic(
            vcpu.Index,
            timers,
            new KickSignal(vcpu),
            Pic,
            tsc: tscDeadline ? TscOf(vcpu) : null,
            physicalAddressBits: physicalAddressBits,
            bus: bus,
            x2Apic: x2Apic))];
        foreach (var timestamp in vcpus.OfType<IVcpuTimestamp>())
        {
            timestamp.TimestampMoved += _apics[((IVcpu)timestamp).Index].TscChanged;
        }

        intr.Connect(new ForkedWire(_apics[0].Lint0, IoApic.GetLine(IsaInterrupts.IntrPin)));
        _apics[0].ConfigureVirtualWire();
    }

    /// <summary>The local APIC of a vCPU.</summary>
    internal LocalApic ApicOf(int vcpu) => _apics[vcpu];

    /// <inheritdoc/>
    internal override ApicAccess InterfaceOf(int vcpu) => new(_apics[vcpu], IoApic);

    public override void Dispose()
    {
        foreach (var apic in _apics)
        {
            apic.Dispose();
        }
    }

    private static VcpuTsc? TscOf(IVcpu vcpu) => vcpu is IVcpuTimestamp timestamp ? new VcpuTsc(timestamp) : null;

    /// <summary>The vCPU leaves the guest and asks its handler what there is.</summary>
    private sealed class KickSignal(IVcpu vcpu) : IProcessorStart
    {
        public void Signal() => vcpu.Kick();

        public void SignalStart() => vcpu.Kick();
    }
}
