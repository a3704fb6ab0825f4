namespace HvRunner.Abstractions;

/// <summary>The sixteen general registers in their encoding order (SDM vol. 2, table 3-1), which is the order of <see cref="ProcessorState.General"/>.</summary>
public enum GeneralRegister
{
#pragma warning disable CS1591 // The names are the registers.
    Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15,
#pragma warning restore CS1591
}

/// <summary>The segment registers in their encoding order, then the two system segments; the order of <see cref="ProcessorState.Segments"/>.</summary>
public enum SegmentName
{
#pragma warning disable CS1591 // The names are the registers.
    Es, Cs, Ss, Ds, Fs, Gs, Ldtr, Tr,
#pragma warning restore CS1591
}
