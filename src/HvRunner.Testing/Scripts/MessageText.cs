using System.Text;

namespace HvRunner.Testing.Scripts;

/// <summary>Texts of a script as they stand in messages: on one line, of bounded length, with nothing that a terminal would obey.</summary>
internal static class MessageText
{
    private const int MaxQuoted = 80;
    private const int MaxWritten = 200;

    /// <summary>In single quotes.</summary>
    internal static string Quote(string text) => $"'{Shorten(text)}'";

    /// <summary>The first of it, control characters escaped.</summary>
    internal static string Shorten(string text) => Escape(text, MaxQuoted, quotes: false);

    /// <summary>In double quotes, as YAML has it.</summary>
    internal static string Written(string text) => $"\"{Escape(text, MaxWritten, quotes: true)}\"";

    /// <summary>A list as YAML has it within [ ], cut where it becomes long.</summary>
    internal static string Written(IEnumerable<string> items)
    {
        var text = new StringBuilder("[");
        foreach (var item in items)
        {
            if (text.Length > MaxWritten)
            {
                return text.Append(", ...]").ToString();
            }

            text.Append(text.Length == 1 ? "" : ", ").Append(item);
        }

        return text.Append(']').ToString();
    }

    /// <summary>A duration with the largest unit that it is a whole number of.</summary>
    internal static string Written(TimeSpan duration) => duration switch
    {
        _ when duration.Ticks % TimeSpan.TicksPerMinute == 0 => $"{duration.Ticks / TimeSpan.TicksPerMinute}m",
        _ when duration.Ticks % TimeSpan.TicksPerSecond == 0 => $"{duration.Ticks / TimeSpan.TicksPerSecond}s",
        _ => $"{duration.TotalMilliseconds}ms",
    };

    private static string Escape(string text, int limit, bool quotes)
    {
        var escaped = new StringBuilder(Math.Min(text.Length, limit));
        foreach (var rune in text.EnumerateRunes())
        {
            if (escaped.Length >= limit)
            {
                return escaped.Append("...").ToString();
            }

            _ = rune.Value switch
            {
                '\n' => escaped.Append("\\n"),
                '\r' => escaped.Append("\\r"),
                '\t' => escaped.Append("\\t"),
                '"' or '\\' when quotes => escaped.Append('\\').Append(rune),
                0x2028 or 0x2029 => escaped.Append($"\\u{rune.Value:x4}"),
                _ when Rune.IsControl(rune) => escaped.Append($"\\u{rune.Value:x4}"),
                _ => escaped.Append(rune),
            };
        }

        return escaped.ToString();
    }
}
