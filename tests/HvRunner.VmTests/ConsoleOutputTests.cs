using System.Diagnostics;
using HvRunner.VmTests.Harness;
using HvRunner.VmTests.Harness.Interop;

namespace HvRunner.VmTests;

/// <summary>
/// The guest's serial port on standard output: every byte in order however slow the reader, in bounded memory; and a reader that stalls or goes
/// away never keeps the run from ending.
/// </summary>
public sealed class ConsoleOutputTests
{
    private const long MostMemoryKib = 40 * 1024;

    [VmTheory]
    [InlineData("flood", 256 * 1024)]
    [InlineData("flood-poll", 128 * 1024)]
    public async Task SlowReader_GetsEveryByteInOrder(string ending, int count) => await FloodAsync(ending, count);

    [NightlyVmFact]
    public async Task SlowReader_GetsAMebibyteFromAGuestThatPolls() => await FloodAsync("flood-poll", 1 << 20);

    [VmFact]
    public async Task FastReader_GetsEveryByteInOrder()
    {
        const int Count = 256 * 1024;
        var result = (await Guests.EndAsync($"flood:{Count}")).Ended(0, "poweroff");
        Assert.Equal(Count, result.Output.Length);
        CheckFlood(result.Output, 0);
        Artifacts.Measured($"flood of {Count} bytes to a fast reader: {result.Duration.TotalMicroseconds / Count:F1} us a byte");
    }

    [VmFact]
    public async Task Output_OfTheLastMomentIsNotLost()
    {
        // Less than a pipe holds: all of it is under way when the guest ends.
        for (var count = 1; count <= 4097; count *= 8)
        {
            var result = (await Guests.EndAsync($"flood:{count}")).Ended(0, "poweroff");
            Assert.Equal(count, result.Output.Length);
            CheckFlood(result.Output, 0);
        }
    }

    [VmFact]
    public async Task Reader_ThatComesLateGetsEverything()
    {
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("flood:100000")) { LeaveOutput = true });
        await process.UntilStalledAsync();
        Assert.False(process.HasExited);
        CheckFlood(await ReadAllAsync(process), 0);
        (await process.EndAsync()).Ended(0, "poweroff");
    }

    [VmTheory]
    [InlineData("flood:4194304")]
    [InlineData("spin")]
    public async Task Reader_ThatClosesEndsTheRunQuietly(string ending)
    {
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending(ending)) { LeaveOutput = true });
        var buffer = new byte[10];
        await process.Output.ReadExactlyAsync(buffer, process.Limit);
        var closed = Stopwatch.GetTimestamp();
        process.Output.Close();
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(Stopwatch.GetElapsedTime(closed) < TimeSpan.FromSeconds(1), "the end was expected within a second");
        Assert.Single(result.ErrorLines);
    }

    [VmFact]
    public async Task StalledReader_DoesNotOutlastTheTimeLimit()
    {
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("flood:4194304", "--timeout", "500ms")) { LeaveOutput = true });
        var result = (await process.EndAsync()).Ended(124, "timeout");
        result.True(result.Duration >= TimeSpan.FromMilliseconds(500), "the time limit was expected to pass first");
        result.True(result.Duration < TimeSpan.FromMilliseconds(1500), "the end was expected within a second of the time limit");
    }

    [VmTheory]
    [InlineData(Libc.SIGTERM)]
    [InlineData(Libc.SIGINT)]
    public async Task StalledReader_DoesNotHoldUpASignal(int signal)
    {
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("flood:4194304")) { LeaveOutput = true });
        await process.UntilStalledAsync();
        var sent = Stopwatch.GetTimestamp();
        process.Signal(signal);
        var result = (await process.EndAsync()).Ended(130, "interrupted");
        result.True(Stopwatch.GetElapsedTime(sent) < TimeSpan.FromSeconds(1), "the end was expected within a second of the signal");
    }

    [VmFact]
    public async Task StalledReader_DoesNotHoldUpTheLastBytes()
    {
        // The guest has ended with its status; only its output is still to be read. The time limit still counts.
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("flood:80000", "--timeout", "2s")) { LeaveOutput = true });
        var result = await process.EndAsync();
        result.True(result.Duration < TimeSpan.FromSeconds(3), "the end was expected within a second of the time limit");
        Assert.Contains(result.Verdict, (string[])["poweroff", "timeout"]);
    }

    [VmFact]
    public async Task FullDevice_EndsTheRun()
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending("spin")) { Redirections = ">/dev/full" });
        result.Ended(130, "interrupted");
        result.True(result.Duration < TimeSpan.FromSeconds(2), "the end was expected at once");
    }

    [VmFact]
    public async Task ClosedStandardOutput_DoesNotHang()
    {
        var result = await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending("poweroff")) { Redirections = ">&-" });
        Assert.Contains(result.Verdict, (string[])["interrupted", "poweroff"]);
        Assert.Contains(result.Status, (int[])[130, 0]);
    }

    [VmFact]
    public async Task File_GetsEveryByte()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.File("output");
        var result = await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending("flood:100000")) { Redirections = $">{file}" });
        result.Ended(0, "poweroff");
        var bytes = await File.ReadAllBytesAsync(file);
        Assert.Equal(100000, bytes.Length);
        CheckFlood(bytes, 0);
    }

    internal static async Task FloodAsync(string ending, int count)
    {
        using var process = HvrunProcess.Start(
            new HvrunStart(Guests.Ending($"{ending}:{count}")) { LeaveOutput = true, Limit = TimeSpan.FromSeconds(30) + TimeSpan.FromMicroseconds(60L * count) });
        var buffer = new byte[64 * 1024];
        var total = 0;
        long peakKib = 0;
        while (true)
        {
            var length = 0;
            while (length < buffer.Length && await process.Output.ReadAsync(buffer.AsMemory(length), process.Limit) is var read and > 0)
            {
                length += read;
            }

            if (length == 0)
            {
                break;
            }

            CheckFlood(buffer.AsSpan(0, length), total);
            total += length;
            peakKib = Math.Max(peakKib, process.StatusKib("VmHWM") ?? 0);
            await Task.Delay(10, process.Limit);
        }

        var result = (await process.EndAsync()).Ended(0, "poweroff");
        Assert.Equal(count, total);
        Assert.InRange(peakKib, 1, MostMemoryKib);
        Artifacts.Measured($"{ending} of {count} bytes to a slow reader: {result.Duration.TotalMicroseconds / count:F1} us a byte, peak {peakKib} KiB");
    }

    private static void CheckFlood(ReadOnlySpan<byte> bytes, int position)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != (position + i) % Guests.FloodPeriod)
            {
                Assert.Fail($"byte {position + i} is {bytes[i]}, but {(position + i) % Guests.FloodPeriod} was expected");
            }
        }
    }

    private static async Task<byte[]> ReadAllAsync(HvrunProcess process)
    {
        using var bytes = new MemoryStream();
        await process.Output.CopyToAsync(bytes, process.Limit);
        Assert.Equal(100000, bytes.Length);
        return bytes.ToArray();
    }
}
