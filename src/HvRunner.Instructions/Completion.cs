using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>How a step ended.</summary>
public enum CompletionKind
{
    /// <summary>The instruction, or one iteration of a repeated string instruction, is done and RIP stands where the guest goes on.</summary>
    Completed,

    /// <summary>The instruction raised an exception, which the caller delivers; RIP stands at the instruction.</summary>
    Fault,

    /// <summary>The executor does not implement the instruction; nothing changed.</summary>
    Unsupported,
}

/// <summary>The outcome of one step, as a value: nothing that a guest does raises an exception in the host.</summary>
public readonly record struct Completion
{
    /// <summary>How the step ended.</summary>
    public CompletionKind Kind { get; init; }

    /// <summary>The exception to deliver, when <see cref="Kind"/> is a fault.</summary>
    public byte Vector { get; init; }

    /// <summary>The exception carries <see cref="ErrorCode"/>; never in real-address mode.</summary>
    public bool HasErrorCode { get; init; }

    /// <summary>The error code of the exception.</summary>
    public uint ErrorCode { get; init; }

    /// <summary>With a page fault (vector 14): the linear address that CR2 is to hold. <see cref="ProcessorState.Cr2"/> itself is left alone.</summary>
    public ulong Cr2 { get; init; }

    /// <summary>
    /// The parts of the state that differ from before and are to be written back. Also with a fault: an unmasked SIMD floating-point exception
    /// leaves its flag in MXCSR, and an x87 operation leaves its own in the status word.
    /// </summary>
    public StateParts Changed { get; init; }

    /// <summary>Length of the instruction in bytes; 0 when it could not be fetched.</summary>
    public int Length { get; init; }

    /// <summary>Translations may have changed meaning (INVPCID, INVLPG, a write to CR0, CR3 or CR4): a cache of them is to be emptied.</summary>
    public bool FlushTlb { get; init; }

    /// <summary>Interrupts are held off until after the next instruction (STI, MOV SS, POP SS; SDM vol. 3A, 6.8.3).</summary>
    public bool InterruptShadow { get; init; }

    /// <summary>The instruction was IRET: NMIs, held off since the last one was taken, may come again (SDM vol. 3A, 6.7.1).</summary>
    public bool ReturnedFromInterrupt { get; init; }

    /// <summary>The instruction was HLT: the processor sleeps until an interrupt.</summary>
    public bool Halted { get; init; }
}
