using System.Collections.Concurrent;
using System.Diagnostics;

namespace HvRunner.Host.Tests;

public class InputPumpTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public void Bytes_ArriveInOrder()
    {
        using var pipe = new TestPipe();
        using var got = new BlockingCollection<byte>();
        using var pump = Start(pipe.ReadDescriptor, got, long.MaxValue);
        for (var i = 0; i < 20; i++)
        {
            pipe.Writer.Write([(byte)i, (byte)(i + 100)]);
            Assert.Equal([(byte)i, (byte)(i + 100)], [Take(got), Take(got)]);
        }
    }

    [Fact]
    public void EndOfInput_ComesAfterItsLastByteAndEndsNothingElse()
    {
        using var pipe = new TestPipe();
        using var got = new BlockingCollection<byte>();
        var sent = Enumerable.Range(0, 20_000).Select(i => (byte)i).ToArray();
        pipe.Writer.Write(sent);
        pipe.Writer.Dispose();
        using var pump = Start(pipe.ReadDescriptor, got, long.MaxValue);
        Assert.Equal(sent, sent.Select(_ => Take(got)));
    }

    [Fact]
    public void AcceptingSide_MayEndThePump()
    {
        using var pipe = new TestPipe();
        using var got = new BlockingCollection<byte>();
        using var pump = Start(pipe.ReadDescriptor, got, 1);
        pipe.Writer.Write([1]);
        Assert.Equal(1, Take(got));
        pipe.Writer.Write([2]);
        Assert.False(got.TryTake(out _, TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void Disposal_WhileNothingComes_IsQuick()
    {
        using var pipe = new TestPipe();
        using var got = new BlockingCollection<byte>();
        var pump = Start(pipe.ReadDescriptor, got, long.MaxValue);
        pipe.Writer.Write([1]);
        Take(got);
        var clock = Stopwatch.StartNew();
        pump.Dispose();
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromMilliseconds(450));
        pipe.Writer.Write([2]);
        Assert.False(got.TryTake(out _, TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void Disposal_GivesEverythingBack()
    {
        Descriptors.AssertGivenBack(() =>
        {
            using var pipe = new TestPipe();
            using var got = new BlockingCollection<byte>();
            Start(pipe.ReadDescriptor, got, long.MaxValue).Dispose();
            new InputPump("never started", pipe.ReadDescriptor, _ => true).Dispose();
        });
    }

    [Fact]
    public void ClosedDescriptor_EndsThePump()
    {
        int closed;
        using (var pipe = new TestPipe())
        {
            closed = pipe.ReadDescriptor;
        }

        using var got = new BlockingCollection<byte>();
        Start(closed, got, long.MaxValue).Dispose();
        Assert.Empty(got);
    }

    private static InputPump Start(int descriptor, BlockingCollection<byte> got, long calls)
    {
        var pump = new InputPump("input", descriptor, bytes =>
        {
            foreach (var value in bytes)
            {
                got.Add(value);
            }

            return --calls > 0;
        });
        pump.Start();
        return pump;
    }

    private static byte Take(BlockingCollection<byte> got)
    {
        Assert.True(got.TryTake(out var value, Limit), "the byte did not arrive");
        return value;
    }
}
