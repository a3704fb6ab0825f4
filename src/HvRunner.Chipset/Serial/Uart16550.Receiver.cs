// The receiver, the modem lines and the interrupt logic of the 16550A (data sheet, sections 8.4 to 8.8 and 8.11).

namespace HvRunner.Chipset.Serial;

public sealed partial class Uart16550
{
    private const ModemStatus HostLevels = ModemStatus.Cts | ModemStatus.Dsr | ModemStatus.Dcd;

    private const ModemControl ReadyForData = ModemControl.Rts | ModemControl.Out2;

    /// <summary>So many reads of LSR in a row, with nothing sent between them, are a guest that polls for input and not one that waits to send.</summary>
    private const int PollsOfAReceiver = 16;

    /// <summary>
    /// The guest takes input: its receive interrupt is on, or it polls for it. Until then bytes stay with the host, because setting a port up
    /// clears the FIFO and reads RBR blindly (Linux's driver does), and input that a script or a pipe gave early would be lost in it. The
    /// interrupt counts with RTS (the guest is ready for data) and OUT2 (which lets interrupts through on a PC): Linux tries every bit of IER
    /// while it looks for the port, and turns the FIFO on behind the interrupt; RTS comes last.
    /// </summary>
    private bool IsListening => ((_ier & InterruptEnable.ReceivedData) != 0 && (_mcr & ReadyForData) == ReadyForData) || _polls >= PollsOfAReceiver;

    private int Depth => _fcr.Enable ? ReceiveFifo.Size : 1;

    private int TriggerLevel => _fcr.Enable ? _fcr.TriggerLevel : 1;

    /// <summary>The guest takes input and has none left. Any thread.</summary>
    public bool WantsInput
    {
        get
        {
            lock (_lock)
            {
                return IsListening && _fifo.Count == 0 && (_mcr & ModemControl.Loop) == 0;
            }
        }
    }

    /// <summary>Input from the host could raise the interrupt. Any thread.</summary>
    public bool MayInterrupt
    {
        get
        {
            lock (_lock)
            {
                return (_ier & InterruptEnable.ReceivedData) != 0 && (_mcr & ModemControl.Loop) == 0 && !_input.HasEnded;
            }
        }
    }

    /// <summary>Says that the input has bytes which were not there before. Any thread; returns at once.</summary>
    public void InputReady()
    {
        lock (_lock)
        {
            PullInput();
            UpdateLine();
        }
    }

    /// <summary>Takes as much from the host as there is room for. What is on the wire while the port is in loopback stays there.</summary>
    private void PullInput()
    {
        if ((_mcr & ModemControl.Loop) != 0 || !IsListening)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[ReceiveFifo.Size];
        for (var room = Depth - _fifo.Count; room > 0; room = Depth - _fifo.Count)
        {
            var count = _input.Read(bytes[..room]);
            if (count <= 0)
            {
                return;
            }

            for (var i = 0; i < count; i++)
            {
                _fifo.Push(bytes[i], LineStatus.None);
            }

            Volatile.Write(ref _bytesIn, _bytesIn + count);
        }
    }

    private void ReceiveLooped(byte value, LineStatus errors)
    {
        if (_fifo.Count >= Depth)
        {
            // The FIFO keeps what it has and the shift register is overwritten; the single receiver buffer itself is overwritten.
            _lineErrors |= LineStatus.OverrunError;
            if (_fcr.Enable)
            {
                return;
            }

            _fifo.Pop();
        }

        _fifo.Push(value, errors);
        RevealErrors();
    }

    /// <summary>A byte's errors show in LSR when it becomes the next one to be read.</summary>
    private void RevealErrors() => _lineErrors |= _fifo.TopErrors;

    private byte ReadRbr()
    {
        if (_fifo.Count == 0)
        {
            return 0;
        }

        var value = _fifo.Pop();
        RevealErrors();
        UpdateLine(timeoutElapsed: false);
        PullInput();
        UpdateLine();
        return value;
    }

