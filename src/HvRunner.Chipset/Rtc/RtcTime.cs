// The time registers' contents as plain numbers, and how they look to the guest (MC146818A data sheet, table 3).

namespace HvRunner.Chipset.Rtc;

/// <summary>A date and time as a guest wrote it: any field may be out of range.</summary>
internal record struct RtcTime(int Second, int Minute, int Hour, int DayOfWeek, int Day, int Month, int YearOfCentury, int Century)
{
    private const byte Afternoon = 0x80;

    public static RtcTime From(DateTime time) => new(
        time.Second, time.Minute, time.Hour, (int)time.DayOfWeek + 1, time.Day, time.Month, time.Year % 100, time.Year / 100);

    public static bool IsTimeRegister(byte index) =>
        index is RtcRegister.Seconds or RtcRegister.Minutes or RtcRegister.Hours or RtcRegister.Century ||
        (index >= RtcRegister.DayOfWeek && index <= RtcRegister.Year);

    /// <summary>The nearest real date and time; the day of the week follows from the date.</summary>
    public readonly DateTime ToDateTime()
    {
        var year = Math.Clamp((Century * 100) + YearOfCentury, 1, 9999);
        var month = Math.Clamp(Month, 1, 12);
        var day = Math.Clamp(Day, 1, DateTime.DaysInMonth(year, month));
        return new DateTime(
            year, month, day, Math.Clamp(Hour, 0, 23), Math.Clamp(Minute, 0, 59), Math.Clamp(Second, 0, 59), DateTimeKind.Utc);
    }

    public readonly byte Encode(byte index, RegisterB format)
    {
        if (index == RtcRegister.Hours && !format.Hours24)
        {
            var hour12 = Hour % 12 == 0 ? 12 : Hour % 12;
            return (byte)(Encode(hour12, format) | (Hour >= 12 ? Afternoon : 0));
        }

        return Encode(
            index switch
            {
                RtcRegister.Seconds => Second,
                RtcRegister.Minutes => Minute,
                RtcRegister.Hours => Hour,
                RtcRegister.DayOfWeek => DayOfWeek,
                RtcRegister.DayOfMonth => Day,
                RtcRegister.Month => Month,
                RtcRegister.Year => YearOfCentury,
                _ => Century,
            },
            format);
    }

    public void Decode(byte index, byte value, RegisterB format)
    {
        switch (index)
        {
            case RtcRegister.Seconds:
                Second = Decode(value, format);
                break;
            case RtcRegister.Minutes:
                Minute = Decode(value, format);
                break;
            case RtcRegister.Hours when format.Hours24:
                Hour = Decode(value, format);
                break;
            case RtcRegister.Hours:
                Hour = (Decode((byte)(value & ~Afternoon), format) % 12) + ((value & Afternoon) != 0 ? 12 : 0);
                break;
            case RtcRegister.DayOfWeek:
                DayOfWeek = Decode(value, format);
                break;
            case RtcRegister.DayOfMonth:
                Day = Decode(value, format);
                break;
            case RtcRegister.Month:
                Month = Decode(value, format);
                break;
            case RtcRegister.Year:
                YearOfCentury = Decode(value, format);
                break;
            default:
                Century = Decode(value, format);
                break;
        }
    }

    private static byte Encode(int value, RegisterB format) => (byte)(format.Binary ? value : (value / 10 << 4) | (value % 10));

    private static int Decode(byte value, RegisterB format) => format.Binary ? value : ((value >> 4) * 10) + (value & 15);
}
