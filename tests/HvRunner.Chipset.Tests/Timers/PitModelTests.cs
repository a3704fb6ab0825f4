using HvRunner.Chipset.Timers;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Timers;

/// <summary>The device that computes against the model that counts, over random programs.</summary>
public sealed class PitModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(0)]
    public void RandomPrograms_AgreeWithTheModel(int fixedSeed)
    {
        var seed = fixedSeed == 0 ? Random.Shared.Next() : fixedSeed;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 40; round++)
        {
            RunProgram(random, $"seed {seed}, round {round}");
        }
    }

    private static void RunProgram(Random random, string where)
    {
        var queue = new FakeTimerQueue();
        queue.Advance(random.NextInt64(1_000_000_000_000));
        var line = new RecordingLine();
        using var pit = new Pit8254(queue, line);
        var portB = new SystemControlPortB(pit);
        ReferenceCounter[] model = [new(true), new(true), new(false)];
        var tick = PitClock.TickAt(queue.NowNs);
        for (var step = 0; step < 60; step++)
        {
            var channel = random.Next(3);
            switch (random.Next(9))
            {
                case 0:
                    var control = (channel << 6) | (random.Next(1, 4) << 4) | (random.Next(8) << 1) | (random.Next(4) == 0 ? 1 : 0);
                    pit.Out(3, (byte)control);
                    model[channel].Program(control);
                    break;
                case 1 or 2:
                    var value = (byte)(random.Next(3) == 0 ? random.Next(3) : random.Next(256));
                    pit.Out((ulong)channel, value);
                    model[channel].Write(value);
                    break;
                case 3:
                    pit.Out(3, (byte)(channel << 6));
                    model[channel].LatchCount();
                    break;
                case 4:
                    var readBack = 0xc0 | random.Next(64);
                    pit.Out(3, (byte)readBack);
                    ReadBack(model, readBack);
                    break;
                case 5:
                    var gate = random.Next(2) == 1;
                    portB.Out(0, (byte)(gate ? 1 : 0));
                    model[2].Gate(gate);
                    break;
                case 6:
                    Assert.True(model[channel].Read() == pit.In((ulong)channel), $"{where}, step {step}: read of channel {channel}");
                    break;
                default:
                    var ticks = random.Next(3) switch { 0 => random.Next(4), 1 => random.Next(400), _ => random.Next(100_000) };
                    tick += ticks;
                    for (var i = 0; i < ticks; i++)
                    {
                        Array.ForEach(model, counter => counter.Clock());
                    }

                    queue.Advance(PitClock.NsOf(tick) - queue.NowNs);
                    break;
            }

            foreach (var index in new[] { 0, 1, 2 })
            {
                CheckStatus(pit, model, index, $"{where}, step {step}");
            }

            Assert.True(model[2].Out == ((portB.In(0) & 0x20) != 0), $"{where}, step {step}: OUT 2");
            Assert.True(model[0].Out == line.Asserted, $"{where}, step {step}: IRQ 0");
            if (random.Next(4) == 0)
            {
                var state = pit.SavedState();
                pit.Reset();
                portB.Out(0, (byte)(portB.In(0) & 1));
                pit.LoadState(state);
                Assert.Equal(state, pit.SavedState());
            }
        }
    }

    private static void ReadBack(ReferenceCounter[] model, int command)
    {
        for (var i = 0; i < model.Length; i++)
        {
            if ((command & (2 << i)) != 0)
            {
                if ((command & 0x20) == 0)
                {
                    model[i].LatchCount();
                }

                if ((command & 0x10) == 0)
                {
                    model[i].LatchStatus();
                }
            }
        }
    }

    private static void CheckStatus(Pit8254 pit, ReferenceCounter[] model, int channel, string where)
    {
        // A latched status is read first, so this never disturbs a half-read count.
        var command = 0xe0 | (2 << channel);
        pit.Out(3, (byte)command);
        ReadBack(model, command);
        var found = pit.In((ulong)channel);
        var expected = model[channel].Read();
        Assert.True(expected == found, $"{where}: status of channel {channel} is 0x{found:x2}, the model says 0x{expected:x2}");
    }

    [Theory]
    [InlineData(2, 65_536)]
    [InlineData(2, 11_932)]
    [InlineData(2, 1_193)]
    [InlineData(2, 120)]
    [InlineData(3, 65_536)]
    [InlineData(3, 4_773)]
    [InlineData(3, 121)]
    public void Edges_AgreeWithTheModelOverManyPeriods(int mode, int count)
    {
        var queue = new FakeTimerQueue();
        var line = new RecordingLine();
        using var pit = new Pit8254(queue, line);
        var model = new ReferenceCounter(gate: true);
        var control = 0x30 | (mode << 1);
        pit.Out(3, (byte)control);
        model.Program(control);
        foreach (var value in new[] { (byte)count, (byte)(count >> 8) })
        {
            pit.Out(0, value);
            model.Write(value);
        }

        for (var i = 0; i < 1_000_000; i++)
        {
            model.Clock();
        }

        queue.Advance(PitClock.NsOf(1_000_000));
        Assert.Equal(model.RisingEdges, line.RisingEdges);
        Assert.Equal(model.Out, line.Asserted);
        pit.Out(3, 0);
        model.LatchCount();
        Assert.Equal(model.Read(), pit.In(0));
        Assert.Equal(model.Read(), pit.In(0));
    }
}
