using System.Text;
using HvRunner.VmTests.Harness.Interop;

namespace HvRunner.VmTests.Harness;

/// <summary>A pseudo-terminal (pty(7)): the test has the keyboard's end, the child the terminal's, by its path.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    private readonly FileStream _keyboard = new("/dev/ptmx", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    internal PseudoTerminal()
    {
        var descriptor = (int)_keyboard.SafeFileHandle.DangerousGetHandle();
        var argument = 0;
        Assert.Equal(0, Libc.ioctl(descriptor, Libc.TIOCSPTLCK, ref argument));
        Assert.Equal(0, Libc.ioctl(descriptor, Libc.TIOCGPTN, ref argument));
        Path = $"/dev/pts/{argument}";
    }

    internal string Path { get; }

    internal void Type(string keys) => _keyboard.Write(Encoding.Latin1.GetBytes(keys));

    /// <summary>What was written to the terminal, up to and without this text.</summary>
    internal async Task<string> ReadUntilAsync(string end, CancellationToken cancellation)
    {
        var descriptor = (int)_keyboard.SafeFileHandle.DangerousGetHandle();
        var shown = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            var count = 0;
            Assert.Equal(0, Libc.ioctl(descriptor, Libc.FIONREAD, ref count));
            if (count > 0)
            {
                shown.Append(Encoding.UTF8.GetString(buffer, 0, _keyboard.Read(buffer, 0, Math.Min(count, buffer.Length))));
            }
            else if (shown.ToString() is var text && text.EndsWith(end, StringComparison.Ordinal))
            {
                return text[..^end.Length];
            }
            else
            {
                await Task.Delay(10, cancellation);
            }
        }
    }

    /// <summary>The settings in the form of stty(1), which is exact.</summary>
    internal async Task<string> SettingsAsync()
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart("-g") { Program = "/bin/stty", Redirections = $"<{Path}" });
        Assert.Equal(0, result.Status);
        return result.Text.Trim();
    }

    public void Dispose() => _keyboard.Dispose();
}
