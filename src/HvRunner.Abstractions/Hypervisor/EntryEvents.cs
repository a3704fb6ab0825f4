namespace HvRunner.Abstractions;

/// <summary>
/// What is to be delivered to a vCPU before it enters its guest, where the interrupt controllers, or all but the local APICs, live in the machine. The backend says what the
/// processor can take and owns the interrupt window; the machine gives what it has acknowledged. One of these lives on the vCPU thread's stack.
/// </summary>
/// <param name="canTakeInterrupt">See <see cref="CanTakeInterrupt"/>.</param>
/// <param name="canTakeNonMaskable">See <see cref="CanTakeNonMaskable"/>.</param>
/// <param name="halted">See <see cref="Halted"/>.</param>
public ref struct EntryEvents(bool canTakeInterrupt, bool canTakeNonMaskable, bool halted)
{
    /// <summary>In: RFLAGS.IF is set and no interrupt shadow is open, so a vector may be acknowledged.</summary>
    public readonly bool CanTakeInterrupt => canTakeInterrupt;

    /// <summary>In: no NMI is being handled and no shadow holds one off.</summary>
    public readonly bool CanTakeNonMaskable => canTakeNonMaskable;

    /// <summary>In: the vCPU sleeps in HLT, and goes on doing so when nothing is delivered.</summary>
    public readonly bool Halted => halted;

    /// <summary>Out: an INIT signal: the processor is reset, keeping what INIT keeps, and waits for a start-up IPI unless it is the bootstrap processor. It goes before everything else.</summary>
    public bool Init { get; set; }

    /// <summary>
    /// Out: a start-up IPI with this vector: a processor that waits for one begins at the vector's page, in real mode. Without effect on any other. -1 for none.
    /// </summary>
    public int StartupVector { get; set; } = -1;

    /// <summary>Out: deliver an NMI, taken from the controller. Only with <see cref="CanTakeNonMaskable"/>; it goes before a vector.</summary>
    public bool NonMaskable { get; set; }

    /// <summary>Out: deliver this vector, which the controller has taken into service. Only with <see cref="CanTakeInterrupt"/>. -1 for none.</summary>
    public int Vector { get; set; } = -1;

    /// <summary>Out: something waits for what the processor cannot take yet; call again as soon as it can.</summary>
    public bool WaitsForWindow { get; set; }

    /// <summary>Out, with <see cref="Halted"/>: an NMI may still come, so interrupts that are off do not keep the vCPU asleep for ever.</summary>
    public bool NonMaskableMayCome { get; set; }
}
