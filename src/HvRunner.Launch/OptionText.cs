using System.Globalization;
using HvRunner.Abstractions;

namespace HvRunner.Launch;

/// <summary>Sizes, durations and ports as people write them on the command line (interface.md). Each says what it expects when it cannot read a text.</summary>
public static class OptionText
{
    /// <summary>A number with K, M, G or T behind it (powers of 1024), or bytes.</summary>
    public static bool TrySize(string text, out ulong bytes)
    {
        bytes = 0;
        var shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        var digits = shift == 0 ? text : text[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > ulong.MaxValue >> shift)
        {
            return false;
        }

        bytes = number << shift;
        return true;
    }

    /// <summary>A number with ms, s or m behind it; fractions are allowed. At most 30 days.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        var (digits, milliseconds) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], 1.0),
            _ when text.EndsWith('s') => (text[..^1], 1000.0),
            _ when text.EndsWith('m') => (text[..^1], 60_000.0),
            _ => (string.Empty, 0.0),
        };
        const NumberStyles Style = NumberStyles.AllowDecimalPoint;
        if (!double.TryParse(digits, Style, CultureInfo.InvariantCulture, out var number) || number <= 0 || number * milliseconds > 30.0 * 86_400_000)
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(number * milliseconds);
        return true;
    }

    /// <summary>A port number, decimal or hexadecimal behind 0x.</summary>
    public static bool TryPort(string text, out ushort port) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ushort.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out port)
            : ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);

    /// <summary>A place of the interrupt controllers: kernel, split or user.</summary>
    public static string Irqchip(IrqchipMode mode) => mode switch
    {
        IrqchipMode.Kernel => "kernel",
        IrqchipMode.Split => "split",
        _ => "user",
    };

    /// <summary>Bytes for people: the largest unit that divides them.</summary>
    public static string Size(ulong bytes) => bytes switch
    {
        0 => "0 bytes",
        _ when bytes % (1UL << 30) == 0 => $"{bytes >> 30} GiB",
        _ when bytes % (1UL << 20) == 0 => $"{bytes >> 20} MiB",
        _ when bytes % (1UL << 10) == 0 => $"{bytes >> 10} KiB",
        _ => $"{bytes} bytes",
    };
}
