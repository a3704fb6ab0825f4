using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// The IO-APIC and the 8259 pair beside local APICs that are the hypervisor's. The IO-APIC sends through it and hears from it of EOIs. INTR goes to the first vCPU, whose
/// LINT0 in the hypervisor lets it pass or not. Its other way, pin 0 of the IO-APIC as ExtINT, ends at the hypervisor, which takes no such message.
/// </summary>
internal sealed class ExternalControllers : InterruptControllers
{
    private readonly Intr _intr;

    /// <summary>Makes and wires them.</summary>
    /// <param name="vcpus">The vCPUs.</param>
    /// <param name="apics">Their local APICs.</param>
    internal ExternalControllers(IReadOnlyList<IVcpu> vcpus, IInKernelLocalApics apics)
        : this(vcpus, apics, new InterruptWire())
    {
    }

    private ExternalControllers(IReadOnlyList<IVcpu> vcpus, IInKernelLocalApics apics, InterruptWire wire)
        : base(wire, apics.Messages, apics.LevelRoutes)
    {
        _intr = new Intr(vcpus[0]);
        wire.Connect(new ForkedWire(_intr, IoApic.GetLine(IsaInterrupts.IntrPin)));
    }

    /// <inheritdoc/>
    internal override IVcpuInterrupts InterfaceOf(int vcpu) => new Interface(this, vcpu == 0);

    /// <summary>Nothing is held.</summary>
    public override void Dispose()
    {
    }

    /// <summary>The wire to the processor. It is looked at before each entry, so it is enough that the vCPU leaves the guest when it rises.</summary>
    private sealed class Intr(IVcpu vcpu) : IInterruptLine
    {
        private volatile bool _asserted;

        internal bool IsAsserted => _asserted;

        public void Set(bool asserted)
        {
            _asserted = asserted;
            if (asserted)
            {
                vcpu.Kick();
            }
        }
    }

    private sealed class Interface(ExternalControllers owner, bool hasIntr) : IVcpuInterrupts
    {
        public bool CanWakeWithInterruptsOff => owner.IoApic.CanWakeWithInterruptsOff;

        public bool HasInterrupt => hasIntr && owner._intr.IsAsserted;

        public bool Fill(ref EntryEvents events)
        {
            if (!hasIntr || !owner._intr.IsAsserted)
            {
                return false;
            }

            if (events.CanTakeInterrupt)
            {
                events.Vector = owner.Pic.Acknowledge();
            }

            events.WaitsForWindow = owner._intr.IsAsserted;
            return true;
        }

        public void EndOfInterrupt(byte vector) => owner.IoApic.EndOfInterrupt(vector);
    }
}
