namespace HvRunner.Abstractions;

/// <summary>Why <see cref="IVcpu.Run"/> returned.</summary>
public enum VcpuExitKind
{
    /// <summary>Somebody called <see cref="IVcpu.RequestStop"/>.</summary>
    Stopped,

    /// <summary>The processor shut down: a triple fault.</summary>
    Shutdown,

    /// <summary>The guest, or the hypervisor on its behalf, ended the machine by a system event; the sentence says which.</summary>
    PowerOff,

    /// <summary>As <see cref="PowerOff"/>, for a reset.</summary>
    Reset,

    /// <summary>As <see cref="PowerOff"/>, for a crash that the guest reported to the hypervisor.</summary>
    Crash,

    /// <summary>It halted, and nothing is left that could ever wake it. Only from a hypervisor that knows every source of a wake-up.</summary>
    Halted,

    /// <summary>The hypervisor could not go on; the sentence says why. Registers show where.</summary>
    Failed,
}

/// <summary>How a vCPU's run ended.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Sentence">For people, where there is more to say; else null.</param>
public readonly record struct VcpuExit(VcpuExitKind Kind, string? Sentence = null);

/// <summary>What a vCPU is doing, seen from its own thread between two entries.</summary>
/// <param name="Halted">It executed HLT and nothing has woken it yet.</param>
/// <param name="WaitingForSipi">It was never started, or was reset by INIT and waits for a start-up IPI.</param>
/// <param name="InterruptsEnabled">RFLAGS.IF.</param>
/// <param name="NonMaskableWake">Its own local APIC has an unmasked entry that delivers NMI, SMI or INIT, or one of those is pending: interrupts off do not keep it halted.</param>
/// <param name="InterruptWake">
/// It has interrupts on, and its own local APIC holds one that it takes, or has a timer armed that the machine knows nothing of; or nobody can tell.
/// </param>
/// <param name="Entries">Changes whenever the vCPU executes something of which no exit tells; 0 where every sleep is an exit.</param>
public readonly record struct VcpuActivity(
    bool Halted, bool WaitingForSipi, bool InterruptsEnabled, bool NonMaskableWake, bool InterruptWake = false, long Entries = 0);

/// <summary>
/// One virtual processor. <see cref="Run"/> is called on one thread for the vCPU's life; <see cref="Kick"/> and <see cref="RequestStop"/>
/// may be called from any thread at any time. The state members are for the thread in <see cref="Run"/> (from within its handler's calls
/// where those allow it), and for any thread while <see cref="Run"/> is not active.
/// </summary>
public interface IVcpu
{
    /// <summary>Its index and APIC id.</summary>
    int Index { get; }

    /// <summary>How often it left the guest, by kind. Written by its thread, read by any.</summary>
    ExitCounts Counts { get; }

    /// <summary>
    /// Runs the guest until it stops. The calling thread becomes the vCPU's. When it returns, the last I/O instruction is complete, so its
    /// registers are architectural state. Never throws for what a guest does; an exception out of a handler passes through.
    /// </summary>
    VcpuExit Run(IExitHandler handler);

    /// <summary>Makes the vCPU leave the guest, call <see cref="IExitHandler.Kicked"/> and re-enter. Never lost: a kick between two entries takes effect at the next.</summary>
    void Kick();

    /// <summary>Makes <see cref="Run"/> return as soon as the current instruction is complete; sticky, so a later <see cref="Run"/> returns at once.</summary>
    void RequestStop();

    /// <summary>Reads registers from the hypervisor. Throws <see cref="HypervisorException"/>.</summary>
    void GetState(ProcessorState state, StateParts parts);

    /// <summary>Writes registers to the hypervisor. Throws <see cref="HypervisorException"/>.</summary>
    void SetState(ProcessorState state, StateParts parts);

    /// <summary>Reads a model-specific register; false when the hypervisor does not know it.</summary>
    bool TryGetMsr(uint index, out ulong value);

    /// <summary>Writes a model-specific register; false when the hypervisor refuses it.</summary>
    bool TrySetMsr(uint index, ulong value);

    /// <summary>What the vCPU is doing. Throws <see cref="HypervisorException"/>.</summary>
    VcpuActivity GetActivity();
}
