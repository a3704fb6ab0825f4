namespace HvRunner.Boot;

/// <summary>Text out of a file that is not trusted: up to its NUL, and nothing in it that could move a terminal's cursor.</summary>
internal static class PrintableText
{
    /// <summary>The bytes before the first NUL as ASCII, with "?" for whatever is not printable.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        return string.Create(bytes.Length, bytes, static (text, source) =>
        {
            for (var i = 0; i < source.Length; i++)
            {
                text[i] = source[i] is >= 0x20 and < 0x7f ? (char)source[i] : '?';
            }
        });
    }
}
