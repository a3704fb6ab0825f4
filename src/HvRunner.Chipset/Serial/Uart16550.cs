// 16550A UART: PC16550D data sheet (June 1995), section 8; the wiring is that of a PC's COM port.
//
// Output is instantaneous: a byte written to THR has left when the instruction ends, so LSR always says that the transmitter is
// empty, and the instruction takes as long as the host's reader makes it take. Input is pulled from the host as far as the FIFO has
// room (one byte while the FIFOs are off), so nothing from the host ever overruns; only loopback can. It is pulled only once the guest
// listens: its receive interrupt is on, or it polls LSR.
//
// Choices where the data sheet needs a time base or a board:
// - The character time-out needs no clock. Input below the trigger level means that the host has no more at this moment, so the
//   time-out is reported at once. As on the chip, reading RBR ends a time-out; it comes back at once while bytes remain, which gives
//   an edge-triggered controller its new edge for each byte left.
// - OUT2 does not gate the interrupt line. PC boards do that; a guest that forgets OUT2 is better served by interrupts than by
//   silence.
// - Outside loopback CTS, DSR and DCD are asserted and RI is not: the host's end is always there.
// - A wide access is a run of byte accesses, as on the ISA bus.
//
// Not emulated: baud rate and word format (the divisor and LCR are stored), parity and framing errors, break towards the host (LCR
// bit 6 has an effect in loopback only), DMA mode select.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Serial;

/// <summary>
/// A 16550A serial port of 8 byte registers. Register accesses come from vCPU threads, <see cref="InputReady"/> from any thread. A write to the
/// transmitter may block the vCPU thread in <see cref="ISerialOutput.Write"/>, with no lock of the port held.
/// </summary>
public sealed partial class Uart16550 : IBusDevice, IStateful
{
    /// <summary>Size of the register block in bytes (ports).</summary>
    public const int RegionSize = 8;

    // 9600 baud from 1.8432 MHz, what firmware leaves behind.
    private const ushort DefaultDivisor = 12;

    // Wiring.
    private readonly IInterruptLine _line;
    private readonly ISerialOutput _output;
    private readonly ISerialInput _input;
    private readonly Lock _lock = new();

    // Volatile state.
    private readonly ReceiveFifo _fifo = new();
    private InterruptEnable _ier;
    private FifoControl _fcr;
    private LineControl _lcr;
    private ModemControl _mcr;
    private LineStatus _lineErrors;
    private ModemStatus _msr;
    private byte _scr;
    private ushort _divisor;
    private bool _threPending;
    private bool _lineLevel;

    // Reads of LSR since something was sent or set up; written without the lock by a sender, which at worst makes it count anew.
    private volatile int _polls;

    // THR goes straight to the output: derived from LCR, MCR and IER, so that the hot path needs no lock.
    private volatile bool _directTransmit;

    // Statistics, not the guest's state.
    private long _bytesIn;
    private long _bytesOut;

    /// <summary>Makes a port in its power-on state.</summary>
    /// <param name="name">What logs call it ("com1").</param>
    /// <param name="line">Its interrupt pin; driven high while a source is pending.</param>
    /// <param name="output">Takes what the guest sends.</param>
    /// <param name="input">Gives what the guest receives.</param>
    public Uart16550(string name, IInterruptLine line, ISerialOutput output, ISerialInput input)
    {
        Name = name;
        _line = line;
        _output = output;
        _input = input;
        Reset();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Bytes taken from the host since the port was made. Any thread.</summary>
    public long BytesIn => Volatile.Read(ref _bytesIn);

    /// <summary>Bytes that the guest sent to the host since the port was made. Any thread.</summary>
    public long BytesOut => Volatile.Read(ref _bytesOut);

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            for (var i = 0; i < data.Length; i++)
            {
                var register = offset + (ulong)i;
                data[i] = register < RegionSize ? ReadRegister((byte)register) : (byte)0xff;
            }
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == UartRegister.Thr && data.Length == 1 && _directTransmit)
        {
            Interlocked.Increment(ref _bytesOut);
            ForgetPolls();
            _output.Write(data);
            return IoStatus.Ok;
        }

        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        for (var i = 0; i < data.Length && offset + (ulong)i < RegionSize; i++)
        {
            WriteRegister((byte)(offset + (ulong)i), data.Slice(i, 1));
        }

