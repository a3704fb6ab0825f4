
namespace HvRunner.Instructions.Tests;

/// <summary>Random bytes as code, in every mode: nothing may throw, and a fault leaves general registers alone.</summary>
public class RandomCodeTests
{
    private const int Seed = 20260721;
    private const int StepsPerMode = 70_000;

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void Step_OnRandomBytes_NeverThrowsAndFaultsChangeNothing(int bitness)
    {
        var random = new Random(Seed);
        var guest = bitness switch { 16 => GuestProcessor.Real(), 32 => GuestProcessor.Protected(), _ => GuestProcessor.Long() };
        var start = guest.State.Rip;
        var code = new byte[16];
        var completed = 0;
        for (var i = 0; i < StepsPerMode; i++)
        {
            random.NextBytes(code);
            if (i % 2 == 0)
            {
                // Half of the attempts in the maps of newer instructions.
                code[random.Next(3)] = (byte)(i % 8 == 0 ? 0x66 : 0x0f);
                code[0] = (i % 16) switch { 0 => 0xc5, 2 => 0xc4, 4 => 0xf3, 6 => 0xf2, _ => code[0] };
            }

            for (var r = 0; r < 16; r++)
            {
                guest.State.General[r] = random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(4 << 20), _ => GuestProcessor.Data };
            }

            guest.State.Rip = start;
            guest.State.Rflags = 2 | ((ulong)random.Next() & 0xcd5);
            var before = guest.State.General;
            try
            {
                var completion = guest.RunBytes(code);
                if (completion.Kind == CompletionKind.Completed)
                {
                    completed++;
                }
                else
                {
                    for (var r = 0; r < 16; r++)
                    {
                        Assert.Equal(before[r], guest.State.General[r]);
                    }

                    Assert.Equal(start, guest.State.Rip);
                }
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, step {i}, {bitness} bits, {Convert.ToHexString(code)} " +
                    $"({Disassembler.Format(code, start, bitness)}): {error}");
            }

            // Control state may have been changed by a system instruction; start over with the same memory.
            if (i % 64 == 0)
            {
                guest = bitness switch { 16 => GuestProcessor.Real(), 32 => GuestProcessor.Protected(), _ => GuestProcessor.Long() };
            }
        }

        Assert.True(completed > StepsPerMode / 20, $"only {completed} steps completed");
    }
}
