namespace HvRunner.Abstractions;

/// <summary>
/// One wire from one device pin to an interrupt controller. The device drives its level and never learns the GSI behind it.
/// May be called from any thread, with the device's lock held; setting the level that is already there is harmless.
/// </summary>
public interface IInterruptLine
{
    /// <summary>Drives the wire high (asserted) or low.</summary>
    void Set(bool asserted);
}
