// The PM1a event and control register blocks of ACPI's fixed hardware (ACPI 6.5, sections 4.8.3.1 and 4.8.3.2), side by side: PM1_STS,
// PM1_EN and PM1_CNT, 16 bits each. Writing ones clears status bits. SCI is the OR of the enabled events while SCI_EN is up, a level.
//
// Events: the PM timer's carry and the power button. SLP_EN with the sleep type of S5 switches the machine off; the other types, which no
// table names, do nothing. SCI_EN is up from power-on, as there is no SMI and no legacy mode to come from. A wide access is a run of byte
// accesses that takes effect as one; a guest may use 8, 16 or 32 bits.
//
// Absent: sleep button, RTC wake event, bus master and global lock status, PM1b, PM2, general-purpose events; the FADT says so. The reset
// register is ResetControl.

using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;

namespace HvRunner.Chipset.Power;

/// <summary>The registers, 6 ports. Accesses come from vCPU threads, deadlines from the timer queue's thread.</summary>
public sealed class AcpiPm1Block : IBusDevice, IStateful, IDisposable
{
    /// <summary>Size of the region in bytes (ports).</summary>
    public const int RegionSize = 6;

    /// <summary>Bytes of the event block, which comes first.</summary>
    public const int EventBytes = 4;

    /// <summary>Bytes of the control block behind it.</summary>
    public const int ControlBytes = 2;

    /// <summary>SLP_TYP of S5 "soft off", which the DSDT's _S5 has to name.</summary>
    public const int SoftOffSleepType = 5;

    private const byte StateVersion = 1;

    // Wiring.
    private readonly AcpiPmTimer _pmTimer;
    private readonly IInterruptLine _sci;
    private readonly IPowerControl _power;
    private readonly IDeadlineTimer _timer;
    private readonly Lock _lock = new();

    // Volatile state. _carries is how many of the timer's carries the status has seen.
    private Pm1Events _status;
    private Pm1Events _enable;
    private Pm1Control _control;
    private long _carries;
    private long? _armedCarry;
    private bool _sciLevel;

    /// <summary>Makes the block in its power-on state.</summary>
    /// <param name="queue">Guest time.</param>
    /// <param name="pmTimer">Whose carries are events; saved, loaded and reset on its own, before this block.</param>
    /// <param name="sci">The system control interrupt, level-triggered. Driven with the block's lock held.</param>
    /// <param name="power">Is asked for the power-off.</param>
    public AcpiPm1Block(ITimerQueue queue, AcpiPmTimer pmTimer, IInterruptLine sci, IPowerControl power)
    {
        _pmTimer = pmTimer;
        _sci = sci;
        _power = power;
        _timer = queue.CreateTimer(OnDeadline);
        Reset();
    }

    /// <inheritdoc/>
    public string Name => "pm1";

    /// <summary>Presses the power button: what follows is the guest's business. Any thread.</summary>
    public void PressPowerButton()
    {
        lock (_lock)
        {
            _status |= Pm1Events.PowerButton;
            Drive();
        }
    }

    /// <summary>The power button would raise the interrupt. Any thread.</summary>
    public bool MayInterrupt
    {
        get
        {
            lock (_lock)
            {
                return (_enable & Pm1Events.PowerButton) != 0;
            }
        }
    }

    /// <inheritdoc/>
    public IoStatus Read(ulong offset, Span<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        lock (_lock)
        {
            Drive();
            for (var i = 0; i < data.Length; i++)
            {
                var at = (int)offset + i;
                data[i] = at < RegionSize ? (byte)(RegisterAt(at & ~1) >> (8 * (at & 1))) : (byte)0xff;
            }
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public IoStatus Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset >= RegionSize)
        {
            return IoStatus.Unclaimed;
        }

        bool sleeps;
        lock (_lock)
        {
            Drive();
            sleeps = WriteBytes((int)offset, data);
            Drive();
        }

        if (sleeps)
        {
            _power.PowerOff("ACPI S5");
        }

        return IoStatus.Ok;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        lock (_lock)
        {
            _status = Pm1Events.None;
            _enable = Pm1Events.None;
            _control = Pm1Control.PowerOn;
            _carries = _pmTimer.Carries();
            ForceSci();
        }
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            Drive();
            writer.Begin(Name, StateVersion);
            writer.UInt16((ushort)_status);
            writer.UInt16((ushort)_enable);
            writer.UInt16(_control.Value);
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _status = (Pm1Events)reader.UInt16() & (Pm1Events.Timer | Pm1Events.PowerButton);
            _enable = (Pm1Events)reader.UInt16() & Pm1Events.Enabling;
            _control = new Pm1Control(reader.UInt16()).Stored;
            _carries = _pmTimer.Carries();
            ForceSci();
        }
    }

    /// <summary>Takes the deadline back for good.</summary>
    public void Dispose() => _timer.Dispose();

    private int RegisterAt(int register) => register switch
    {
        Pm1Register.Status => (int)_status,
        Pm1Register.Enable => (int)_enable,
        _ => _control.Value,
    };

    /// <summary>True when the guest asked for S5.</summary>
    private bool WriteBytes(int offset, ReadOnlySpan<byte> data)
    {
        var cleared = 0;
        var enable = (int)_enable;
        var control = (int)_control.Value;
        for (var i = 0; i < data.Length && offset + i < RegionSize; i++)
        {
            var at = offset + i;
            var shift = 8 * (at & 1);
            switch (at & ~1)
            {
                case Pm1Register.Status:
                    cleared |= data[i] << shift;
                    break;
                case Pm1Register.Enable:
                    enable = (enable & ~(0xff << shift)) | (data[i] << shift);
                    break;
                default:
                    control = (control & ~(0xff << shift)) | (data[i] << shift);
                    break;
            }
        }

        _status &= ~(Pm1Events)cleared;
        _enable = (Pm1Events)enable & Pm1Events.Enabling;
        var written = new Pm1Control((ushort)control);
        _control = written.Stored;
        return written.SleepEnable && written.SleepType == SoftOffSleepType;
    }

    private void OnDeadline(long deadlineNs)
    {
        lock (_lock)
        {
            // A stale call arms the same deadline again and changes nothing.
            _armedCarry = null;
            Drive();
        }
    }

    /// <summary>Takes the timer's carries in, shows on SCI what there is, and asks for the next carry where somebody waits for it.</summary>
    private void Drive()
    {
        var carries = _pmTimer.Carries();
        if (carries != _carries)
        {
            _carries = carries;
            _status |= Pm1Events.Timer;
        }

        var level = SciLevel();
        if (level != _sciLevel)
        {
            _sciLevel = level;
            _sci.Set(level);
        }

        Arm();
    }

    private void ForceSci()
    {
        _sciLevel = SciLevel();
        _sci.Set(_sciLevel);
        _armedCarry = null;
        _timer.Disarm();
        Arm();
    }

    private bool SciLevel() => _control.SciEnable && (_status & _enable) != 0;

    private void Arm()
    {
        var waits = _control.SciEnable && (_enable & ~_status & Pm1Events.Timer) != 0;
        long? next = waits ? _carries + 1 : null;
        if (next == _armedCarry)
        {
            return;
        }

        _armedCarry = next;
        if (next is { } carry)
        {
            _timer.Arm(_pmTimer.NsOfCarry(carry));
        }
        else
        {
            _timer.Disarm();
        }
    }
}
