// Registers of the PC16550D UART (data sheet of June 1995, section 8), with its names and bit positions.

namespace HvRunner.Chipset.Serial;

/// <summary>Register offsets from the port's base. Two registers of one offset differ by direction or by the divisor latch access bit.</summary>
internal static class UartRegister
{
    public const byte Rbr = 0;
    public const byte Thr = 0;
    public const byte Dll = 0;
    public const byte Ier = 1;
    public const byte Dlm = 1;
    public const byte Iir = 2;
    public const byte Fcr = 2;
    public const byte Lcr = 3;
    public const byte Mcr = 4;
    public const byte Lsr = 5;
    public const byte Msr = 6;
    public const byte Scr = 7;
}

/// <summary>IER: which sources may interrupt.</summary>
[Flags]
internal enum InterruptEnable : byte
{
    None = 0,
    ReceivedData = 0x01,
    ThrEmpty = 0x02,
    LineStatus = 0x04,
    ModemStatus = 0x08,
    All = 0x0f,
}

/// <summary>IIR bits 3:0, highest priority first in section 8.5; the two top bits of the register say that the FIFOs are on.</summary>
internal enum InterruptId : byte
{
    ModemStatus = 0x00,
    None = 0x01,
    ThrEmpty = 0x02,
    ReceivedData = 0x04,
    LineStatus = 0x06,
    CharacterTimeout = 0x0c,
}

/// <summary>LSR.</summary>
[Flags]
internal enum LineStatus : byte
{
    None = 0,
    DataReady = 0x01,
    OverrunError = 0x02,
    ParityError = 0x04,
    FramingError = 0x08,
    BreakInterrupt = 0x10,
    ThrEmpty = 0x20,
    TransmitterEmpty = 0x40,
    FifoError = 0x80,
    Errors = OverrunError | ParityError | FramingError | BreakInterrupt,
}

/// <summary>MCR.</summary>
[Flags]
internal enum ModemControl : byte
{
    None = 0,
    Dtr = 0x01,
    Rts = 0x02,
    Out1 = 0x04,
    Out2 = 0x08,
    Loop = 0x10,
    All = 0x1f,
}

/// <summary>MSR: levels in the high half, what changed since the last read in the low half.</summary>
[Flags]
internal enum ModemStatus : byte
{
    None = 0,
    DeltaCts = 0x01,
    DeltaDsr = 0x02,
    TrailingEdgeRi = 0x04,
    DeltaDcd = 0x08,
    Cts = 0x10,
    Dsr = 0x20,
    Ri = 0x40,
    Dcd = 0x80,
    Deltas = 0x0f,
    Levels = 0xf0,
}

/// <summary>LCR.</summary>
internal readonly record struct LineControl(byte Value)
{
    /// <summary>Offsets 0 and 1 are the divisor latch.</summary>
    public bool DivisorLatchAccess => (Value & 0x80) != 0;

    /// <summary>The serial output is held in the spacing state.</summary>
    public bool SetBreak => (Value & 0x40) != 0;
}

/// <summary>FCR. The other bits count only in a write that has <see cref="Enable"/> set.</summary>
internal readonly record struct FifoControl(byte Value)
{
    public bool Enable => (Value & 0x01) != 0;

    public bool ResetReceiver => (Value & 0x02) != 0;

    /// <summary>Bytes in the receiver FIFO from which on the received-data interrupt is raised.</summary>
    public int TriggerLevel => (Value >> 6) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };
}
