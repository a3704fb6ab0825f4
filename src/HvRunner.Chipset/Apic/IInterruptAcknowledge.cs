namespace HvRunner.Chipset.Apic;

/// <summary>
/// Who answers the processor's interrupt acknowledge cycle for an external interrupt (ExtINT): the 8259 pair. Called on the vCPU's thread with
/// no lock of the caller held.
/// </summary>
public interface IInterruptAcknowledge
{
    /// <summary>Takes the highest request into service and gives its vector. When the request has gone meanwhile, the default vector, as the chip does.</summary>
    byte Acknowledge();
}
