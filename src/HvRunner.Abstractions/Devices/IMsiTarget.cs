namespace HvRunner.Abstractions;

/// <summary>
/// Where message-signalled interrupts go, a device's own and those that an IO-APIC makes of its pins: the local APICs of the machine or, where
/// those live in the hypervisor, its call for them. A device never writes to the address as memory.
/// </summary>
public interface IMsiTarget
{
    /// <summary>
    /// Delivers the message at once. Any thread, with a device's lock held; it does not wait, allocate or throw, whatever a guest has put into the message.
    /// </summary>
    /// <returns>Whether at least one processor's APIC took it; one that merely had the vector pending already did.</returns>
    bool Send(MsiMessage message);
}
