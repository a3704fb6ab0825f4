using System.Runtime.CompilerServices;

namespace HvRunner.Abstractions;

/// <summary>Which groups of registers to move between a hypervisor and a <see cref="ProcessorState"/>; each is one host call or a few.</summary>
[Flags]
public enum StateParts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>General registers, RIP, RFLAGS.</summary>
    General = 1,

    /// <summary>Segments, descriptor tables, control registers, EFER, APIC base.</summary>
    System = 2,

    /// <summary>x87, SSE, AVX and further extended state, and XCR0.</summary>
    Extended = 4,

    /// <summary>DR0 to DR3, DR6, DR7.</summary>
    Debug = 8,
}

/// <summary>Sixteen 64-bit registers, in <see cref="GeneralRegister"/> order.</summary>
[InlineArray(16)]
public struct GeneralRegisterFile
{
    private ulong _first;
}

/// <summary>Eight segment registers, in <see cref="SegmentName"/> order.</summary>
[InlineArray(8)]
public struct SegmentRegisterFile
{
    private SegmentRegister _first;
}

/// <summary>
/// The architectural registers of one vCPU: what a boot protocol sets, a backend fills and writes back, and the processor library works on.
/// Plain fields on purpose: this is the register file of an interpreter. One thread at a time uses an instance.
/// </summary>
public class ProcessorState
{
#pragma warning disable CA1051 // A register file: the interpreter reads and writes these on its fastest path.
    /// <summary>The general registers.</summary>
    public GeneralRegisterFile General;

    /// <summary>Instruction pointer.</summary>
    public ulong Rip;

    /// <summary>Flags; bit 1 always reads 1.</summary>
    public ulong Rflags = 2;

    /// <summary>Segment registers and system segments.</summary>
    public SegmentRegisterFile Segments;

    /// <summary>Global descriptor table.</summary>
    public DescriptorTableRegister Gdtr;

    /// <summary>Interrupt descriptor table.</summary>
    public DescriptorTableRegister Idtr;

    /// <summary>Control register 0.</summary>
    public ulong Cr0;

    /// <summary>Control register 2: the last page fault's linear address.</summary>
    public ulong Cr2;

    /// <summary>Control register 3: page-table base, and PCID or cache bits.</summary>
    public ulong Cr3;

    /// <summary>Control register 4.</summary>
    public ulong Cr4;

    /// <summary>Control register 8: task priority, bits 3:0.</summary>
    public ulong Cr8;

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong ApicBase;

    /// <summary>DR0 to DR3, two unused, DR6, DR7.</summary>
    public DebugRegisterFile Debug;
#pragma warning restore CA1051

    /// <summary>x87, SSE, AVX and further state.</summary>
    public ExtendedState Extended { get; } = new();

    /// <summary>A general register.</summary>
    public ulong this[GeneralRegister register]
    {
        get => General[(int)register];
        set => General[(int)register] = value;
    }

    /// <summary>A segment register, by reference.</summary>
    public ref SegmentRegister this[SegmentName name] => ref Segments[(int)name];
}

/// <summary>DR0 to DR7.</summary>
[InlineArray(8)]
public struct DebugRegisterFile
{
    private ulong _first;
}
