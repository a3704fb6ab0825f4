namespace HvRunner.Abstractions;

/// <summary>
/// A device's volatile state: what a reset clears and a snapshot carries. Configuration and wiring are not part of it.
/// The caller guarantees that no vCPU runs and no timer fires meanwhile.
/// </summary>
public interface IStateful
{
    /// <summary>Puts the device into its state after power-on, and drives its outputs accordingly.</summary>
    void Reset();

    /// <summary>Writes the volatile state.</summary>
    void Save(StateWriter writer);

    /// <summary>Reads back what <see cref="Save"/> wrote, and drives the outputs accordingly. Throws <see cref="StateFormatException"/> for anything else.</summary>
    void Load(StateReader reader);
}
