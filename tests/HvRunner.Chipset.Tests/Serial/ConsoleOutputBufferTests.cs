using System.Diagnostics;
using HvRunner.Chipset.Serial;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Serial;

public sealed class ConsoleOutputBufferTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Take_GivesWhatWasWrittenInOrder()
    {
        var buffer = new ConsoleOutputBuffer(() => { }, 16);
        for (var round = 0; round < 10; round++)
        {
            buffer.Write("0123456789"u8);
            var taken = new byte[16];
            Assert.Equal(4, buffer.Take(taken.AsSpan(0, 4)));
            Assert.Equal(6, buffer.Take(taken.AsSpan(4)));
            Assert.Equal("0123456789"u8, taken.AsSpan(0, 10));
            Assert.Equal(0, buffer.Take(taken));
            Assert.True(buffer.IsEmpty);
        }
    }

    [Fact]
    public void Wake_ComesOnceAfterAnEmptyTake()
    {
        var wakes = 0;
        var buffer = new ConsoleOutputBuffer(() => wakes++, 16);
        buffer.Write("a"u8);
        buffer.Write("b"u8);
        Assert.Equal(1, wakes);
        var taken = new byte[16];
        buffer.Take(taken);
        buffer.Write("c"u8);
        Assert.Equal(1, wakes);
        buffer.Take(taken);
        Assert.Equal(0, buffer.Take(taken));
        buffer.Write("d"u8);
        buffer.Write("e"u8);
        Assert.Equal(2, wakes);
    }

    [Fact]
    public void Close_ReleasesBlockedProducersAndCountsWhatIsDropped()
    {
        var buffer = new ConsoleOutputBuffer(() => { }, 16);
        buffer.Write(new byte[16]);
        using var started = new CountdownEvent(3);
        var producers = Enumerable.Range(0, 3).Select(_ => Start(() =>
        {
            started.Signal();
            buffer.Write(new byte[5]);
        })).ToArray();
        Assert.True(started.Wait(Patience));
        Assert.All(producers, thread => Assert.False(thread.Join(20)));
        buffer.Close();
        Assert.All(producers, thread => Assert.True(thread.Join(Patience)));
        Assert.Equal(15, buffer.DroppedBytes);
        buffer.Write(new byte[7]);
        Assert.Equal(22, buffer.DroppedBytes);
        Assert.True(buffer.IsClosed);
        Assert.Equal(16, buffer.Take(new byte[64]));
    }

    [Fact]
    public void SlowConsumer_LosesNothingOfManyProducers()
    {
        const int Producers = 4;
        const int Each = 50_000;
        using var wake = new AutoResetEvent(false);
        var buffer = new ConsoleOutputBuffer(() => wake.Set(), 64);
        var threads = Enumerable.Range(0, Producers).Select(producer => Start(() =>
        {
            // Six bits of sequence number and two of the producer's, one byte at a time as a guest sends them.
            for (var i = 0; i < Each; i++)
            {
                buffer.Write([(byte)((i << 2) | producer)]);
            }
        })).ToArray();
        var next = new int[Producers];
        var taken = new byte[7];
        for (var total = 0; total < Producers * Each;)
        {
            var count = buffer.Take(taken);
            if (count == 0)
            {
                Assert.True(wake.WaitOne(Patience), "a wake-up was lost");
            }

            foreach (var value in taken.AsSpan(0, count))
            {
                var producer = value & 3;
                Assert.Equal((byte)((next[producer]++ << 2) | producer), value);
            }

            total += count;
        }

        Assert.All(threads, thread => Assert.True(thread.Join(Patience)));
        Assert.True(buffer.IsEmpty);
    }

    [Fact]
    public void Throughput_OfUartBufferAndWriterThread()
    {
        // The whole GiB where nobody waits at a keyboard: some 20 s.
        var isUnattended = Environment.GetEnvironmentVariable("HVRUN_NIGHTLY") == "1" || Environment.GetEnvironmentVariable("CI") == "true";
        var bytes = isUnattended ? 1L << 30 : 64L << 20;
        using var wake = new AutoResetEvent(false);
        var buffer = new ConsoleOutputBuffer(() => wake.Set());
        var tail = new ConsoleTail(buffer);
        var uart = new Uart16550("com1", new RecordingLine(), tail, new NoSerialInput());
        var taken = 0L;
        var sound = true;
        var writer = Start(() =>
        {
            // A system call for each chunk, as the host's writer has; a consumer that does nothing else would only fight for cache lines.
            using var sink = File.OpenHandle(OperatingSystem.IsWindows() ? "NUL" : "/dev/null", access: FileAccess.Write);
            var chunk = new byte[64 * 1024];
            var pattern = new byte[chunk.Length + 256];
            for (var i = 0; i < pattern.Length; i++)
            {
                pattern[i] = (byte)i;
            }

            while (taken < bytes)
            {
                var count = buffer.Take(chunk);
                if (count == 0)
                {
                    sound &= wake.WaitOne(Patience);
                }

                RandomAccess.Write(sink, chunk.AsSpan(0, count), 0);
                sound &= chunk.AsSpan(0, count).SequenceEqual(pattern.AsSpan((byte)taken, count));
                taken += count;
            }
        });

        var cpuBefore = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Span<byte> data = stackalloc byte[1];
        for (var i = 0L; i < bytes; i++)
        {
            data[0] = (byte)i;
            uart.Write(0, data);
        }

        var producing = clock.Elapsed;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(writer.Join(TimeSpan.FromMinutes(5)));
        Assert.True(sound);
        Assert.Equal(bytes, taken);
        Assert.Equal(bytes, uart.BytesOut);
        var cpu = Environment.CpuUsage.TotalTime - cpuBefore;
        output.WriteLine($"{bytes >> 20} MiB in {clock.Elapsed.TotalSeconds:f2} s: {bytes / clock.Elapsed.TotalSeconds / 1e6:f1} MB/s, " +
            $"{producing.TotalNanoseconds / bytes:f1} ns a byte, {cpu.TotalNanoseconds / bytes:f1} ns of processor time in all");
    }

    private static Thread Start(ThreadStart body)
    {
        var thread = new Thread(body) { IsBackground = true };
        thread.Start();
        return thread;
    }
}
