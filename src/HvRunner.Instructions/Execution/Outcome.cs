namespace HvRunner.Instructions;

/// <summary>How one attempt at an instruction ended, inside the executor.</summary>
internal enum Outcome : byte
{
    /// <summary>Done; the fall-through or branch target is where RIP goes.</summary>
    Done,

    /// <summary>A fault is recorded.</summary>
    Fault,

    /// <summary>Not implemented, nothing changed.</summary>
    Unsupported,

    /// <summary>A locked operand changed between read and write: run the instruction again from its start.</summary>
    Again,

    /// <summary>The instruction belongs to another group.</summary>
    Elsewhere,
}

/// <summary>Exception vectors (SDM vol. 3A, table 6-1).</summary>
internal static class ExceptionVector
{
    public const byte DivideError = 0;
    public const byte Debug = 1;
    public const byte NonMaskable = 2;
    public const byte Breakpoint = 3;
    public const byte Overflow = 4;
    public const byte BoundRange = 5;
    public const byte InvalidOpcode = 6;
    public const byte DeviceNotAvailable = 7;
    public const byte DoubleFault = 8;
    public const byte InvalidTss = 10;
    public const byte SegmentNotPresent = 11;
    public const byte StackFault = 12;
    public const byte GeneralProtection = 13;
    public const byte PageFault = 14;
    public const byte FloatingPoint = 16;
    public const byte AlignmentCheck = 17;
    public const byte SimdFloatingPoint = 19;
}

/// <summary>What an access does, in the bits of a page fault's error code (SDM vol. 3A, 4.7), and one bit of our own.</summary>
[Flags]
internal enum Access
{
    Read = 0,
    Write = 2,
    User = 4,
    Fetch = 16,

    /// <summary>Made by the processor itself (descriptor tables, TSS): supervisor at any CPL, and EFLAGS.AC does not lift SMAP.</summary>
    Implicit = 0x100,
}

/// <summary>Bits of RFLAGS (SDM vol. 1, 3.4.3).</summary>
internal static class Flag
{
    public const ulong Carry = 1 << 0;
    public const ulong Parity = 1 << 2;
    public const ulong Adjust = 1 << 4;
    public const ulong Zero = 1 << 6;
    public const ulong Sign = 1 << 7;
    public const ulong Trap = 1 << 8;
    public const ulong Interrupt = 1 << 9;
    public const ulong Direction = 1 << 10;
    public const ulong Overflow = 1 << 11;
    public const ulong IoPrivilege = 3 << 12;
    public const ulong NestedTask = 1 << 14;
    public const ulong Resume = 1 << 16;
    public const ulong Virtual8086 = 1 << 17;
    public const ulong AlignmentCheck = 1 << 18;
    public const ulong VirtualInterrupt = 1 << 19;
    public const ulong VirtualInterruptPending = 1 << 20;
    public const ulong Identification = 1 << 21;

    /// <summary>The six status flags that arithmetic sets.</summary>
    public const ulong Status = Carry | Parity | Adjust | Zero | Sign | Overflow;
}

/// <summary>Bits of CR0, CR4 and EFER that the executor looks at (SDM vol. 3A, 2.5; 2.2.1).</summary>
internal static class ControlBit
{
    public const ulong Cr0Pe = 1 << 0;
    public const ulong Cr0Mp = 1 << 1;
    public const ulong Cr0Em = 1 << 2;
    public const ulong Cr0Ts = 1 << 3;
    public const ulong Cr0Et = 1 << 4;
    public const ulong Cr0Ne = 1 << 5;
    public const ulong Cr0Wp = 1 << 16;
    public const ulong Cr0Am = 1 << 18;
    public const ulong Cr0Nw = 1 << 29;
    public const ulong Cr0Cd = 1 << 30;
    public const ulong Cr0Pg = 1UL << 31;
    public const ulong Cr4Vme = 1 << 0;
    public const ulong Cr4Pvi = 1 << 1;
    public const ulong Cr4Tsd = 1 << 2;
    public const ulong Cr4De = 1 << 3;
    public const ulong Cr4Pse = 1 << 4;
    public const ulong Cr4Pae = 1 << 5;
    public const ulong Cr4Mce = 1 << 6;
    public const ulong Cr4Pge = 1 << 7;
    public const ulong Cr4Pce = 1 << 8;
    public const ulong Cr4Osfxsr = 1 << 9;
    public const ulong Cr4Osxmmexcpt = 1 << 10;
    public const ulong Cr4Umip = 1 << 11;
    public const ulong Cr4La57 = 1 << 12;
    public const ulong Cr4Fsgsbase = 1 << 16;
    public const ulong Cr4Pcide = 1 << 17;
    public const ulong Cr4Osxsave = 1 << 18;
    public const ulong Cr4Smep = 1 << 20;
    public const ulong Cr4Smap = 1 << 21;
    public const ulong EferSce = 1 << 0;
    public const ulong EferLme = 1 << 8;
    public const ulong EferLma = 1 << 10;
    public const ulong EferNxe = 1 << 11;
}

/// <summary>Bits of DR6 and DR7 (SDM vol. 3B, 18.2).</summary>
internal static class DebugBit
{
    public const uint AccessDetected = 1 << 13;
    public const uint SingleStep = 1 << 14;

    /// <summary>DR6 bits that always read 1.</summary>
    public const uint Dr6Fixed = 0xffff_0ff0;

    /// <summary>DR7: MOV of a debug register is a debug exception.</summary>
    public const uint GeneralDetect = 1 << 13;
}
