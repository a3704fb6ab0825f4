using HvRunner.Abstractions;
using HvRunner.Chipset.Apic;
using HvRunner.Fakes;
using Xunit.Abstractions;

namespace HvRunner.Chipset.Tests.Apic;

/// <summary>The pair against the slow reference, over random words, wires and acknowledges, saved and loaded on the way.</summary>
public sealed class Pic8259ModelTests(ITestOutputHelper output)
{
    private const int Steps = 100_000;

    private static readonly byte[] Commands =
        [0x20, 0x20, 0x20, 0x60, 0xa0, 0xe0, 0xc0, 0x80, 0x00, 0x40, 0x0a, 0x0b, 0x0c, 0x68, 0x48, 0x08, 0x0f];

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void RandomSteps_AgreeWithTheReference(int fixedSeed)
    {
        var seed = fixedSeed == 0 ? Random.Shared.Next() : fixedSeed;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var intr = new RecordingLine();
        var pic = new Pic8259Pair(intr);
        var reference = new ReferencePicPair();
        var acknowledged = 0;
        for (var step = 0; step < Steps; step++)
        {
            var where = $"seed {seed}, step {step}";
            var chip = random.Next(2);
            var ports = chip == 0 ? pic.MasterPorts : pic.SlavePorts;
            switch (random.Next(16))
            {
                case 0 when random.Next(8) == 0:
                    Initialize(random, pic, reference);
                    break;
                case 1 or 2:
                    var command = (byte)(Commands[random.Next(Commands.Length)] | (random.Next(2) * random.Next(8)));
                    ports.Out(0, command);
                    reference.Write(chip, 0, command);
                    break;
                case 3:
                    var mask = (byte)(random.Next(256) & random.Next(256));
                    ports.Out(1, mask);
                    reference.Write(chip, 1, mask);
                    break;
                case 4 when random.Next(4) == 0:
                    var elcr = (byte)random.Next(256);
                    pic.EdgeLevelPorts.Out((ulong)chip, elcr);
                    reference.WriteElcr(chip, elcr);
                    break;
                case 5 or 6 or 7:
                    var port = random.Next(2);
                    Assert.True(reference.Read(chip, port) == ports.In((ulong)port), $"{where}: read of port {port}, chip {chip}");
                    break;
                case 8 or 9 or 10:
                    if (intr.Asserted || random.Next(20) == 0)
                    {
                        acknowledged++;
                        var expected = reference.Acknowledge();
                        Assert.True(expected == pic.Acknowledge(), $"{where}: acknowledge, 0x{expected:x2} expected");
                    }

                    break;
                case 11 when random.Next(50) == 0:
                    var state = pic.SavedState();
                    pic.Reset();
                    pic.LoadState(state);
                    Assert.Equal(state, pic.SavedState());
                    break;
                default:
                    var irq = random.Next(16);
                    var up = random.Next(3) != 0;
                    if (irq != 2)
                    {
                        pic.GetLine(irq).Set(up);
                        reference.Drive(irq, up);
                    }

                    break;
            }

            Assert.True(reference.Intr == intr.Asserted, $"{where}: INTR");
            Assert.True(reference.ReadElcr(chip) == pic.EdgeLevelPorts.In((ulong)chip), $"{where}: ELCR");
        }

        Assert.True(acknowledged > Steps / 100, $"only {acknowledged} acknowledges: the test has tested nothing");
    }

    private static void Initialize(Random random, Pic8259Pair pic, ReferencePicPair reference)
    {
        for (var chip = 0; chip < 2; chip++)
        {
            var ordinary = random.Next(4) != 0;
            var words = new byte[]
            {
                (byte)(ordinary ? 0x11 : 0x10 | random.Next(16)),
                (byte)random.Next(256),
                (byte)(ordinary ? 4 >> chip : random.Next(256)),
                (byte)random.Next(32),
            };
            IBusDevice ports = chip == 0 ? pic.MasterPorts : pic.SlavePorts;
            for (var i = 0; i < words.Length; i++)
            {
                ports.Out((ulong)Math.Min(i, 1), words[i]);
                reference.Write(chip, Math.Min(i, 1), words[i]);
            }
        }
    }
}
