using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HvRunner.Cli;

/// <summary>
/// Standard error for hvrun's own words: what it does not take, because it is closed or its disk is full, is dropped, since there is nobody left to
/// tell. The exit status says the verdict in any case.
/// </summary>
internal sealed class StandardError(TextWriter next) : TextWriter
{
    private static readonly List<SafeFileHandle> Occupied = [];

    /// <summary>
    /// To be called before any file is opened: standard streams that the caller closed become /dev/null. Otherwise the next file that hvrun opens, the
    /// kernel say, would get the number of one and be read as the console's input.
    /// </summary>
    internal static void Install()
    {
        var free = OpenNull();
        while (free.DangerousGetHandle() <= 2)
        {
            Occupied.Add(free);
            free = OpenNull();
        }

        free.Dispose();
        Console.SetError(new StandardError(Console.Error));
    }

    public override Encoding Encoding => next.Encoding;

    public override void Write(char value) => Try(() => next.Write(value));

    public override void Write(string? value) => Try(() => next.Write(value));

    public override void WriteLine(string? value) => Try(() => next.WriteLine(value));

    public override void Flush() => Try(next.Flush);

    private static SafeFileHandle OpenNull() => File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (IOException)
        {
            // Dropped: see above.
        }
    }
}
