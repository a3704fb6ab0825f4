using System.Diagnostics;
using HvRunner.Abstractions;

namespace HvRunner.Machine.Tests;

/// <summary>What the last second held, on time stamps of the test's own.</summary>
public class ProgressMeterTests
{
    private static readonly long Second = Stopwatch.Frequency;
    private static readonly long Interval = Second / 25;

    private readonly CountingVcpu[] _vcpus = [new(), new()];
    private readonly ProgressMeter _meter;

    public ProgressMeterTests()
    {
        _meter = new ProgressMeter(_vcpus);
    }

    [Fact]
    public void BeforeTheStart_NothingHasElapsed()
    {
        var progress = _meter.Read(5 * Second);
        Assert.Equal(new MachineProgress(TimeSpan.Zero, new GuestProgress(0, 0), new GuestProgress(0, 0)), progress);
    }

    [Fact]
    public void ShortRun_CountsFromItsStart()
    {
        _meter.Start(7 * Second);
        Work(exits: 3, instructions: 500);
        var progress = _meter.Read((7 * Second) + (Second / 2));
        Assert.Equal(new MachineProgress(TimeSpan.FromSeconds(0.5), new GuestProgress(3, 500), new GuestProgress(3, 500)), progress);
    }

    [Fact]
    public void SteadyGuest_MakesThePaceOfASecond()
    {
        _meter.Start(0);
        var now = 0L;
        for (var i = 0; i < 1_000; i++)
        {
            now += Interval;
            Work(exits: 4, instructions: 1_000);
            _meter.Sample(now);
        }

        var progress = _meter.Read(now);
        Assert.Equal((4_000, 1_000_000), (progress.Total.Exits, progress.Total.Instructions));
        Assert.Equal((100, 25_000), (progress.LastSecond.Exits, progress.LastSecond.Instructions));
        Assert.Equal(new GuestProgress(100, 25_000), _meter.LastSecond(now));
    }

    [Fact]
    public void GuestThatStopped_DidNothing()
    {
        _meter.Start(0);
        Work(exits: 900, instructions: 900_000);
        for (var now = Interval; now <= 3 * Second; now += Interval)
        {
            _meter.Sample(now);
        }

        Assert.Equal(new GuestProgress(0, 0), _meter.LastSecond(3 * Second));
    }

    [Fact]
    public void LooksThatCameLate_AreMadeUpForByTheStraightLine()
    {
        _meter.Start(0);
        Work(exits: 400, instructions: 4_000_000);
        Assert.Equal(new GuestProgress(100, 1_000_000), _meter.LastSecond(4 * Second));
    }

    [Fact]
    public void Property_NeverMoreThanTheSlowestLookCanHide()
    {
        const int Seed = 20260805;
        var random = new Random(Seed);
        for (var round = 0; round < 200; round++)
        {
            var vcpu = new CountingVcpu();
            var meter = new ProgressMeter([vcpu]);
            var done = new List<(long At, long Exits)>();
            var now = (long)random.Next(1, 1_000_000);
            meter.Start(now);
            for (var i = random.Next(1, 90); i > 0; i--)
            {
                now += Interval + random.NextInt64(Interval);
                var exits = random.Next(100);
                vcpu.Counts.PortOut += exits;
                done.Add((now, exits));
                meter.Sample(now);
            }

            // Each look's work came at some moment of its interval: the truth is between the looks on either side of one second ago.
            var measured = meter.LastSecond(now).Exits;
            var least = done.Where(look => look.At - (2 * Interval) >= now - Second).Sum(look => look.Exits);
            var most = done.Where(look => look.At >= now - Second).Sum(look => look.Exits);
            Assert.True(measured >= least && measured <= most + 1, $"seed {Seed}, round {round}: {measured} is not within {least} and {most}");
        }
    }

    [Fact]
    public void Samples_AllocateNothing()
    {
        _meter.Start(0);
        _meter.Sample(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 2; i < 1_000; i++)
        {
            _meter.Sample(i);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void KicksOfTheHost_AreNotTheGuests()
    {
        _meter.Start(0);
        _vcpus[0].Counts.Other += 50;
        _vcpus[1].Counts.Halt++;
        Assert.Equal(1, _meter.LastSecond(1).Exits);
    }

    [Fact]
    public void OneVcpuThatDoesNotCount_LeavesInstructionsUnknown()
    {
        var meter = new ProgressMeter([new CountingVcpu(), new FakeVcpu(1)]);
        meter.Start(0);
        Assert.Null(meter.LastSecond(1).Instructions);
        Assert.Null(meter.Read(1).Total.Instructions);
    }

    [Theory]
    [InlineData(812, 93_000_000L, "812 exits and 93,000,000 instructions")]
    [InlineData(1, 1L, "1 exit and 1 instruction")]
    [InlineData(0, null, "0 exits")]
    [InlineData(1_000, null, "1,000 exits")]
    public void Text_IsForASentence(long exits, long? instructions, string expected) => Assert.Equal(expected, new GuestProgress(exits, instructions).ToString());

    private void Work(long exits, long instructions)
    {
        _vcpus[1].Counts.PortOut += exits;
        _vcpus[0].InstructionsRetired += instructions;
    }

    private sealed class CountingVcpu : FakeVcpu, IVcpuInstructionCount
    {
        public long InstructionsRetired { get; set; }
    }
}
