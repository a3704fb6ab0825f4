namespace HvRunner.Abstractions;

/// <summary>How often one vCPU left its guest, by kind: the report's <c>exits</c>. Written by the vCPU's thread alone; others read a recent value.</summary>
public sealed class ExitCounts
{
#pragma warning disable CA1051 // Counters, bumped on the hot path.
    /// <summary>IN and INS, one for each exit, whatever its repeat count.</summary>
    public long PortIn;

    /// <summary>OUT and OUTS.</summary>
    public long PortOut;

    /// <summary>Reads where there is no RAM.</summary>
    public long MmioRead;

    /// <summary>Writes where there is no writable RAM.</summary>
    public long MmioWrite;

    /// <summary>RDMSR passed on by the hypervisor.</summary>
    public long MsrRead;

    /// <summary>WRMSR passed on by the hypervisor.</summary>
    public long MsrWrite;

    /// <summary>CPUID passed on by the hypervisor.</summary>
    public long Cpuid;

    /// <summary>HLT passed on by the hypervisor.</summary>
    public long Halt;

    /// <summary>The guest became ready to take an interrupt.</summary>
    public long InterruptWindow;

    /// <summary>Instructions that the hypervisor refused and hvrun completed.</summary>
    public long CompletedInstruction;

    /// <summary>
    /// Instructions that hvrun executed instead of the hypervisor, because that would not have told what they do; those that it refused are not among them. What they
    /// asked of the machine counts as the exits that it would have been; they themselves are no exits, and not in <see cref="Total"/>.
    /// </summary>
    public long SteppedInstruction;

    /// <summary>Everything else: signals, hypercalls, spurious returns.</summary>
    public long Other;
#pragma warning restore CA1051

    /// <summary>All but <see cref="Other"/>: what the guest's own instructions caused. The host's kicks are not among them. Any thread.</summary>
    public long OfGuest => Total - Volatile.Read(ref Other);

    /// <summary>All of them together.</summary>
    public long Total =>
        Volatile.Read(ref PortIn) + Volatile.Read(ref PortOut) + Volatile.Read(ref MmioRead) + Volatile.Read(ref MmioWrite) +
        Volatile.Read(ref MsrRead) + Volatile.Read(ref MsrWrite) + Volatile.Read(ref Cpuid) + Volatile.Read(ref Halt) +
        Volatile.Read(ref InterruptWindow) + Volatile.Read(ref CompletedInstruction) + Volatile.Read(ref Other);
}