    private byte ReadLsr()
    {
        _polls = Math.Min(_polls + 1, PollsOfAReceiver);
        if (_polls == PollsOfAReceiver && _fifo.Count == 0 && (_ier & InterruptEnable.ReceivedData) == 0 && (_mcr & ModemControl.Loop) == 0)
        {
            _input.Polled();
        }

        PullInput();
        var value = LineStatus.ThrEmpty | LineStatus.TransmitterEmpty | _lineErrors;
        value |= _fifo.Count > 0 ? LineStatus.DataReady : LineStatus.None;
        value |= _fcr.Enable && _fifo.HasErrors ? LineStatus.FifoError : LineStatus.None;
        _lineErrors = LineStatus.None;
        _fifo.ClearTopErrors();
        UpdateLine();
        return (byte)value;
    }

    private byte ReadMsr()
    {
        var value = _msr;
        _msr &= ModemStatus.Levels;
        UpdateLine();
        return (byte)value;
    }

    private byte ReadIir()
    {
        var id = PendingInterrupt(timeoutElapsed: true);
        if (id == InterruptId.ThrEmpty)
        {
            _threPending = false;
            UpdateLine();
        }

        return (byte)((byte)id | (_fcr.Enable ? 0xc0 : 0));
    }

    private void WriteFcr(FifoControl value)
    {
        var toggled = value.Enable != _fcr.Enable;
        if (toggled || (value.Enable && value.ResetReceiver))
        {
            _fifo.Clear();
            _polls = 0;
        }

        _fcr = value.Enable ? value : default;
        UpdateLine(timeoutElapsed: false);
        PullInput();
        UpdateLine();
    }

    private void WriteMcr(ModemControl value)
    {
        _mcr = value;
        SetModemLevels((value & ModemControl.Loop) != 0 ? LoopedLevels(value) : HostLevels);
        UpdateDirectTransmit();
        PullInput();
        UpdateLine();
    }

    private static ModemStatus LoopedLevels(ModemControl outputs) =>
        ((outputs & ModemControl.Rts) != 0 ? ModemStatus.Cts : 0) |
        ((outputs & ModemControl.Dtr) != 0 ? ModemStatus.Dsr : 0) |
        ((outputs & ModemControl.Out1) != 0 ? ModemStatus.Ri : 0) |
        ((outputs & ModemControl.Out2) != 0 ? ModemStatus.Dcd : 0);

    private void SetModemLevels(ModemStatus levels)
    {
        var old = _msr & ModemStatus.Levels;
        var changed = old ^ levels;
        _msr = levels | (_msr & ModemStatus.Deltas);
        _msr |= (changed & ModemStatus.Cts) != 0 ? ModemStatus.DeltaCts : 0;
        _msr |= (changed & ModemStatus.Dsr) != 0 ? ModemStatus.DeltaDsr : 0;
        _msr |= (changed & ModemStatus.Dcd) != 0 ? ModemStatus.DeltaDcd : 0;
        _msr |= (changed & ModemStatus.Ri) != 0 && (old & ModemStatus.Ri) != 0 ? ModemStatus.TrailingEdgeRi : 0;
    }

    private InterruptId PendingInterrupt(bool timeoutElapsed)
    {
        if ((_ier & InterruptEnable.LineStatus) != 0 && _lineErrors != LineStatus.None)
        {
            return InterruptId.LineStatus;
        }

        if ((_ier & InterruptEnable.ReceivedData) != 0)
        {
            if (_fifo.Count >= TriggerLevel)
            {
                return InterruptId.ReceivedData;
            }

            if (_fifo.Count > 0 && timeoutElapsed)
            {
                return InterruptId.CharacterTimeout;
            }
        }

        if (_threPending)
        {
            return InterruptId.ThrEmpty;
        }

        return (_ier & InterruptEnable.ModemStatus) != 0 && (_msr & ModemStatus.Deltas) != 0 ? InterruptId.ModemStatus : InterruptId.None;
    }

    private void UpdateLine(bool timeoutElapsed = true)
    {
        var level = PendingInterrupt(timeoutElapsed) != InterruptId.None;
        if (level != _lineLevel)
        {
            _lineLevel = level;
            _line.Set(level);
        }
    }
}
