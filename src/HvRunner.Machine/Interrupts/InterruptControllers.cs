using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// The interrupt controllers of a machine whose hypervisor has none: the 8259 pair, the IO-APIC, a local APIC for each vCPU and the bus between them. INTR is
/// on the first one's LINT0, as a PC's firmware leaves it ("virtual wire"), and on the IO-APIC's pin 0. Deliberately not there yet: INIT and SIPI,
/// which nobody could act upon.
/// </summary>
internal sealed class InterruptControllers : IDisposable
{
    private readonly LocalApic[] _apics;

    internal InterruptControllers(IReadOnlyList<IVcpu> vcpus, ITimerQueue timers, int physicalAddressBits, bool x2Apic = false)
    {
        var intr = new InterruptWire();
        Pic = new Pic8259Pair(intr);
        Bus = new ApicBus();
        _apics = [.. vcpus.Select(vcpu => new LocalApic(
            vcpu.Index, timers, new KickSignal(vcpu), Pic, tsc: TscOf(vcpu), physicalAddressBits: physicalAddressBits, bus: Bus, x2Apic: x2Apic))];
        IoApic = new IoApic(Bus);
        Bus.Connect(IoApic);
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

    /// <summary>The wire of an ISA interrupt, to both kinds of controllers.</summary>
    internal IInterruptLine GetLine(int irq) => IsaInterrupts.GetLine(Pic, IoApic, irq);

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
