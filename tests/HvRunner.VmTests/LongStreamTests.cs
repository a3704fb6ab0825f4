using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>The serial port in both directions for as long as a test may take: side by side, since each is one processor's work.</summary>
public sealed class LongStreamTests
{
    [VmFact]
    public async Task FourMebibytesOutAndOneThroughTheGuest_ArriveInOrder() => await Task.WhenAll(
        ConsoleOutputTests.FloodAsync("flood", 4 << 20), ConsoleInputTests.EchoAsync(1 << 20, waitForReady: true));
}
