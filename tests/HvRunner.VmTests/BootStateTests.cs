using HvRunner.VmTests.Harness;

namespace HvRunner.VmTests;

/// <summary>
/// Initial RAM disks made by the test arrive whole (guests/boot-state, TAP), and words behind the dashes reach the command line. What PVH promises
/// besides is told by the scripts in tests/vm/boot.
/// </summary>
public sealed class BootStateTests
{
    private const int FewestPoints = 30;

    [VmTheory]
    [InlineData("16M", 1)]
    [InlineData("128M", 4095)]
    [InlineData("3G", 4096)]
    [InlineData("5G", 30001)]
    public async Task Initrd_ArrivesWhole(string memory, int length)
    {
        using var directory = new TemporaryDirectory();
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        var sum = bytes.Aggregate(0u, (sum, value) => sum + value);
        CheckTap(await HvrunProcess.RunAsync(
            "run", "--memory", memory, "--initrd", directory.File("initrd", bytes), Artifacts.Guest("boot-state"), "--", "modules=1", $"module-sum={sum}"));
    }

    [VmFact]
    public async Task EntryState_TellsAWrongInitrd()
    {
        using var directory = new TemporaryDirectory();
        var result = await HvrunProcess.RunAsync(
            "run", "--initrd", directory.File("initrd", [1, 2, 3]), Artifacts.Guest("boot-state"), "--", "modules=1", "module-sum=7");
        result.Ended(1, "guest-status").Prints("not ok ");
    }

    [VmFact]
    public async Task WordsBehindTheDashes_AreAppended()
    {
        CheckCommandLine("console=ttyS0 a --memory b=c", await HvrunProcess.RunAsync("run", Artifacts.Guest("demo"), "--", "a", "--memory", "b=c"));
        CheckCommandLine("first second third", await HvrunProcess.RunAsync("run", "--cmdline", "first", Artifacts.Guest("demo"), "--", "second", "third"));
    }

    private static void CheckCommandLine(string expected, HvrunResult result) =>
        result.Ended(0, "poweroff").Prints($"|  {"command line",-16}{expected,-56}  |\n");

    private static void CheckTap(HvrunResult result)
    {
        result.Ended(0, "poweroff");
        var lines = result.Text.Split('\n');
        var points = lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal));
        result.True(!lines.Any(line => line.StartsWith("not ok", StringComparison.Ordinal)), "no failed point was expected");
        result.True(!result.Text.Contains("# TODO", StringComparison.Ordinal), "no excused point was expected");
        result.True(lines.Contains($"1..{points}") && points >= FewestPoints, "a plan that names every point was expected");
    }
}
