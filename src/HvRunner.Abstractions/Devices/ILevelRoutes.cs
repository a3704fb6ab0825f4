namespace HvRunner.Abstractions;

/// <summary>
/// Who has to know what the level-triggered pins of an IO-APIC send, because it tells the end of an interrupt only for vectors that it knows: local APICs outside
/// the machine.
/// </summary>
public interface ILevelRoutes
{
    /// <summary>
    /// An unmasked, level-triggered pin sends this message from now on, and what it sent before counts no more. Called before the first of them is sent, on a vCPU's
    /// thread and with the IO-APIC's lock held. Throws <see cref="HypervisorException"/> where the host refuses.
    /// </summary>
    void Set(int pin, MsiMessage message);
}
