// Reset, save and load of the 16550A. The master reset of the data sheet's table I leaves RBR, THR, SCR and the divisor undefined;
// here they get the values that firmware leaves behind, since no firmware runs before the guest.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Serial;

public sealed partial class Uart16550
{
    private const byte StateVersion = 1;

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _fifo.Clear();
            _ier = InterruptEnable.None;
            _fcr = default;
            _lcr = default;
            _mcr = ModemControl.None;
            _lineErrors = LineStatus.None;
            _msr = HostLevels;
            _scr = 0;
            _divisor = DefaultDivisor;
            _threPending = false;
            _polls = 0;
            UpdateDirectTransmit();
            _lineLevel = false;
            _line.Set(false);
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Begin(Name, StateVersion);
            _fifo.Save(writer);
            writer.Byte((byte)_ier);
            writer.Byte(_fcr.Value);
            writer.Byte(_lcr.Value);
            writer.Byte((byte)_mcr);
            writer.Byte((byte)_lineErrors);
            writer.Byte((byte)_msr);
            writer.Byte(_scr);
            writer.UInt16(_divisor);
            writer.Bool(_threPending);
            writer.Byte((byte)_polls);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _fifo.Load(reader);
            _ier = (InterruptEnable)reader.Byte() & InterruptEnable.All;
            _fcr = new FifoControl(reader.Byte());
            _lcr = new LineControl(reader.Byte());
            _mcr = (ModemControl)reader.Byte() & ModemControl.All;
            _lineErrors = (LineStatus)reader.Byte() & LineStatus.Errors;
            _msr = (ModemStatus)reader.Byte();
            _scr = reader.Byte();
            _divisor = reader.UInt16();
            _threPending = reader.Bool();
            _polls = Math.Min((int)reader.Byte(), PollsOfAReceiver);
            UpdateDirectTransmit();
            PullInput();
            _lineLevel = PendingInterrupt(timeoutElapsed: true) != InterruptId.None;
            _line.Set(_lineLevel);
        }
    }
}
