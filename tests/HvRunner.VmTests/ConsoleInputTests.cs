using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>Standard input on the guest's serial port: every byte in order, and its end ends nothing (guests/echo).</summary>
public sealed class ConsoleInputTests
{
    private const string Ready = "echo: ready\n";
    private const byte EndOfTransmission = 4;

    [VmFact]
    public async Task Input_SentWhenTheGuestIsReadyComesBackInOrder() => await EchoAsync(64 * 1024, waitForReady: true);

    [VmFact]
    public async Task Input_SentAtOnceComesBackInOrder() => await EchoAsync(8 * 1024, waitForReady: false);

    [VmFact]
    public async Task EndOfInput_DoesNotEndTheRun()
    {
        using var process = StartEcho();
        await process.WaitForOutputAsync(Ready);
        await SendAsync(process, "last words"u8.ToArray());
        process.Input.Close();
        await process.WaitForOutputAsync("last words");
        process.Signal(Harness.Interop.Libc.SIGTERM);
        (await process.EndAsync()).Ended(130, "interrupted");
    }

    [VmFact]
    public async Task EndOfInput_LeavesTheGuestItsOwnEnd()
    {
        using var process = StartEcho();
        await process.WaitForOutputAsync(Ready);
        await SendAsync(process, [.. "bye"u8, EndOfTransmission]);
        process.Input.Close();
        Assert.Equal(Ready + "bye", (await process.EndAsync()).Ended(0, "poweroff").Text);
    }

    [VmFact]
    public async Task Input_IsPassedOnUnchangedWhenItIsNoTerminal()
    {
        using var process = StartEcho();
        await process.WaitForOutputAsync(Ready);
        byte[] keys = [1, (byte)'x', 3, 1, (byte)'h', 0, 0xff, 13, 10];
        await SendAsync(process, [.. keys, EndOfTransmission]);
        var result = (await process.EndAsync()).Ended(0, "poweroff");
        Assert.Equal([.. "echo: ready\n"u8, .. keys], result.Output);
    }

    [VmFact]
    public async Task Input_ThatNobodyReadsDoesNotHoldUpTheEnd()
    {
        // More than the pipe and every buffer hold, to a guest that never reads its serial port.
        using var process = HvrunProcess.Start(new HvrunStart(Guests.Ending("spin", "--timeout", "500ms")) { KeepInputOpen = true });
        var sending = process.Input.WriteAsync(new byte[1 << 20], process.Limit).AsTask();
        var result = (await process.EndAsync()).Ended(124, "timeout");
        result.True(result.Duration < TimeSpan.FromMilliseconds(1500), "the end was expected within a second of the time limit");
        await Assert.ThrowsAnyAsync<IOException>(() => sending);
    }

    [VmFact]
    public async Task Console_None_LeavesStandardInputAlone()
    {
        (await HvrunProcess.RunAsync(new HvrunStart(Guests.Ending("poweroff", "--console", "none")) { KeepInputOpen = true })).Ended(0, "poweroff");
    }

    internal static async Task EchoAsync(int count, bool waitForReady)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        using var process = StartEcho(TimeSpan.FromSeconds(10) + TimeSpan.FromMicroseconds(300L * count), $"count={count}");
        if (waitForReady)
        {
            await process.WaitForOutputAsync(Ready);
        }

        var began = process.Elapsed;
        await SendAsync(process, bytes);
        var result = (await process.EndAsync()).Ended(0, "poweroff");
        Artifacts.Measured($"echo of {count} bytes{(waitForReady ? string.Empty : " sent at once")}: {(result.Duration - began).TotalMicroseconds / count:F1} us a byte");
        Assert.Equal(Ready.Length + count, result.Output.Length);
        for (var i = 0; i < count; i++)
        {
            if (result.Output[Ready.Length + i] != bytes[i])
            {
                Assert.Fail($"byte {i} came back as {result.Output[Ready.Length + i]}, but {bytes[i]} was sent");
            }
        }
    }

    private static HvrunProcess StartEcho(TimeSpan? limit = null, params string[] words) => HvrunProcess.Start(
        new HvrunStart(["run", "--memory", "16M", Artifacts.Guest("echo"), "--", .. words])
        {
            KeepInputOpen = true,
            Limit = limit ?? TimeSpan.FromSeconds(30),
        });

    private static async Task SendAsync(HvrunProcess process, byte[] bytes)
    {
        await process.Input.WriteAsync(bytes, process.Limit);
        await process.Input.FlushAsync(process.Limit);
    }
}
