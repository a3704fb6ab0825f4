namespace HvRunner.Abstractions;

/// <summary>
/// What a device may ask of the whole machine. The first decisive event ends the run; later ones are ignored. Called on the vCPU
/// thread that made the access; returns at once, the vCPU leaves the guest after the instruction.
/// </summary>
public interface IPowerControl
{
    /// <summary>The guest switched itself off.</summary>
    void PowerOff(string source);

    /// <summary>The guest asked for a reset. <paramref name="source"/> names how ("keyboard controller", "reset control port").</summary>
    void Reset(string source);

    /// <summary>The guest reported a status on the exit port, as it was written, before any mapping.</summary>
    void ReportStatus(ulong value);

    /// <summary>The guest said that it panicked. <paramref name="source"/> names how ("pvpanic").</summary>
    void Panic(string source);

    /// <summary>
    /// The guest armed a watchdog and did not feed it in time. <paramref name="source"/> names which ("ib700"). Called on the timer queue's thread
    /// as well, with no lock of the device held.
    /// </summary>
    void WatchdogExpired(string source);
}
