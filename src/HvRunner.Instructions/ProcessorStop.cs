namespace HvRunner.Instructions;

/// <summary>Why <see cref="Processor.Run"/> returned. In every case the registers are architectural state.</summary>
public enum ProcessorStop
{
    /// <summary>The budget of instructions is used up, or <see cref="Processor.StopWhenInterruptible"/> was asked for and has come true, or <see cref="Processor.LeaveSoon"/> was called.</summary>
    Budget,

    /// <summary>HLT or MWAIT: nothing more happens until an interrupt is delivered. RIP stands behind the instruction.</summary>
    Halted,

    /// <summary>A triple fault. RIP stands at the instruction whose exception could not be delivered.</summary>
    Shutdown,

    /// <summary>An instruction that this processor does not implement; RIP stands at it, and <see cref="Processor.Refusal"/> says why.</summary>
    Unsupported,
}
