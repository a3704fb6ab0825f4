using System.Runtime.InteropServices;
using HvRunner.Abstractions;

namespace HvRunner.Instructions;

/// <summary>How a step ended.</summary>
public enum CompletionKind : byte
{
    /// <summary>The instruction, or one iteration of a repeated string instruction, is done and RIP stands where the guest goes on.</summary>
    Completed,

    /// <summary>The instruction raised an exception, which the caller delivers; RIP stands at the instruction.</summary>
    Fault,

    /// <summary>The executor does not implement what was asked, see <see cref="Completion.Reason"/>; nothing changed.</summary>
    Unsupported,

    /// <summary>A triple fault (SDM vol. 3A, 6.15, interrupt 8): the processor is dead until it is reset. Comes from the delivery of exceptions only.</summary>
    Shutdown,
}

/// <summary>What the executor does not implement.</summary>
public enum UnsupportedReason : byte
{
    /// <summary>Nothing is missing.</summary>
    None,

    /// <summary>The instruction itself.</summary>
    Instruction,

    /// <summary>A switch of tasks by hardware: a task gate, a far transfer to a TSS, or IRET with EFLAGS.NT set (SDM vol. 3A, chapter 7).</summary>
    TaskSwitch,

    /// <summary>Code in virtual-8086 mode (SDM vol. 3B, chapter 20).</summary>
    Virtual8086,
}

/// <summary>Which translations a cache of them has to forget (SDM vol. 3A, 4.10.4). Process contexts are not told apart: all count as one.</summary>
public enum TranslationFlush : byte
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of the page around <see cref="Completion.FlushAddress"/>, global or not.</summary>
    Page,

    /// <summary>All but those of global pages.</summary>
    NonGlobal,

    /// <summary>All.</summary>
    All,
}

/// <summary>The outcome of one step, as a value: nothing that a guest does raises an exception in the host.</summary>
[StructLayout(LayoutKind.Auto)]
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

    /// <summary>Translations that may have changed their meaning (INVLPG, INVPCID, a write to CR0, CR3, CR4 or EFER).</summary>
    public TranslationFlush Flush { get; init; }

    /// <summary>The linear address, with <see cref="TranslationFlush.Page"/>.</summary>
    public ulong FlushAddress { get; init; }

    /// <summary>
    /// Bits for DR6. With a fault of vector 1: why it was raised. With a completed instruction, when not 0: a debug trap is due behind it
    /// (EFLAGS.TF, a data or I/O breakpoint), to be delivered before anything else. DR6 itself is left alone.
    /// </summary>
    public uint DebugCause { get; init; }

    /// <summary>With <see cref="CompletionKind.Unsupported"/>: what is missing.</summary>
    public UnsupportedReason Reason { get; init; }

    /// <summary>Interrupts are held off until after the next instruction (STI, MOV SS, POP SS; SDM vol. 3A, 6.8.3).</summary>
    public bool InterruptShadow { get; init; }

    /// <summary>The instruction was IRET: NMIs, held off since the last one was taken, may come again (SDM vol. 3A, 6.7.1).</summary>
    public bool ReturnedFromInterrupt { get; init; }

    /// <summary>The instruction was HLT: the processor sleeps until an interrupt. MWAIT never sleeps.</summary>
    public bool Halted { get; init; }
}
