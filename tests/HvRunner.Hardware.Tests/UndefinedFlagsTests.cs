using System.Runtime.InteropServices;
using HvRunner.Hardware.Tests.Forms;
using HvRunner.Hardware.Tests.Guest;
using HvRunner.Hardware.Tests.Instances;
using Iced.Intel;

namespace HvRunner.Hardware.Tests;

/// <summary>Flags that the manuals leave undefined: the executor has those of AMD's processors, and so has translated code where it costs nothing.</summary>
public class UndefinedFlagsTests
{
    private const ulong Seed = 20260723;
    private const int Batches = 6;

    [Fact]
    public void Shifts_LeaveTheSameUndefinedFlagsTranslatedOrNot()
    {
        var shifts = FormTable.Run.Where(form => IsShift(form.Mnemonic())).ToArray();
        var stepping = new SteppingProcessor();
        var translating = new TranslatingProcessor();
        var generator = new BatchGenerator(stepping.Ram, Seed, shifts);
        var twin = new BatchGenerator(translating.Ram, Seed, shifts);
        var compared = 0;
        for (var batch = 0; batch < Batches; batch++)
        {
            generator.Fill(batch);
            twin.Fill(batch);
            stepping.Begin();
            translating.Begin();
            for (var i = 0; i < GuestLayout.MaximumBatch; i++)
            {
                var instance = generator.Instances[i];
                Assert.Equal("", stepping.Run(i, instance) + translating.Run(i, twin.Instances[i]));
                ref readonly var expected = ref Output(stepping.Ram, i);
                ref readonly var actual = ref Output(translating.Ram, i);
                if (instance.IsValid && IsShift(instance.Decoded.Mnemonic) && expected.Vector == ProcessorImage.NoException)
                {
                    compared++;
                    Assert.True(expected.Rflags == actual.Rflags, $"seed {Seed}, #{instance.Number}: {expected.Rflags:x} stepped, {actual.Rflags:x} translated | {Comparison.Comparer.Describe(instance, Input(stepping.Ram, i))}");
                }
            }
        }

        Assert.True(compared > Batches * GuestLayout.MaximumBatch / 2, $"only {compared} shifts ran");
    }

    private static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar;

    private static ref readonly ProcessorImage Input(byte[] ram, int index) =>
        ref MemoryMarshal.AsRef<ProcessorImage>(BatchGenerator.Block(ram, index));

    private static ref readonly ProcessorImage Output(byte[] ram, int index) =>
        ref MemoryMarshal.AsRef<ProcessorImage>(BatchGenerator.Block(ram, index)[GuestLayout.OutputOffset..]);
}
