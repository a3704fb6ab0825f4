using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;

namespace HvRunner.Machine.Interrupts;

/// <summary>
/// The interrupt controllers of a machine whose hypervisor has no IO-APIC: that, and the 8259 pair. Each ISA interrupt goes to both of them, INTR to the first vCPU
/// and to the IO-APIC's pin 0. Where the local APICs live is what the derived classes are about.
/// </summary>
internal abstract class InterruptControllers : IDisposable
{
    /// <summary>Makes both.</summary>
    /// <param name="intr">The pair's output; connected later.</param>
    /// <param name="messages">Where the IO-APIC's messages go.</param>
    /// <param name="routes">Who is told of its level-triggered pins, or null.</param>
    private protected InterruptControllers(InterruptWire intr, IMsiTarget messages, ILevelRoutes? routes = null)
    {
        Pic = new Pic8259Pair(intr);
        IoApic = new IoApic(messages, routes);
        Messages = messages;
    }

    internal Pic8259Pair Pic { get; }

    internal IoApic IoApic { get; }

    /// <summary>Where a device's message-signalled interrupts go.</summary>
    internal IMsiTarget Messages { get; }

    /// <summary>Makes and wires what the partition's hypervisor has not; null where it has everything.</summary>
    /// <param name="partition">The vCPUs; an APIC's id is its vCPU's index.</param>
    /// <param name="timers">Guest time.</param>
    /// <param name="cpuid">What CPUID offers.</param>
    internal static InterruptControllers? Of(IPartition partition, ITimerQueue timers, IReadOnlyList<CpuidLeaf> cpuid) => partition switch
    {
        IInKernelIrqchip => null,
        IInKernelLocalApics apics => new ExternalControllers(partition.Vcpus, apics),
        _ => new LocalControllers(partition.Vcpus, timers, GuestCpuid.PhysicalAddressBits(cpuid), GuestCpuid.HasX2Apic(cpuid), GuestCpuid.HasTscDeadline(cpuid)),
    };

    /// <summary>The wire of an ISA interrupt, to both kinds of controllers, or of a pin that the IO-APIC alone has.</summary>
    internal IInterruptLine GetLine(int irq) => irq < IsaInterrupts.Count ? IsaInterrupts.GetLine(Pic, IoApic, irq) : IoApic.GetLine(irq);

    /// <summary>What a vCPU's exits and entries find here.</summary>
    internal abstract IVcpuInterrupts InterfaceOf(int vcpu);

    public abstract void Dispose();
}