        return IoStatus.Ok;
    }

    private byte ReadRegister(byte register) => register switch
    {
        UartRegister.Dll when _lcr.DivisorLatchAccess => (byte)_divisor,
        UartRegister.Dlm when _lcr.DivisorLatchAccess => (byte)(_divisor >> 8),
        UartRegister.Rbr => ReadRbr(),
        UartRegister.Ier => (byte)_ier,
        UartRegister.Iir => ReadIir(),
        UartRegister.Lcr => _lcr.Value,
        UartRegister.Mcr => (byte)_mcr,
        UartRegister.Lsr => ReadLsr(),
        UartRegister.Msr => ReadMsr(),
        _ => _scr,
    };

    private void WriteRegister(byte register, ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            var value = data[0];
            switch (register)
            {
                case UartRegister.Dll when _lcr.DivisorLatchAccess:
                    _divisor = (ushort)((_divisor & 0xff00) | value);
                    return;
                case UartRegister.Dlm when _lcr.DivisorLatchAccess:
                    _divisor = (ushort)((_divisor & 0x00ff) | (value << 8));
                    return;
                case UartRegister.Thr when (_mcr & ModemControl.Loop) != 0:
                    ReceiveLooped(value, LineStatus.None);
                    RaiseThrEmpty();
                    return;
                case UartRegister.Thr:
                    _threPending = false;
                    UpdateLine();
                    break;
                case UartRegister.Ier:
                    WriteIer((InterruptEnable)value & InterruptEnable.All);
                    return;
                case UartRegister.Fcr:
                    WriteFcr(new FifoControl(value));
                    return;
                case UartRegister.Lcr:
                    WriteLcr(new LineControl(value));
                    return;
                case UartRegister.Mcr:
                    WriteMcr((ModemControl)value & ModemControl.All);
                    return;
                case UartRegister.Scr:
                    _scr = value;
                    return;
                default:
                    // LSR and MSR are written by factory tests only.
                    return;
            }
        }

        Transmit(data);
    }

    /// <summary>Sends one byte with the lock free, since the output may block; the transmitter is empty again, and says so, only afterwards.</summary>
    private void Transmit(ReadOnlySpan<byte> data)
    {
        Interlocked.Increment(ref _bytesOut);
        ForgetPolls();
        _output.Write(data);
        lock (_lock)
        {
            RaiseThrEmpty();
        }
    }

    /// <summary>LSR was read to send. A guest that has polled for input before goes on being one that does.</summary>
    private void ForgetPolls()
    {
        if (_polls < PollsOfAReceiver)
        {
            _polls = 0;
        }
    }

    private void RaiseThrEmpty()
    {
        _threPending = (_ier & InterruptEnable.ThrEmpty) != 0;
        UpdateLine();
    }

    private void WriteIer(InterruptEnable value)
    {
        // The transmitter is always empty, so enabling its interrupt raises it at once, each time anew.
        var hadThrEmpty = (_ier & InterruptEnable.ThrEmpty) != 0;
        _ier = value;
        _polls = 0;
        if (hadThrEmpty != ((value & InterruptEnable.ThrEmpty) != 0))
        {
            _threPending = !hadThrEmpty;
        }

        UpdateDirectTransmit();
        PullInput();
        UpdateLine();
    }

    private void WriteLcr(LineControl value)
    {
        var breakBegins = value.SetBreak && !_lcr.SetBreak;
        _lcr = value;
        UpdateDirectTransmit();
        if (breakBegins && (_mcr & ModemControl.Loop) != 0)
        {
            ReceiveLooped(0, LineStatus.BreakInterrupt);
            UpdateLine();
        }
    }

    private void UpdateDirectTransmit() =>
        _directTransmit = !_lcr.DivisorLatchAccess && (_mcr & ModemControl.Loop) == 0 && (_ier & InterruptEnable.ThrEmpty) == 0;
}
