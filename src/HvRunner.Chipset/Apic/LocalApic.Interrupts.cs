// How the local APIC accepts, orders and hands out interrupts: SDM volume 3A, "Handling Interrupts".

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    /// <summary>Whether <see cref="TryAcknowledge"/> would succeed. Any thread.</summary>
    public bool HasInterrupt
    {
        get
        {
            lock (_lock)
            {
                return ExternalPending || Deliverable() >= 0;
            }
        }
    }

    /// <summary>The TPR: bits 7:4 are CR8, and bits 3:0 are clear where it is set for a write of that.</summary>
    public byte TaskPriority
    {
        get
        {
            lock (_lock)
            {
                return _taskPriority;
            }
        }

        set
        {
            Effects effects;
            lock (_lock)
            {
                SetTaskPriority(value);
                effects = TakeEffects();
            }

            Emit(effects);
        }
    }

    /// <summary>An NMI waits to be taken by <see cref="TryTakeNonMaskable"/>. Any thread.</summary>
    public bool HasNonMaskable
    {
        get
        {
            lock (_lock)
            {
                return _nonMaskable;
            }
        }
    }

    /// <summary>
    /// Whether anything that this APIC knows of could wake a halted processor with interrupts off: an NMI is pending, or a wired pin would deliver
    /// one or an INIT. Messages from elsewhere are not counted: who can send them knows. Any thread.
    /// </summary>
    public bool CanWakeWithInterruptsOff
    {
        get
        {
            lock (_lock)
            {
                return NonMaskableSource();
            }
        }
    }

    /// <summary>As <see cref="CanWakeWithInterruptsOff"/> with interrupts on: something is deliverable, or the timer or a wired pin could make it so.</summary>
    public bool CanWakeWithInterruptsOn
    {
        get
        {
            lock (_lock)
            {
                return NonMaskableSource() || ExternalPending || Deliverable() >= 0 || TimerCouldDeliver() || PinCouldDeliver(0) || PinCouldDeliver(1);
            }
        }
    }

    private byte ProcessorPriority
    {
        get
        {
            var inService = Math.Max(0, _isr.Highest);
            return _taskPriority >> 4 >= inService >> 4 ? _taskPriority : (byte)(inService & 0xf0);
        }
    }

    private bool ExternalPending => _acknowledge is not null && !_initPending && (_externalMessage || PinHoldsExternal(0) || PinHoldsExternal(1));

    /// <summary>Whether fixed interrupts get in at all.</summary>
    private bool CanAccept => Enabled && _spuriousVector.SoftwareEnabled && !_initPending;

    /// <summary>
    /// The processor can take an interrupt (interrupts on, no shadow): gives the vector to deliver, external interrupts first, and takes it into
    /// service. False when there is nothing. The vCPU's thread.
    /// </summary>
    public bool TryAcknowledge(out byte vector)
    {
        lock (_lock)
        {
            if (!ExternalPending)
            {
                var highest = Deliverable();
                vector = (byte)Math.Max(0, highest);
                if (highest < 0)
                {
                    return false;
                }

                _irr.Remove(highest);
                _isr.Add(highest);
                return true;
            }

            _externalMessage = false;
        }

        // The 8259 drives LINT0 with its own lock held, so it must not be asked with this one held.
        vector = _acknowledge!.Acknowledge();
        return true;
    }

    /// <summary>Takes the pending NMI, if there is one. The vCPU's thread.</summary>
    public bool TryTakeNonMaskable()
    {
        lock (_lock)
        {
            var taken = _nonMaskable && !_initPending;
            _nonMaskable &= !taken;
            return taken;
        }
    }

    /// <summary>A fixed interrupt arrives as a message, of an IO-APIC or an MSI. A switched-off APIC does not take it. Any thread.</summary>
    public void Accept(byte vector, bool levelTriggered)
    {
        Effects effects;
        lock (_lock)
        {
            AcceptFixed(vector, levelTriggered);
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <summary>An NMI arrives as a message. A software-disabled APIC takes it all the same. Any thread.</summary>
    public void AcceptNonMaskable()
    {
        Effects effects;
        lock (_lock)
        {
            if (Enabled)
            {
                RaiseNonMaskable();
            }

            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <summary>
    /// An NMI reaches the processor from outside, past every entry and switch of the APIC: the board's button. Any thread.
    /// </summary>
    public void InjectNonMaskable()
    {
        Effects effects;
        lock (_lock)
        {
            RaiseNonMaskable();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <summary>The highest request above the processor's priority, or -1.</summary>
    private int Deliverable()
    {
        var highest = _irr.Highest;
        return highest >= 0 && !_initPending && IsAbovePriority(highest) ? highest : -1;
    }

    private bool IsAbovePriority(int vector) => vector >> 4 > ProcessorPriority >> 4;

    /// <summary>True when the vector is in the IRR now.</summary>
    private bool AcceptFixed(byte vector, bool levelTriggered)
    {
        if (!CanAccept)
        {
            return false;
        }

        if (vector < LocalApicLimits.FirstVector)
        {
            LogError(ApicErrors.ReceiveIllegalVector);
            return false;
        }

        if (levelTriggered)
        {
            _tmr.Add(vector);
        }
        else
        {
            _tmr.Remove(vector);
        }

        _wake |= _irr.Add(vector);
        return true;
    }

    private void RaiseNonMaskable()
    {
        _wake |= !_nonMaskable;
        _nonMaskable = true;
    }

    private void SetTaskPriority(byte value)
    {
        _wake |= value < _taskPriority;
        _taskPriority = value;
    }

    private void EndOfInterrupt()
    {
        var vector = _isr.Highest;
        if (vector < 0)
        {
            return;
        }

        _isr.Remove(vector);
        _wake = true;
        if (!_tmr.Contains(vector))
        {
            return;
        }

        _ended = _spuriousVector.SuppressesBroadcast ? -1 : vector;
        foreach (var pin in _pins)
        {
            var entry = _lvt[(int)pin.Index];
            if (entry.RemoteIrr && pin.AcceptedVector == vector)
            {
                _lvt[(int)pin.Index] = entry.WithRemoteIrr(false);
                Evaluate(pin);
            }
        }
    }

    private bool NonMaskableSource() => _nonMaskable || PinCouldDeliverUnmaskable(0) || PinCouldDeliverUnmaskable(1);

    private bool TimerCouldDeliver()
    {
        var entry = _lvt[(int)LvtIndex.Timer];
        return !entry.Masked && _timer.IsArmed && entry.Vector >= LocalApicLimits.FirstVector && IsAbovePriority(entry.Vector);
    }

    /// <summary>What the call has brought about, to be told to others once the lock is left; with the lock held, last of all.</summary>
    private Effects TakeEffects()
    {
        var effects = new Effects(_ended, _wake && (_nonMaskable || ExternalPending || Deliverable() >= 0), _startChanged, _outgoing);
        _ended = -1;
        _wake = false;
        _startChanged = false;
        _outgoing = null;
        return effects;
    }

    /// <summary>Tells the IO-APICs, the other processors and this one; without the lock.</summary>
    private void Emit(in Effects effects)
    {
        if (effects.Ended >= 0)
        {
            _endOfInterrupt?.EndOfInterrupt((byte)effects.Ended);
        }

        if (effects.Outgoing is { } message)
        {
            _ = _bus is null ? TryReceive(message, sender: this) : _bus.Send(message, sender: this);
        }

        if (effects.Start)
        {
            _start!.SignalStart();
        }

        if (effects.Signal)
        {
            _signal.Signal();
        }
    }

    private readonly record struct Effects(int Ended, bool Signal, bool Start, InterruptMessage? Outgoing);
}
