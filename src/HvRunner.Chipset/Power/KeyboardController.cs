// The PC/AT keyboard controller at ports 0x60 and 0x64 (IBM PC/AT technical reference), as far as programs without a keyboard need
// it: it answers its own commands, so that probing ends quickly, and resets the machine by command 0xfe or output port bit 0.
//
// There is no keyboard and no mouse: bytes for them are dropped, nothing ever arrives, IRQ 1 and IRQ 12 are not wired. The auxiliary
// interface fails its test, and what command 0xd3 echoes is not marked as a mouse's, so that a guest gives up on it without waiting.
// A20 is always on.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Power;

/// <summary>
/// The controller's two byte ports, one device each because another port lies between them; state belongs to the whole. Accesses come from
/// vCPU threads.
/// </summary>
public sealed class KeyboardController : IStateful
{
    private const string Name = "keyboard-controller";
    private const byte StateVersion = 1;

    private const byte SelfTestPassed = 0x55;
    private const byte InterfaceGood = 0x00;
    private const byte ClockLineStuck = 0x01;

    // Bit 0 low resets the processor, bit 1 is A20.
    private const byte OutputPortResetHigh = 0x01;
    private const byte OutputPort = 0x03;

    // Wiring.
    private readonly IPowerControl _power;
    private readonly Lock _lock = new();

    // Volatile state.
    private ControllerCommandByte _commandByte;
    private byte _output;
    private bool _outputFull;
    private bool _lastWriteWasCommand;
    private byte _awaitsData;

    /// <summary>Makes the controller in its power-on state.</summary>
    /// <param name="power">Is asked for a reset.</param>
    public KeyboardController(IPowerControl power)
    {
        _power = power;
        DataPort = new Port(this, "keyboard-data", isCommand: false);
        CommandPort = new Port(this, "keyboard-command", isCommand: true);
        Reset();
    }

    /// <summary>Port 0x60, 1 byte.</summary>
    public IBusDevice DataPort { get; }

    /// <summary>Port 0x64, 1 byte.</summary>
    public IBusDevice CommandPort { get; }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _commandByte = ControllerCommandByte.PowerOn;
            _output = 0;
            _outputFull = false;
            _lastWriteWasCommand = true;
            _awaitsData = 0;
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            writer.Byte((byte)_commandByte);
            writer.Byte(_output);
            writer.Bool(_outputFull);
            writer.Bool(_lastWriteWasCommand);
            writer.Byte(_awaitsData);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _commandByte = (ControllerCommandByte)reader.Byte();
            _output = reader.Byte();
            _outputFull = reader.Bool();
            _lastWriteWasCommand = reader.Bool();
            _awaitsData = reader.Byte();
        }
    }

    private byte ReadStatus()
    {
        lock (_lock)
        {
            var status = ControllerStatus.SystemFlag | ControllerStatus.NotLocked;
            status |= _outputFull ? ControllerStatus.OutputBufferFull : ControllerStatus.None;
            status |= _lastWriteWasCommand ? ControllerStatus.LastWriteWasCommand : ControllerStatus.None;
            return (byte)status;
        }
    }

    private byte ReadData()
    {
        lock (_lock)
        {
            _outputFull = false;
            return _output;
        }
    }

    private void WriteCommand(byte command)
    {
        bool resets;
        lock (_lock)
        {
            _lastWriteWasCommand = true;
            _awaitsData = 0;
            resets = command >= ControllerCommand.PulseFirst && (command & OutputPortResetHigh) == 0;
            Execute(command);
        }

        ResetIf(resets);
    }

    private void WriteData(byte value)
    {
        bool resets;
        lock (_lock)
        {
            _lastWriteWasCommand = false;
            resets = _awaitsData == ControllerCommand.WriteOutputPort && (value & OutputPortResetHigh) == 0;
            switch (_awaitsData)
            {
                case ControllerCommand.WriteCommandByte:
                    _commandByte = (ControllerCommandByte)value;
                    break;
                case ControllerCommand.WriteKeyboardBuffer or ControllerCommand.WriteAuxiliaryBuffer:
                    Answer(value);
                    break;
            }

            _awaitsData = 0;
        }

        ResetIf(resets);
    }

    private void Execute(byte command)
    {
        switch (command)
        {
            case ControllerCommand.ReadCommandByte:
                Answer((byte)_commandByte);
                break;
            case ControllerCommand.SelfTest:
                Answer(SelfTestPassed);
                break;
            case ControllerCommand.TestKeyboard:
                Answer(InterfaceGood);
                break;
            case ControllerCommand.TestAuxiliary:
                Answer(ClockLineStuck);
                break;
            case ControllerCommand.DisableKeyboard:
                _commandByte |= ControllerCommandByte.KeyboardDisabled;
                break;
            case ControllerCommand.EnableKeyboard:
                _commandByte &= ~ControllerCommandByte.KeyboardDisabled;
                break;
            case ControllerCommand.DisableAuxiliary:
                _commandByte |= ControllerCommandByte.AuxiliaryDisabled;
                break;
            case ControllerCommand.EnableAuxiliary:
                _commandByte &= ~ControllerCommandByte.AuxiliaryDisabled;
                break;
            case ControllerCommand.ReadInputPort:
                Answer(0);
                break;
            case ControllerCommand.ReadOutputPort:
                Answer(OutputPort);
                break;
            case ControllerCommand.WriteCommandByte:
            case ControllerCommand.WriteOutputPort:
            case ControllerCommand.WriteKeyboardBuffer:
            case ControllerCommand.WriteAuxiliaryBuffer:
                _awaitsData = command;
                break;
        }
    }

    private void Answer(byte value)
    {
        _output = value;
        _outputFull = true;
    }

    private void ResetIf(bool resets)
    {
        if (resets)
        {
            _power.Reset("keyboard controller");
        }
    }

    private sealed class Port(KeyboardController controller, string name, bool isCommand) : IBusDevice
    {
        public string Name => name;

        public IoStatus Read(ulong offset, Span<byte> data)
        {
            if (offset != 0 || data.Length != 1)
            {
                return IoStatus.BadAccess;
            }

            data[0] = isCommand ? controller.ReadStatus() : controller.ReadData();
            return IoStatus.Ok;
        }

        public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
        {
            if (offset != 0 || data.Length != 1)
            {
                return IoStatus.BadAccess;
            }

            if (isCommand)
            {
                controller.WriteCommand(data[0]);
            }
            else
            {
                controller.WriteData(data[0]);
            }

            return IoStatus.Ok;
        }
    }
}
