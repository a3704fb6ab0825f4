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
    /// <summary>Number of input wires (GSIs); 24 on the PC.</summary>
    int LineCount { get; }

    /// <summary>The input wire of a GSI, 0 to <see cref="LineCount"/> - 1. ISA IRQ n is GSI n, the 8259 pair sees it as well.</summary>
    IInterruptLine GetLine(int gsi);

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
