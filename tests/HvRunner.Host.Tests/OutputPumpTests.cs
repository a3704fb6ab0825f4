using System.Diagnostics;
using System.Net.Sockets;

namespace HvRunner.Host.Tests;

public class OutputPumpTests
{
    private const int NoSpaceLeft = 28;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    [Fact]
    public void SlowReader_GetsEveryByte()
    {
        using var pipe = new TestPipe();
        var data = Bytes(300_000);
        var source = new Source(data);
        using var pump = Start(pipe.WriteDescriptor, source.Take, out _);
        var read = new List<byte>();
        var reader = new Thread(() =>
        {
            var buffer = new byte[1000];
            while (read.Count < data.Length && pipe.Reader.Read(buffer) is var count && count > 0)
            {
                read.AddRange(buffer.AsSpan(0, count));
                Thread.SpinWait(20_000);
            }
        });
        reader.Start();
        Assert.True(pump.Finish(Limit));
        Assert.True(reader.Join(Limit));
        Assert.Equal(data, read);
        Assert.False(pump.Failed);
    }

    [Fact]
    public void Wake_BringsWhatCameLater()
    {
        using var pipe = new TestPipe();
        var source = new Source([]);
        using var pump = Start(pipe.WriteDescriptor, source.Take, out _);
        for (byte i = 1; i <= 50; i++)
        {
            source.Add(i);
            pump.Wake();
            Assert.Equal(i, pipe.Reader.ReadByte());
        }

        Assert.True(pump.Finish(Limit));
    }

    [Fact]
    public void ReaderThatCloses_IsNoticedWhileIdle()
    {
        using var pipe = new TestPipe();
        using var pump = Start(pipe.WriteDescriptor, _ => 0, out var gone);
        pipe.Reader.Dispose();
        Assert.True(gone.Wait(Limit), "nobody noticed that the reader went away");
        Assert.True(pump.Failed);
        Assert.True(pump.Finish(Limit));
    }

    [Fact]
    public void ReaderThatCloses_IsNoticedWhileTheBufferIsFull()
    {
        using var pipe = new TestPipe();
        using var pump = Start(pipe.WriteDescriptor, Endless, out var gone);
        Assert.NotEqual(-1, pipe.Reader.ReadByte());
        pipe.Reader.Dispose();
        Assert.True(gone.Wait(Limit), "nobody noticed that the reader went away");
        Assert.True(pump.Failed);
        Assert.Equal(1, gone.Calls);
    }

    [Fact]
    public void StalledReader_HoldsUpNeitherFinishNorDispose()
    {
        using var pipe = new TestPipe();
        var pump = Start(pipe.WriteDescriptor, Endless, out var gone);
        var clock = Stopwatch.StartNew();
        Assert.False(pump.Finish(TimeSpan.FromMilliseconds(100)));
        Assert.False(pump.Finish(TimeSpan.FromMilliseconds(50)));
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(140), TimeSpan.FromSeconds(3));
        clock.Restart();
        pump.Dispose();
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.Equal(0, gone.Calls);
    }

    [Fact]
    public void FinishAfterAStall_WritesTheRest()
    {
        using var pipe = new TestPipe();
        var data = Bytes(200_000);
        using var pump = Start(pipe.WriteDescriptor, new Source(data).Take, out _);
        Assert.False(pump.Finish(TimeSpan.FromMilliseconds(50)));
        var read = new byte[data.Length];
        var reader = new Thread(() => pipe.Reader.ReadExactly(read));
        reader.Start();
        Assert.True(pump.Finish(Limit));
        Assert.True(reader.Join(Limit));
        Assert.Equal(data, read);
    }

    [Fact]
    public void RegularFile_GetsEveryByte()
    {
        var path = Path.GetTempFileName();
        try
        {
            var data = Bytes(100_000);
            using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write))
            using (var pump = Start((int)file.DangerousGetHandle(), new Source(data).Take, out _))
            {
                Assert.True(pump.Finish(Limit));
                Assert.False(pump.Failed);
            }

            Assert.Equal(data, File.ReadAllBytes(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void FullDevice_IsAFailure()
    {
        using var full = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.Write);
        using var pump = Start((int)full.DangerousGetHandle(), new Source(Bytes(10)).Take, out var gone);
        Assert.True(gone.Wait(Limit));
        Assert.True(pump.Failed);
        Assert.Equal(NoSpaceLeft, gone.Errno);
        Assert.False(OutputPump.IsReaderGone(gone.Errno));
    }

    [Fact]
    public void PeerOfASocketThatCloses_IsNoticedWhileIdle()
    {
        // A closed peer shows as POLLHUP alone, unlike a pipe's reader, which shows as POLLERR.
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            using var ours = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            ours.Connect(new UnixDomainSocketEndPoint(path));
            using var theirs = listener.Accept();
            using var pump = Start((int)ours.Handle, _ => 0, out var gone);
            theirs.Dispose();
            Assert.True(gone.Wait(Limit), "nobody noticed that the peer went away");
            Assert.True(OutputPump.IsReaderGone(gone.Errno));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Disposal_GivesEverythingBack()
    {
        Descriptors.AssertGivenBack(() =>
        {
            using var pipe = new TestPipe();
            using (Start(pipe.WriteDescriptor, Endless, out _))
            {
                Assert.NotEqual(-1, pipe.Reader.ReadByte());
            }

            new OutputPump("never started", pipe.WriteDescriptor, _ => 0, _ => { }).Dispose();
        });
    }

    private static OutputPump Start(int descriptor, TakeBytes take, out Gone gone)
    {
        var noticed = gone = new Gone();
        var pump = new OutputPump("output", descriptor, take, noticed.Call);
        pump.Start();
        return pump;
    }

    private static int Endless(Span<byte> destination)
    {
        destination.Fill((byte)'x');
        return destination.Length;
    }

    private static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(i * 31 >> 3))];

    /// <summary>Counts how often the pump says that its reader went away.</summary>
    private sealed class Gone
    {
        private readonly Lock _gate = new();
        private int _calls;

        internal int Calls
        {
            get
            {
                lock (_gate)
                {
                    return _calls;
                }
            }
        }

        internal int Errno { get; private set; }

        internal void Call(int errno)
        {
            lock (_gate)
            {
                Errno = errno;
                _calls++;
            }
        }

        internal bool Wait(TimeSpan limit) => SpinWait.SpinUntil(() => Calls != 0, limit);
    }

    /// <summary>A buffer as the machine's: bytes come in on one thread and are taken on the pump's.</summary>
    private sealed class Source(byte[] bytes)
    {
        private readonly Queue<byte> _bytes = new(bytes);

        internal void Add(byte value)
        {
            lock (_bytes)
            {
                _bytes.Enqueue(value);
            }
        }

        internal int Take(Span<byte> destination)
        {
            lock (_bytes)
            {
                var count = Math.Min(destination.Length, _bytes.Count);
                for (var i = 0; i < count; i++)
                {
                    destination[i] = _bytes.Dequeue();
                }

                return count;
            }
        }
    }
}
