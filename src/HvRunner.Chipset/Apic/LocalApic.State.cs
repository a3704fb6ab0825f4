// The local APIC's time and state: its one deadline, IA32_TSC_DEADLINE, reset, save and load.

using HvRunner.Abstractions;

namespace HvRunner.Chipset.Apic;

public sealed partial class LocalApic
{
    private const byte StateVersion = 2;

    /// <summary>RDMSR of IA32_TSC_DEADLINE (0x6e0): 0 outside TSC-deadline mode and once the deadline has passed. Only where <see cref="HasTscDeadline"/>.</summary>
    public ulong ReadTscDeadline()
    {
        ulong value;
        Effects effects;
        lock (_lock)
        {
            AdvanceTimer();
            value = _timer.TscDeadline;
            effects = TakeEffects();
        }

        Emit(effects);
        return value;
    }

    /// <summary>WRMSR of IA32_TSC_DEADLINE: arms, 0 disarms; ignored outside TSC-deadline mode. Only where <see cref="HasTscDeadline"/>.</summary>
    public void WriteTscDeadline(ulong value)
    {
        Effects effects;
        lock (_lock)
        {
            AdvanceTimer();
            _timer.WriteTscDeadline(value);
            AdvanceTimer();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <summary>The guest has set its time stamp counter: the deadline is at another nanosecond now.</summary>
    public void TscChanged()
    {
        Effects effects;
        lock (_lock)
        {
            AdvanceTimer();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        Effects effects;
        lock (_lock)
        {
            _base = LocalApicLimits.DefaultAddress | ApicBaseBits.Enable | (_isBootstrap ? ApicBaseBits.Bootstrap : 0);
            _nonMaskable = false;
            _initPending = false;
            _startUpVector = -1;
            _waitsForStartUp = _start is not null && !_isBootstrap;
            ResetRegisters();
            ForgetEdges();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        Effects effects;
        lock (_lock)
        {
            var now = AdvanceTimer();
            writer.Begin(Name, StateVersion);
            writer.UInt64(_base);
            writer.UInt32(_id);
            writer.Byte(_taskPriority);
            writer.UInt32(_logicalDestination);
            writer.UInt32(_destinationFormat);
            writer.UInt32(_spuriousVector.Value);
            _isr.Save(writer);
            _tmr.Save(writer);
            _irr.Save(writer);
            writer.UInt32((uint)_errorStatus);
            writer.UInt32((uint)_loggedErrors);
            writer.UInt32(_icr.Low);
            writer.UInt32(_icr.High);
            writer.Bool(_nonMaskable);
            writer.Bool(_externalMessage);
            writer.Bool(_initPending);
            writer.Bool(_waitsForStartUp);
            writer.Bool(_startUpVector >= 0);
            writer.Byte((byte)_startUpVector);
            foreach (var entry in _lvt)
            {
                writer.UInt32(entry.Value);
            }

            foreach (var pin in _pins)
            {
                writer.Bool(pin.Level);
                writer.Byte(pin.AcceptedVector);
            }

            _timer.Save(writer, now);
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        Effects effects;
        lock (_lock)
        {
            reader.Begin(Name, StateVersion);
            _base = reader.UInt64() & BaseWritable;
            _id = reader.UInt32() & LocalApicLimits.IdMask;
            _taskPriority = reader.Byte();
            _logicalDestination = reader.UInt32() & LocalApicLimits.IdMask;
            _destinationFormat = reader.UInt32() | LocalApicLimits.DestinationFormatOnes;
            _spuriousVector = new SpuriousVectorRegister(reader.UInt32() & SpuriousVectorRegister.Writable);
            _isr = VectorSet.Load(reader);
            _tmr = VectorSet.Load(reader);
            _irr = VectorSet.Load(reader);
            _errorStatus = (ApicErrors)reader.UInt32() & ApicErrors.Defined;
            _loggedErrors = (ApicErrors)reader.UInt32() & ApicErrors.Defined;
            _icr = new Icr(reader.UInt32() & Icr.LowWritable, reader.UInt32() & (Mode == ApicMode.X2Apic ? uint.MaxValue : LocalApicLimits.IdMask));
            _nonMaskable = reader.Bool();
            _externalMessage = reader.Bool() && _acknowledge is not null;
            LoadStartUp(reader);
            for (var i = 0; i < _lvt.Length; i++)
            {
                LoadEntry((LvtIndex)i, reader.UInt32());
            }

            foreach (var pin in _pins)
            {
                pin.Level = reader.Bool();
                pin.AcceptedVector = reader.Byte();
            }

            var now = _queue.NowNs;
            _timer.Load(reader, _lvt[(int)LvtIndex.Timer].TimerMode, now);
            ForgetEdges();
            _armedNs = null;
            _deadline.Disarm();
            ArmTimer(now);
            _wake = true;
            _startChanged = _initPending || _startUpVector >= 0;
            effects = TakeEffects();
        }

        Emit(effects);
    }

    private void LoadStartUp(StateReader reader)
    {
        _initPending = reader.Bool();
        _waitsForStartUp = reader.Bool();
        var hasStartUp = reader.Bool();
        var vector = reader.Byte();
        _startUpVector = hasStartUp ? vector : -1;
        if (Mode == ApicMode.Invalid || (_waitsForStartUp && hasStartUp) || (_start is null && (_initPending || _waitsForStartUp || hasStartUp)))
        {
            var found = $"IA32_APIC_BASE 0x{_base:x}, INIT pending {_initPending}, waiting for SIPI {_waitsForStartUp}, SIPI pending {hasStartUp}";
            (_base, _initPending, _waitsForStartUp, _startUpVector) = (_base & ~ApicBaseBits.X2Apic, false, false, -1);
            throw new StateFormatException($"saved state of a local APIC does not fit together: {found}");
        }
    }

    private void LoadEntry(LvtIndex index, uint value)
    {
        var entry = new Lvt(value & (Lvt.Writable(index, HasTscDeadline) | Lvt.RemoteIrrBit));
        entry = _spuriousVector.SoftwareEnabled ? entry : entry.WithMask();
        _lvt[(int)index] = IsLevelTriggered(index, entry) ? entry : entry.WithRemoteIrr(false);
    }

    /// <summary>The state after power-up or reset; what IA32_APIC_BASE holds, wires and a pending NMI are not part of it.</summary>
    private void ResetRegisters()
    {
        _id = (uint)_initialId << LocalApicLimits.IdShift;
        _taskPriority = 0;
        _logicalDestination = 0;
        _destinationFormat = uint.MaxValue;
        _spuriousVector = SpuriousVectorRegister.PowerOn;
        _isr = default;
        _tmr = default;
        _irr = default;
        _errorStatus = ApicErrors.None;
        _loggedErrors = ApicErrors.None;
        _icr = default;
        _externalMessage = false;
        Array.Fill(_lvt, Lvt.PowerOn);
        _timer.Reset(_queue.NowNs);
        _armedNs = null;
        _deadline.Disarm();
        foreach (var pin in _pins)
        {
            pin.AcceptedVector = 0;
        }
    }

    /// <summary>A wire that is up now counts as having been up and as having been seen to.</summary>
    private void ForgetEdges()
    {
        foreach (var pin in _pins)
        {
            pin.Active = pin.Level != pin.Entry.ActiveLow;
        }
    }

    private void OnDeadline(long deadlineNs)
    {
        Effects effects;
        lock (_lock)
        {
            // A stale call, of a deadline that was replaced meanwhile, arms the same deadline again and changes nothing.
            _armedNs = null;
            AdvanceTimer();
            effects = TakeEffects();
        }

        Emit(effects);
    }

    /// <summary>Brings the timer to now, raises its interrupt if it has expired, and asks for the next deadline.</summary>
    private long AdvanceTimer()
    {
        var now = _queue.NowNs;
        var entry = _lvt[(int)LvtIndex.Timer];
        if (_timer.Advance(now) && !entry.Masked)
        {
            AcceptFixed(entry.Vector, levelTriggered: false);
        }

        ArmTimer(now);
        return now;
    }

    private void ArmTimer(long now)
    {
        // Masked, it runs on unseen: every look at it computes where it is.
        var next = _lvt[(int)LvtIndex.Timer].Masked ? null : _timer.NextDeadlineNs(now);
        if (next == _armedNs)
        {
            return;
        }

        _armedNs = next;
        if (next is { } deadlineNs)
        {
            _deadline.Arm(deadlineNs);
        }
        else
        {
            _deadline.Disarm();
        }
    }
}
