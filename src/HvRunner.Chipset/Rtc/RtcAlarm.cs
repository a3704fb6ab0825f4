// The alarm of an MC146818A (data sheet, "Time, Calendar and Alarm Bytes"): three bytes that are compared with the time as it reads, in
// the format that register B chooses. A byte from 0xc0 on matches everything.

namespace HvRunner.Chipset.Rtc;

/// <summary>The alarm bytes and how they are compared.</summary>
internal readonly record struct RtcAlarm(byte Second, byte Minute, byte Hour, RegisterB Format)
{
    private const byte DontCare = 0xc0;
    private const int SecondsOfDay = 86_400;

    /// <summary>
    /// The first matching second of the day at or after <paramref name="secondOfDay"/>, counted on over midnight: below that number plus 86,400. Null when
    /// the bytes name no time at all.
    /// </summary>
    public int? NextAt(int secondOfDay)
    {
        if (First(RtcRegister.Seconds, 0) is not { } firstSecond || First(RtcRegister.Minutes, 0) is not { } firstMinute ||
            First(RtcRegister.Hours, 0) is not { } firstHour)
        {
            return null;
        }

        var (hour, minute, second) = (secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60);
        if (Matches(RtcRegister.Hours, hour))
        {
            if (Matches(RtcRegister.Minutes, minute) && First(RtcRegister.Seconds, second) is { } laterSecond)
            {
                return At(hour, minute, laterSecond);
            }

            if (First(RtcRegister.Minutes, minute + 1) is { } laterMinute)
            {
                return At(hour, laterMinute, firstSecond);
            }
        }

        return First(RtcRegister.Hours, hour + 1) is { } laterHour
            ? At(laterHour, firstMinute, firstSecond)
            : At(firstHour, firstMinute, firstSecond) + SecondsOfDay;
    }

    private static int At(int hour, int minute, int second) => (((hour * 60) + minute) * 60) + second;

    /// <summary>The first value of a time register that matches, from <paramref name="from"/> on.</summary>
    private int? First(byte register, int from)
    {
        var end = register == RtcRegister.Hours ? 24 : 60;
        for (var value = from; value < end; value++)
        {
            if (Matches(register, value))
            {
                return value;
            }
        }

        return null;
    }

    private bool Matches(byte register, int value)
    {
        var wanted = register switch { RtcRegister.Seconds => Second, RtcRegister.Minutes => Minute, _ => Hour };
        return (wanted & DontCare) == DontCare || wanted == new RtcTime { Second = value, Minute = value, Hour = value }.Encode(register, Format);
    }
}
