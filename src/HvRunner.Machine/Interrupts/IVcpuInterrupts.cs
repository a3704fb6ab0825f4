using HvRunner.Abstractions;

namespace HvRunner.Machine.Interrupts;

/// <summary>One vCPU's side of the interrupt controllers that live in the machine. On the vCPU's thread, but where a member says otherwise.</summary>
internal interface IVcpuInterrupts
{
    /// <summary>Something could wake the vCPU although it has its interrupts off. Any thread.</summary>
    bool CanWakeWithInterruptsOff { get; }

    /// <summary>An interrupt is there that the vCPU takes when it has its interrupts on. Any thread.</summary>
    bool HasInterrupt { get; }

    /// <summary>Gives the vCPU what it can take now; as <see cref="IExitHandler.BeforeEntry"/>.</summary>
    bool Fill(ref EntryEvents events);

    /// <summary>As <see cref="IExitHandler.EndOfInterrupt"/>.</summary>
    void EndOfInterrupt(byte vector);
}
