// Registers and commands of the PC/AT keyboard controller (Intel 8042 with IBM's firmware; IBM PC/AT technical reference, "Keyboard
// controller").

namespace HvRunner.Chipset.Power;

/// <summary>The status register, port 0x64.</summary>
[Flags]
internal enum ControllerStatus : byte
{
    None = 0,
    OutputBufferFull = 0x01,
    InputBufferFull = 0x02,
    SystemFlag = 0x04,
    LastWriteWasCommand = 0x08,
    NotLocked = 0x10,
}

/// <summary>The command byte of the controller.</summary>
[Flags]
internal enum ControllerCommandByte : byte
{
    None = 0,
    SystemFlag = 0x04,
    KeyboardDisabled = 0x10,
    AuxiliaryDisabled = 0x20,

    /// <summary>No firmware has run: tested, both interfaces off, no interrupts.</summary>
    PowerOn = SystemFlag | KeyboardDisabled | AuxiliaryDisabled,
}

/// <summary>Commands that the guest writes to port 0x64.</summary>
internal static class ControllerCommand
{
    public const byte ReadCommandByte = 0x20;
    public const byte WriteCommandByte = 0x60;
    public const byte DisableAuxiliary = 0xa7;
    public const byte EnableAuxiliary = 0xa8;
    public const byte TestAuxiliary = 0xa9;
    public const byte SelfTest = 0xaa;
    public const byte TestKeyboard = 0xab;
    public const byte DisableKeyboard = 0xad;
    public const byte EnableKeyboard = 0xae;
    public const byte ReadInputPort = 0xc0;
    public const byte ReadOutputPort = 0xd0;
    public const byte WriteOutputPort = 0xd1;
    public const byte WriteKeyboardBuffer = 0xd2;
    public const byte WriteAuxiliaryBuffer = 0xd3;

    /// <summary>From here on: pulse the output port's lines whose bits are 0 in the low half.</summary>
    public const byte PulseFirst = 0xf0;
}
