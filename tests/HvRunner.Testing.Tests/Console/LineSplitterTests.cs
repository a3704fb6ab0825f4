using HvRunner.Testing.Console;

namespace HvRunner.Testing.Tests.Console;

/// <summary>A console's text as lines.</summary>
public class LineSplitterTests
{
    private const int Max = LineSplitter.MaxLineChars;

    private readonly List<string> _lines = [];
    private readonly LineSplitter _splitter;

    public LineSplitterTests() => _splitter = new LineSplitter(line => _lines.Add(line.ToString()));

    [Fact]
    public void CompleteLines_AreDelivered_AndTheLastAtTheEnd()
    {
        _splitter.Append("one\n\nthree\nfo");
        Assert.Equal(["one", "", "three"], _lines);
        _splitter.Append("ur");
        _splitter.Finish();
        Assert.Equal(["one", "", "three", "four"], _lines);
    }

    [Fact]
    public void Finish_BehindANewline_DeliversNothing()
    {
        _splitter.Finish();
        _splitter.Append("one\n");
        _splitter.Finish();
        _splitter.Finish();
        Assert.Equal(["one"], _lines);
    }

    [Theory]
    [InlineData(Max - 1, Max - 1)]
    [InlineData(Max, Max)]
    [InlineData(Max + 1, Max)]
    [InlineData(10 * Max, Max)]
    public void LongLine_IsCut_AndItsRestSkipped(int length, int expected)
    {
        foreach (var size in new[] { 1, 100, Max, 20 * Max })
        {
            _lines.Clear();
            foreach (var piece in (new string('x', length) + "\nnext\n").Chunk(size))
            {
                _splitter.Append(piece);
            }

            Assert.Equal([new string('x', expected), "next"], _lines);
        }
    }

    [Fact]
    public void Cut_LeavesNoHalfCharacter()
    {
        _splitter.Append(new string('x', Max - 1) + "\U0001f600\n");
        Assert.Equal([new string('x', Max - 1)], _lines);
    }

    [Fact]
    public void EndlessLine_TakesNoMoreMemory()
    {
        var piece = new string('x', 1 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            _splitter.Append(piece);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        _splitter.Finish();
        Assert.Equal([new string('x', Max)], _lines);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomPieces_GiveTheSameLines(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 500; round++)
        {
            _lines.Clear();
            var text = string.Concat(Enumerable.Range(0, random.Next(100)).Select(_ => "ab\n"[random.Next(3)]));
            for (var at = 0; at < text.Length;)
            {
                var size = random.Next(text.Length - at + 1);
                _splitter.Append(text.AsSpan(at, size));
                at += size;
            }

            _splitter.Finish();
            var expected = text.Split('\n');
            Assert.True(expected.AsSpan(0, expected.Length - (expected[^1].Length == 0 ? 1 : 0)).SequenceEqual(_lines.ToArray()), $"seed {seed}: {text}");
        }
    }
}
