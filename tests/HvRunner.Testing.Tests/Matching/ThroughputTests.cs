using System.Text;
using HvRunner.Testing.Console;
using HvRunner.Testing.Matching;

namespace HvRunner.Testing.Tests.Matching;

/// <summary>Nothing else runs beside what is timed.</summary>
[CollectionDefinition(nameof(ThroughputTests), DisableParallelization = true)]
public class ThroughputCollection;

/// <summary>
/// Floods through everything that reads a console. What is measured is the processor's time, as far as a busy machine leaves it alone; the limits
/// are several times what it is, and the figures stand in the output.
/// </summary>
[Collection(nameof(ThroughputTests))]
public class ThroughputTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const int Megabyte = 1_000_000;

    private static readonly string[] Never = ["---[ end Kernel panic", @"/login: \w+ (\d+)/", "/^Booting .* on KVM$/"];

    [Fact]
    public void KernelLog_Of100Megabytes_TakesSecondsAtMostAndNoMemory() =>
        AssertFlood(KernelLog(64 * 1024), 100 * Megabyte, TimeSpan.FromSeconds(5), Never);

    [Fact]
    public void OneLine_Of10Megabytes_TakesASecondAtMostAndNoMemory() =>
        AssertFlood([.. Enumerable.Repeat((byte)'x', 64 * 1024)], 10 * Megabyte, TimeSpan.FromSeconds(2), Never);

    [Fact]
    public void Colours_Of10Megabytes_TakeASecondAtMostAndNoMemory() =>
        AssertFlood([.. Enumerable.Repeat("\u001b[1;31mx\u001b[0m\r\n"u8.ToArray(), 4 * 1024).SelectMany(piece => piece)], 10 * Megabyte, TimeSpan.FromSeconds(2), Never);

    [Fact]
    public void ExpressionWithNoPrefix_Over10Megabytes_TakesSecondsAtMostAndNoMemory() =>
        AssertFlood(KernelLog(64 * 1024), 10 * Megabyte, TimeSpan.FromSeconds(5), [@"/[a-z]+[^a-z]+\d+ never/", @"/(?s)\w+.*\bnever$/"]);

    [Theory]
    [InlineData("---[ end Kernel panic")]
    [InlineData(@"/login: \w+ (\d+)/")]
    [InlineData(@"/^.*login: \d+$/")]
    [InlineData(@"/[$#]\s/")]
    public void SingleBytes_Of64Kilobytes_TakeAMomentEach(string pattern)
    {
        var log = KernelLog(64 * 1024);
        for (var i = 0; i < log.Length; i++)
        {
            log[i] = log[i] is (byte)'#' or (byte)'$' ? (byte)'.' : log[i];
        }

        AssertFlood(log, log.Length, TimeSpan.FromSeconds(1), [pattern], pieceBytes: 1);
    }

    private void AssertFlood(byte[] block, int total, TimeSpan limit, string[] patterns, int pieceBytes = 64 * 1024)
    {
        var flood = new Flood(patterns);
        flood.Feed(block, Math.Min(block.Length, 32 * 1024), pieceBytes);
        var (allocated, taken) = (GC.GetAllocatedBytesForCurrentThread(), Environment.CpuUsage.TotalTime);
        for (var said = 0; said < total; said += block.Length)
        {
            flood.Feed(block, Math.Min(block.Length, total - said), pieceBytes);
        }

        taken = Environment.CpuUsage.TotalTime - taken;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        output.WriteLine(
            $"{total / 1e6:F1} MB in pieces of {pieceBytes} for {string.Join(' ', patterns)}: {taken.TotalMilliseconds:F0} ms of the processor, {allocated / 1024} KiB allocated, {flood.Lines} lines");
        Assert.InRange(taken, TimeSpan.Zero, limit);
        Assert.InRange(allocated, 0, 2 * Megabyte);
    }

    private static byte[] KernelLog(int bytes)
    {
        var random = new Random(1);
        var log = new StringBuilder();
        for (var line = 0; log.Length < bytes; line++)
        {
            _ = log.Append($"[{line / 100.0,12:F6}] ");
            for (var word = random.Next(3, 9); word > 0; word--)
            {
                _ = random.Next(4) == 0
                    ? log.Append($"0x{random.Next():x8}").Append(word > 1 ? " " : "")
                    : log.Append("pci usb1: memory [mem] BAR registered clocksource".Split(' ')[random.Next(7)]).Append(word > 1 ? " " : "");
            }

            _ = log.Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(log.ToString(0, bytes));
    }

    private sealed class Flood
    {
        private readonly ConsoleDecoder _decoder = new();
        private readonly ConsoleTranscript _transcript = new();
        private readonly LineSplitter _splitter;
        private readonly PatternSearch[] _searches;

        internal Flood(string[] patterns)
        {
            _splitter = new LineSplitter(_ => Lines++);
            _searches = [.. patterns.Select(pattern => new PatternSearch(_transcript, [ConsolePattern.Parse(pattern)], 0))];
        }

        internal int Lines { get; private set; }

        internal void Feed(byte[] block, int length, int pieceBytes)
        {
            for (var at = 0; at < length; at += pieceBytes)
            {
                ReadOnlySpan<byte> bytes = block.AsSpan(at, Math.Min(pieceBytes, length - at));
                while (!bytes.IsEmpty)
                {
                    var text = _decoder.Decode(ref bytes);
                    _splitter.Append(text);
                    _transcript.Append(text);
                }

                var needed = _transcript.End;
                foreach (var search in _searches)
                {
                    Assert.False(search.TryFind(out _));
                    needed = Math.Min(needed, search.Needs);
                }

                _transcript.Release(needed);
            }
        }
    }
}
