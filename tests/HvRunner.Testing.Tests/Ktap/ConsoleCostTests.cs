using System.Diagnostics;
using HvRunner.Testing.KernelReports;
using HvRunner.Testing.Ktap;

namespace HvRunner.Testing.Tests.Ktap;

/// <summary>Tests that measure run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class MeasuringTests
{
    public const string Name = "measuring";
}

/// <summary>What reading a console costs: little for lines that concern nobody, and no more than in proportion whatever the guest prints.</summary>
[Collection(MeasuringTests.Name)]
public class ConsoleCostTests
{
    /// <summary>100 MB of log are to take less than half a second each; here are 10 MB, with room for a busy machine.</summary>
    [Fact]
    public void LinesThatConcernNobody_CostLittle()
    {
        string[] lines =
        [
            "[    1.234567] pci 0000:00:01.0: reg 0x10: [io  0xc000-0xc03f] of a device", "[    1.234567][    T1] systemd[1]: Started something or other.",
            "a program's line, of no more than sixty characters or so", "[  OK  ] Reached target something that nobody asks about.",
        ];
        var results = new KtapReader(_ => { });
        var reports = new KernelReportReader(new KernelReportOptions());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        for (var number = 0; number < 160_000; number++)
        {
            results.Line(lines[number & 3]);
            reports.Line(lines[number & 3]);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
        Assert.InRange(watch.ElapsedMilliseconds, 0, 1_000);
    }

    [Fact]
    public void HostileLines_TakeLinearTimeAndLittleMemory()
    {
        string[] lines =
        [
            "ok 1 " + new string('#', 4_000), "ok 1 " + string.Concat(Enumerable.Repeat("# ", 2_000)), "ok 1 " + new string('\\', 4_000), "ok " + new string('9', 4_000), "ok" + new string(' ', 4_000),
            string.Concat(Enumerable.Repeat("ok[    1.0]", 370)), "ok " + new string('[', 4_000), new string(' ', 4_000) + "ok 1", new string('[', 4_000), string.Concat(Enumerable.Repeat("[    1.0]", 450)),
            "  KTAP version 1", "    # Subtest: " + new string('x', 4_000), "ok 1 " + string.Concat(Enumerable.Repeat("[   1.0", 570)),
        ];
        long results = 0;
        var reader = new KtapReader(_ => results++);
        reader.Line("KTAP version 1");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var watch = Stopwatch.StartNew();
        for (var round = 0; round < 400; round++)
        {
            foreach (var line in lines)
            {
                reader.Line(line);
            }
        }

        Assert.InRange(watch.ElapsedMilliseconds, 0, 5_000);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 20_000_000);
        _ = reader.Finish();
        Assert.Equal(results, reader.Passed + reader.Failed + reader.Skipped);
    }

    [Fact]
    public void MissingNumber_OfAMillion_IsFoundInLittleMemory()
    {
        long told = 0;
        var reader = new KtapReader(_ => told++);
        reader.Line("1..1000000");
        for (var number = 1; number <= 500_000; number++)
        {
            reader.Line($"ok {(number < 250_000 ? number : number + 500_000)}");
            if (number == 400_000)
            {
                Assert.InRange(GC.GetTotalMemory(forceFullCollection: true), 0, 200_000_000);
            }
        }

        Assert.Equal(["planned 1000000, saw 500000: 250000 to 749999 are missing"], reader.Finish());
        Assert.Equal(500_000, told);
    }
}
