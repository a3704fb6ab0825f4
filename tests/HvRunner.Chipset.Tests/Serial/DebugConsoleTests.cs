using HvRunner.Abstractions;
using HvRunner.Chipset.Serial;

namespace HvRunner.Chipset.Tests.Serial;

public sealed class DebugConsoleTests
{
    [Fact]
    public void Read_GivesThePresenceByte() => Assert.Equal(0xe9, new DebugConsole("debug-console", new ConsoleTail(null)).In(0));

    [Fact]
    public void Write_PassesBytesOn()
    {
        var tail = new ConsoleTail(null);
        var console = new DebugConsole("debug-console", tail);
        console.Out(0, (byte)'o');
        console.Out(0, (byte)'k');
        Assert.Equal("ok"u8.ToArray(), tail.ToArray());
        Assert.Equal(2, console.BytesOut);
    }

    [Fact]
    public void WideAccess_IsRefused() =>
        Assert.Equal(IoStatus.BadAccess, new DebugConsole("debug-console", new ConsoleTail(null)).Write(0, new byte[2]));
}
