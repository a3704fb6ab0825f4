using HvRunner.Host.Interop;
using static HvRunner.Host.Interop.LibcConstants;

namespace HvRunner.Host.Tests;

/// <summary>Raw mode on a pseudo-terminal of the test's own.</summary>
public sealed unsafe class RawTerminalTests : IDisposable
{
    // Of asm-generic/ioctls.h and fcntl.h; only a test needs them.
    private const ulong UnlockPseudoTerminal = 0x40045431;
    private const ulong GetPseudoTerminalNumber = 0x80045430;
    private const int NoControllingTerminal = 0x100;

    private readonly FileDescriptor _master;
    private readonly FileDescriptor _terminal;

    public RawTerminalTests()
    {
        int zero = 0, number = 0;
        _master = new FileDescriptor(HostException.Check(Libc.open("/dev/ptmx", O_RDWR | O_CLOEXEC | NoControllingTerminal), "open"));
        HostException.Check(Libc.ioctl(_master.Value, UnlockPseudoTerminal, (nint)(&zero)), "TIOCSPTLCK");
        HostException.Check(Libc.ioctl(_master.Value, GetPseudoTerminalNumber, (nint)(&number)), "TIOCGPTN");
        _terminal = new FileDescriptor(HostException.Check(Libc.open($"/dev/pts/{number}", O_RDWR | O_CLOEXEC | NoControllingTerminal), "open"));
    }

    public void Dispose()
    {
        _terminal.Dispose();
        _master.Dispose();
    }

    [Fact]
    public void RawMode_PassesEveryKeyAndIsTakenBack()
    {
        const uint LineModes = ICANON | ECHO | ISIG | IEXTEN;
        var before = Modes();
        Assert.Equal(LineModes, before.c_lflag & LineModes);
        var raw = RawTerminal.TryEnter(_terminal.Value);
        Assert.NotNull(raw);
        var during = Modes();
        Assert.Equal(0u, during.c_lflag & LineModes);
        Assert.Equal(0u, during.c_iflag & (ICRNL | IXON | ISTRIP));
        Assert.Equal(before.c_oflag, during.c_oflag);
        Assert.Equal((1, 0), (during.c_cc[VMIN], during.c_cc[VTIME]));
        Assert.Equal([3, 13, 1], Type([3, 13, 1]));
        raw.Dispose();
        AssertSame(before, Modes());
    }

    [Fact]
    public void Restoring_Twice_KeepsWhatSomebodySetMeanwhile()
    {
        var raw = RawTerminal.TryEnter(_terminal.Value)!;
        raw.Dispose();
        var changed = Modes();
        changed.c_lflag &= ~ECHO;
        Assert.Equal(0, Libc.tcsetattr(_terminal.Value, TCSANOW, &changed));
        raw.Dispose();
        AssertSame(changed, Modes());
    }

    [Fact]
    public void OtherDescriptors_AreNoTerminals()
    {
        using var pipe = new TestPipe();
        Assert.False(RawTerminal.IsTerminal(pipe.ReadDescriptor));
        Assert.Null(RawTerminal.TryEnter(pipe.ReadDescriptor));
        Assert.True(RawTerminal.IsTerminal(_terminal.Value));
    }

    [Fact]
    public void ReaderOfAPseudoTerminalThatCloses_IsNoticed()
    {
        using var gone = new ManualResetEventSlim();
        using var pump = new OutputPump("terminal", _terminal.Value, _ => 0, _ => gone.Set());
        pump.Start();
        _master.Dispose();
        Assert.True(gone.Wait(TimeSpan.FromSeconds(10)), "nobody noticed that the terminal hung up");
    }

    private termios Modes()
    {
        termios modes;
        Assert.Equal(0, Libc.tcgetattr(_terminal.Value, &modes));
        return modes;
    }

    /// <summary>Types keys on the terminal and reads what its program gets.</summary>
    private byte[] Type(byte[] keys)
    {
        var read = new byte[16];
        fixed (byte* typed = keys, buffer = read)
        {
            Assert.Equal(keys.Length, (int)Libc.write(_master.Value, typed, (nuint)keys.Length));
            return read[..(int)Libc.read(_terminal.Value, buffer, (nuint)read.Length)];
        }
    }

    private static void AssertSame(termios expected, termios actual)
    {
        Assert.Equal(
            (expected.c_iflag, expected.c_oflag, expected.c_cflag, expected.c_lflag, expected.c_line),
            (actual.c_iflag, actual.c_oflag, actual.c_cflag, actual.c_lflag, actual.c_line));
        Assert.Equal(((ReadOnlySpan<byte>)expected.c_cc).ToArray(), ((ReadOnlySpan<byte>)actual.c_cc).ToArray());
    }
}
