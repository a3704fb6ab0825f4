using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// The interrupt controllers of a machine whose hypervisor has none: a local APIC for each vCPU on one bus, an IO-APIC, and the 8259 pair. Each ISA interrupt goes to
/// both of the latter, INTR to the first vCPU's LINT0 and to the IO-APIC's pin 0, and LINT0 is open, as a PC's firmware leaves it ("virtual wire").
/// </summary>
internal sealed class InterruptControllers : IDisposable
{
    private readonly LocalApic[] _apics;

    /// <summary>Makes and wires them.</summary>
    /// <param name="vcpus">The vCPUs; an APIC's id is its vCPU's index.</param>
    /// <param name="timers">Guest time.</param>
    /// <param name="physicalAddressBits">Width of a physical address as CPUID says it.</param>
    /// <param name="x2Apic">CPUID offers x2APIC mode.</param>
    internal InterruptControllers(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, int physicalAddressBits, bool x2Apic = false)
    {
        Bus = new ApicBus();
        var intr = new InterruptWire();
        Pic = new Pic8259Pair(intr);
        IoApic = new IoApic(Bus);
        Bus.Connect(IoApic);
        _apics = [.. vcpus.Select(vcpu => new LocalApic(
            vcpu.Index,
            timers,
            new KickSignal(vcpu),
            Pic,
            tsc: TscOf(vcpu),
            physicalAddressBits: physicalAddressBits,
            bus: Bus,
            x2Apic: x2Apic))];
        foreach (var timestamp in vcpus.OfType<IVcpuTimestamp>())
        {
            timestamp.TimestampMoved += _apics[((IVcpu)timestamp).Index].TscChanged;
        }

        intr.Connect(new ForkedWire(_apics[0].Lint0, IoApic.GetLine(IsaInterrupts.IntrPin)));
        _apics[0].ConfigureVirtualWire();
    }

    internal Pic8259Pair Pic { get; }

    internal IoApic IoApic { get; }

    /// <summary>Where a device's message-signalled interrupts go.</summary>
    internal ApicBus Bus { get; }

    /// <summary>The local APIC of a vCPU.</summary>
    internal LocalApic ApicOf(int vcpu) => _apics[vcpu];

    /// <summary>The wire of an ISA interrupt, to both kinds of controllers; of a higher number, to the IO-APIC's pin, as the pair has no more.</summary>
    internal IInterruptLine GetLine(int irq) => irq < IsaInterrupts.Count ? IsaInterrupts.GetLine(Pic, IoApic, irq) : IoApic.GetLine(irq);

    public void Dispose()
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

    private sealed class VcpuTsc(IVcpuTimestamp vcpu) : IGuestTsc
    {
        public ulong Now => vcpu.Timestamp;

        public long DeadlineNs(ulong tsc) => vcpu.DeadlineNs(tsc);
    }
}
