using System.Text;
using HvRunner.Host;

namespace HvRunner.Cli;

/// <summary>
/// Standard output of the commands that answer with text: written whole, at the end, without the BCL's console (see <see cref="StandardError"/>). A
/// reader that went away is none; a disk that is full is told. Not for runs: there standard output is the guest's.
/// </summary>
internal static class StandardOutput
{
    /// <summary>Writes a text.</summary>
    internal static void Write(string text) => Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Writes what <paramref name="write"/> puts into a stream.</summary>
    internal static void Write(Action<Stream> write)
    {
        using var buffer = new MemoryStream();
        write(buffer);
        Write(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    private static void Write(ReadOnlySpan<byte> bytes)
    {
        if (StandardStreams.IsGiven(StandardStreams.Output) && !StandardStreams.TryWrite(StandardStreams.Output, bytes, () => true, out var errno) &&
            !OutputPump.IsReaderGone(errno))
        {
            StandardError.Words.WriteLine(
                $"hvrun: standard output cannot be written: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)}");
        }
    }
}
