using System.Text;
using System.Text.Unicode;
using HvRunner.Abstractions;

namespace HvRunner.Testing.Scripts;

/// <summary>
/// Reads a script's file as text: a regular file of bounded size, in UTF-8, without the control characters that YAML forbids (its parser takes
/// a NUL for the end). Pipes and devices are refused before they are opened, because opening one may block for ever.
/// </summary>
internal static class ScriptFile
{
    internal const int MaxBytes = 1 << 20;

    /// <summary>The text, or null beside a fault.</summary>
    internal static string? Read(string path, FaultList faults)
    {
        try
        {
            return Bytes(path, faults) is { } bytes ? Text(bytes, faults) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            faults.AddWhole(
                exception switch
                {
                    FileNotFoundException or DirectoryNotFoundException => "there is no such file.",
                    UnauthorizedAccessException => "the file exists, but this user may not read it.",
                    _ => $"the file cannot be read: {exception.Message.TrimEnd('.')}.",
                },
                InputFaultKind.NoInput);
            return null;
        }
    }

    /// <summary>The text of bytes that came from a file.</summary>
    internal static string? Text(ReadOnlySpan<byte> bytes, FaultList faults)
    {
        var mark = Encoding.UTF8.Preamble;
        bytes = bytes.StartsWith(mark) ? bytes[mark.Length..] : bytes;
        if (!Utf8.IsValid(bytes))
        {
            var before = Encoding.UTF8.GetString(bytes[..ValidBytes(bytes)]);
            var (line, column) = PositionAt(before, before.Length);
            faults.Add(line, column, $"expected text in UTF-8, found the byte 0x{bytes[ValidBytes(bytes)]:x2}, which does not belong there.");
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes);
        for (var i = 0; i < text.Length; i++)
        {
            if ((char.IsControl(text[i]) && text[i] is not ('\t' or '\n' or '\r' or '\u0085')) || text[i] >= 0xfffe)
            {
                var (line, column) = PositionAt(text, i);
                faults.Add(line, column, $"expected text, found the character U+{(int)text[i]:X4}; within double quotes it is written \\u{(int)text[i]:x4}.");
                return null;
            }
        }

        return text;
    }

    private static byte[]? Bytes(string path, FaultList faults)
    {
        var info = new FileInfo(path);
        if ((info.Attributes & FileAttributes.ReparsePoint) != 0 && info.ResolveLinkTarget(returnFinalTarget: true) is { } target)
        {
            info = new FileInfo(target.FullName);
        }

        // Pipes, sockets and devices have no length either, and their kind cannot be asked for without opening them.
        if (info.Length == 0)
        {
            faults.AddWhole("expected a script, found an empty file, a pipe or a device.", InputFaultKind.BadInput);
            return null;
        }

        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[(int)Math.Min(info.Length, MaxBytes) + 1];
        var length = 0;
        for (var count = -1; count != 0 && length < bytes.Length; length += count)
        {
            count = RandomAccess.Read(handle, bytes.AsSpan(length), length);
        }

        if (length <= MaxBytes)
        {
            return bytes[..length];
        }

        faults.AddWhole("expected a script of at most 1 MiB, found more.", InputFaultKind.BadInput);
        return null;
    }

    private static int ValidBytes(ReadOnlySpan<byte> bytes)
    {
        var length = 0;
        while (length < bytes.Length && Rune.DecodeFromUtf8(bytes[length..], out _, out var count) == System.Buffers.OperationStatus.Done)
        {
            length += count;
        }

        return length;
    }

    private static (int Line, int Column) PositionAt(string text, int index)
    {
        var before = text.AsSpan(0, index).ToString().ReplaceLineEndings("\n");
        return (before.AsSpan().Count('\n') + 1, before.Length - before.LastIndexOf('\n'));
    }
}
