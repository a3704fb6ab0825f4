using HvRunner.Abstractions;
using HvRunner.Chipset.Timers;

namespace HvRunner.Chipset.Rtc;

/// <content>
/// The interrupts: periodic, alarm and update-ended. Flags rise whether or not they are enabled, and are worked out when somebody looks; the timer queue
/// is asked only while one is enabled and the line is down. The periodic one counts guest time at 32,768 Hz; the other two follow the time of day, and see
/// each of its seconds once, so a clock that jumps ahead rings an alarm that it has passed, and one that jumps back updates once.
/// </content>
public sealed partial class CmosRtc
{
    // A host whose time of day is behind its guest time is asked again after this; it also bounds what a wild one can cost.
    private const long RetryNs = 50_000;
    private const long NsPerTick = 100;
    private const long SecondsOfDay = 86_400;

    private static readonly long LastSecond = DateTime.MaxValue.Ticks / TimeSpan.TicksPerSecond;

    private static readonly TickRate Crystal = new(32_768);

    // Volatile state. _seenSecond is the last second of guest time whose update is in the flags, _seenTick the same of the crystal's.
    private RegisterC _flags;
    private long _seenSecond;
    private long _seenTick;
    private long? _armedNs;
    private bool _lineLevel;

    private RtcAlarm Alarm => new(_ram[RtcRegister.SecondsAlarm], _ram[RtcRegister.MinutesAlarm], _ram[RtcRegister.HoursAlarm], _registerB);

    private bool Requests => (_flags & _registerB.Enabled) != 0;

    private void ResetInterrupts()
    {
        _flags = RegisterC.None;
        _seenSecond = SecondNow();
        _seenTick = Crystal.TickAt(_queue.NowNs);
        ForceLine();
    }

    private void SaveInterrupts(StateWriter writer)
    {
        writer.Byte((byte)_flags);
        writer.Int64(_seenSecond);
    }

    private void LoadInterrupts(StateReader reader)
    {
        _flags = (RegisterC)reader.Byte() & RegisterC.Sources;
        _seenSecond = reader.Int64();
        if (_seenSecond < 0 || _seenSecond > LastSecond)
        {
            throw new StateFormatException($"saved state of '{Name}' holds the second {_seenSecond}, which no clock shows");
        }

        _seenTick = Crystal.TickAt(_queue.NowNs);
        ForceLine();
    }

    /// <summary>Register C as it reads; reading acknowledges.</summary>
    private byte TakeFlags()
    {
        var value = (byte)(_flags | (Requests ? RegisterC.Request : RegisterC.None));
        _flags = RegisterC.None;
        return value;
    }

    /// <summary>Raises the flags of what has come since the last look.</summary>
    private void Synchronize()
    {
        var tick = Crystal.TickAt(_queue.NowNs);
        var period = A.PeriodTicks;
        if (period != 0 && !A.DividerInReset && tick / period != _seenTick / period)
        {
            _flags |= RegisterC.Periodic;
        }

        _seenTick = tick;
        var second = SecondNow();
        if (!Stands && second != _seenSecond)
        {
            var firstNew = second > _seenSecond ? _seenSecond + 1 : second;
            _flags |= RegisterC.UpdateEnded;
            _flags |= NextAlarm(firstNew) is { } alarm && alarm <= second ? RegisterC.Alarm : RegisterC.None;
        }

        _seenSecond = second;
    }

    /// <summary>The second of the next alarm, from <paramref name="second"/> on; null when there is none.</summary>
    private long? NextAlarm(long second)
    {
        var ofDay = ((second % SecondsOfDay) + SecondsOfDay) % SecondsOfDay;
        return Alarm.NextAt((int)ofDay) is { } at ? second - ofDay + at : null;
    }

    private void OnDeadline(long deadlineNs)
    {
        lock (_lock)
        {
            // A stale call arms the same deadline again and changes nothing.
            _armedNs = null;
            Synchronize();
            Drive();
        }
    }

    private void Drive()
    {
        if (Requests != _lineLevel)
        {
            _lineLevel = !_lineLevel;
            _irq8.Set(_lineLevel);
        }

        Arm();
    }

    private void ForceLine()
    {
        _lineLevel = Requests;
        _irq8.Set(_lineLevel);
        _armedNs = null;
        _timer.Disarm();
        Arm();
    }

    private void Arm()
    {
        var next = _lineLevel ? null : NextEventNs();
        if (next == _armedNs)
        {
            return;
        }

        _armedNs = next;
        if (next is { } deadline)
        {
            _timer.Arm(deadline);
        }
        else
        {
            _timer.Disarm();
        }
    }

    /// <summary>When the next event comes whose interrupt is enabled; null when there is none.</summary>
    private long? NextEventNs()
    {
        var enabled = _registerB.Enabled;
        long? next = null;
        var period = A.PeriodTicks;
        if ((enabled & RegisterC.Periodic) != 0 && period != 0 && !A.DividerInReset)
        {
            next = Crystal.NsOf(((_seenTick / period) + 1) * period);
        }

        if (Stands || (enabled & (RegisterC.UpdateEnded | RegisterC.Alarm)) == 0)
        {
            return next;
        }

        var second = (enabled & RegisterC.UpdateEnded) != 0 ? _seenSecond + 1 : NextAlarm(_seenSecond + 1);
        if (second is { } wanted && wanted <= LastSecond)
        {
            // At most a day ahead, as the alarm is: no overflow.
            var leftNs = ((wanted * TimeSpan.TicksPerSecond) - Now().Ticks) * NsPerTick;
            var atNs = _queue.NowNs + Math.Max(leftNs, RetryNs);
            next = Math.Min(next ?? long.MaxValue, atNs);
        }

        return next;
    }

    private long SecondNow() => Now().Ticks / TimeSpan.TicksPerSecond;
}
