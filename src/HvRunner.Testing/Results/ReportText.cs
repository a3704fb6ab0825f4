using System.Globalization;
using System.Text;

namespace HvRunner.Testing.Results;

/// <summary>Texts that guests wrote, made fit for files that allow less than a console does.</summary>
internal static class ReportText
{
    /// <summary>Without the characters that XML 1.0 cannot hold, not even escaped: control characters, lone surrogates, U+FFFE and U+FFFF.</summary>
    internal static string ForXml(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            kept.Append(rune.Value is 9 or 10 or 13 or (>= 0x20 and not 0xfffe and not 0xffff) ? rune.ToString() : "\ufffd");
        }

        return kept.ToString();
    }

    /// <summary>On one line, with what would end or confuse a line replaced.</summary>
    internal static string OneLine(string text)
    {
        var kept = new StringBuilder(text.Length);
        foreach (var value in text)
        {
            kept.Append(char.IsControl(value) ? ' ' : value);
        }

        return kept.ToString().Trim();
    }

    /// <summary>Seconds with milliseconds.</summary>
    internal static string Seconds(TimeSpan duration) => duration.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A sub-case's path as one name.</summary>
    internal static string NameOf(SubCase one) => OneLine(string.Join(" / ", one.Path));
}
