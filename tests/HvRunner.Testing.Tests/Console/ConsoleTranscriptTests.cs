using HvRunner.Testing.Console;

namespace HvRunner.Testing.Tests.Console;

/// <summary>The bounded history of a console.</summary>
public class ConsoleTranscriptTests
{
    [Fact]
    public void Positions_StayGood_WhateverIsReleased()
    {
        var transcript = new ConsoleTranscript();
        transcript.Append("hello ");
        transcript.Append("world");
        Assert.Equal("lo wor", transcript.Span(3, 9).ToString());
        transcript.Release(6);
        transcript.Release(2);
        Assert.Equal((6, 11, 0), (transcript.Start, transcript.End, transcript.Forgotten));
        Assert.Equal("world", transcript.Span(6, 11).ToString());
        transcript.Release(100);
        transcript.Append("!");
        Assert.Equal((11, 12), (transcript.Start, transcript.End));
        Assert.Equal("!", transcript.Span(11, 12).ToString());
    }

    [Fact]
    public void Span_OfWhatIsGone_IsRefused()
    {
        var transcript = new ConsoleTranscript(8);
        transcript.Append("0123456789");
        Assert.Equal("23456789", transcript.Span(2, 10).ToString());
        _ = Assert.ThrowsAny<ArgumentException>(() => transcript.Span(1, 10).Length);
        _ = Assert.ThrowsAny<ArgumentException>(() => transcript.Span(2, 11).Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomUse_KeepsWhatTheRulesSay(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 100; round++)
        {
            var limit = random.Next(1, 200);
            var transcript = new ConsoleTranscript(limit);
            var (all, released, forgotten) = ("", 0L, 0L);
            for (var step = 0; step < 100; step++)
            {
                var piece = string.Concat(Enumerable.Range(0, random.Next(random.Next(2) == 0 ? 3 : 2 * limit)).Select(i => (char)('a' + random.Next(26))));
                transcript.Append(piece);
                all += piece;
                var start = Math.Max(released, all.Length - limit);
                forgotten += start - released;
                released = start;
                Assert.True((start, (long)all.Length, forgotten) == (transcript.Start, transcript.End, transcript.Forgotten), $"seed {seed}");
                Assert.True(transcript.Span(start, all.Length).SequenceEqual(all.AsSpan((int)start)), $"seed {seed}");
                if (random.Next(3) == 0)
                {
                    released = random.NextInt64(released, all.Length + 1);
                    transcript.Release(released);
                }
            }
        }
    }

    [Fact]
    public void Flood_WithNobodyReleasing_TakesBoundedMemoryAndLinearTime()
    {
        var piece = new string('x', 1000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var transcript = new ConsoleTranscript(100_000);
        for (var i = 0; i < 50_000; i++)
        {
            transcript.Append(piece);
        }

        Assert.Equal(50_000_000 - 100_000, transcript.Forgotten);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * 2 * 125_001);
    }
}
