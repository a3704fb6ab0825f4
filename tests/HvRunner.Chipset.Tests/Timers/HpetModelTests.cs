using Xunit.Abstractions;
using static HvRunner.Chipset.Tests.Timers.HpetFixture;

namespace HvRunner.Chipset.Tests.Timers;

/// <summary>The block that computes against the model that counts, over random programs.</summary>
public sealed class HpetModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(0)]
    public void RandomPrograms_AgreeWithTheModel(int fixedSeed)
    {
        var seed = fixedSeed == 0 ? Random.Shared.Next() : fixedSeed;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 60; round++)
        {
            RunProgram(random, $"seed {seed}, round {round}");
        }
    }

    private static void RunProgram(Random random, string where)
    {
        using var device = new HpetFixture();
        device.Queue.Advance(random.Next(1_000_000_000));
        var model = new ReferenceHpet();

        // Timers 0 and 1 are IRQ 0 and IRQ 8, timer 2 has a pin: no two share a wire.
        device.Write32(HpetFixture.Configuration, 2);
        var edges = new int[3];
        for (var step = 0; step < 120; step++)
        {
            Act(random, device, model);
            Compare(device, model, edges, $"{where}, step {step}");
        }
    }

    private static void Act(Random random, HpetFixture device, ReferenceHpet model)
    {
        var timer = random.Next(3);
        switch (random.Next(8))
        {
            case 0:
                var runs = random.Next(4) != 0;
                device.Write32(HpetFixture.Configuration, runs ? 3u : 2u);
                model.Run(runs);
                break;
            case 1:
                var flags = (uint)random.Next(0x10) & (Level | Enable | Periodic);
                flags |= (random.Next(2) == 0 ? SetValue : 0) | (random.Next(2) == 0 ? Mode32 : 0);
                device.Write32(ConfigurationOf(timer), flags | Route(21));
                model.Configure(timer, (flags & Level) != 0, (flags & Enable) != 0, (flags & Periodic) != 0, (flags & SetValue) != 0, (flags & Mode32) != 0);
                break;
            case 2 or 3:
                var value = random.Next(3) == 0 ? (ulong)random.Next(300) : unchecked(model.Counter + (ulong)random.Next(-3, 3000));
                device.Write(ComparatorOf(timer), value);
                model.WriteComparator(timer, value);
                break;
            case 4:
                var counter = random.Next(3) switch { 0 => 0UL, 1 => uint.MaxValue - (ulong)random.Next(2000), _ => ulong.MaxValue - (ulong)random.Next(2000) };
                device.Write(Counter, counter);
                model.WriteCounter(counter);
                break;
            case 5:
                var bits = (ulong)random.Next(8);
                device.Write(Status, bits);
                model.Acknowledge(bits);
                break;
            default:
                var ticks = random.Next(2) == 0 ? random.Next(5) : random.Next(4000);
                device.Tick(ticks);
                for (var i = 0; i < ticks; i++)
                {
                    model.Clock();
                }

                break;
        }
    }

    private static void Compare(HpetFixture device, ReferenceHpet model, int[] edges, string where)
    {
        Assert.True(model.Counter == device.Read(Counter), $"{where}: counter");
        Assert.True(model.Status == device.Read(Status), $"{where}: status");
        HvRunner.Fakes.RecordingLine[] lines = [device.Irq0, device.Irq8, device.Pin21];
        for (var timer = 0; timer < 3; timer++)
        {
            Assert.True(model.ComparatorOf(timer) == device.Read(ComparatorOf(timer)), $"{where}: comparator {timer}");
            var level = model.LevelOf(timer);
            Assert.True(!level || lines[timer].Asserted, $"{where}: level of {timer}");
            var rose = model.TakeEdge(timer);
            Assert.True(!rose || lines[timer].RisingEdges > edges[timer], $"{where}: edge of {timer}");
            Assert.True(rose || !model.IsEdge(timer) || lines[timer].RisingEdges == edges[timer], $"{where}: edge of {timer} from nowhere");
            edges[timer] = lines[timer].RisingEdges;
        }
    }
}
