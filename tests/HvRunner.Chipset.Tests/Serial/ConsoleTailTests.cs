using HvRunner.Chipset.Serial;

namespace HvRunner.Chipset.Tests.Serial;

public sealed class ConsoleTailTests
{
    [Fact]
    public void Tail_KeepsTheLastBytesAndPassesAllOn()
    {
        var all = new ConsoleTail(null, 64);
        var tail = new ConsoleTail(all, 4);
        foreach (var value in "abcdef"u8.ToArray())
        {
            tail.Write([value]);
        }

        Assert.Equal("cdef"u8.ToArray(), tail.ToArray());
        tail.Write("0123456789"u8);
        Assert.Equal("6789"u8.ToArray(), tail.ToArray());
        Assert.Equal("abcdef0123456789"u8.ToArray(), all.ToArray());
    }

    [Theory]
    [InlineData("", 3, "")]
    [InlineData("a\r\nb\r\nc\r\n", 2, "b|c")]
    [InlineData("a\nb\nunfinished", 2, "b|unfinished")]
    [InlineData("a\n\n", 5, "a|")]
    [InlineData("a", 0, "")]
    public void LastLines_AreWithoutLineEnds(string text, int count, string expected)
    {
        var tail = new ConsoleTail(null);
        tail.Write(System.Text.Encoding.UTF8.GetBytes(text));
        Assert.Equal(expected, string.Join('|', tail.LastLines(count)));
    }
}
