namespace HvRunner.Abstractions;

/// <summary>
/// One guest on the host API: its address space and vCPUs. Abilities that not every partition has are further interfaces, found with
/// <c>is</c> (<see cref="IInKernelIrqchip"/>, <see cref="IInKernelLocalApics"/>), never members that throw. Dispose it after every <see cref="IVcpu.Run"/> has returned.
/// </summary>
public interface IPartition : IDisposable
{
    /// <summary>The vCPUs, by index.</summary>
    IReadOnlyList<IVcpu> Vcpus { get; }
}

/// <summary>The partition's hypervisor contains interrupt controllers; the machine drives their input wires.</summary>
public interface IInKernelIrqchip
{
    /// <summary>Number of input wires; 24 on the PC.</summary>
    int LineCount { get; }

    /// <summary>
    /// An input wire, 0 to <see cref="LineCount"/> - 1: that of an ISA interrupt, which goes to its 8259 input and to the IO-APIC's pin of the same number, but for
    /// interrupt 0 to pin 2; from 16 on the IO-APIC's pin alone. The wire of 2, the cascade, goes nowhere.
    /// </summary>
    IInterruptLine GetLine(int irq);

    /// <summary>
    /// True when an unmasked entry of the IO-APIC delivers NMI, SMI or INIT: then a vCPU that halted with interrupts off may still wake.
    /// Any thread. Throws <see cref="HypervisorException"/>.
    /// </summary>
    bool CanDeliverNonMaskable();
}

/// <summary>
/// The partition's hypervisor contains the local APICs and no other interrupt controller: the machine has the IO-APIC and the 8259 pair. The first vCPU's
/// handler gives external interrupts by <see cref="EntryEvents.Vector"/>, as far as the hypervisor's LINT0 lets them pass.
/// </summary>
public interface IInKernelLocalApics
{
    /// <summary>Where interrupt messages go.</summary>
    IMsiTarget Messages { get; }

    /// <summary>Is told by the IO-APIC what its level-triggered pins send; <see cref="IExitHandler.EndOfInterrupt"/> then tells the end of such an interrupt.</summary>
    ILevelRoutes LevelRoutes { get; }
}
