using HvRunner.Abstractions;

namespace HvRunner.Instructions.Tests;

/// <summary>System instructions and deliveries on random tables, registers and control state: nothing may throw, and a fault leaves no trace.</summary>
public class RandomSystemTests
{
    private const int Seed = 20261121;
    private const int Rounds = 30_000;

    /// <summary>Far transfers, returns, segment loads, tables, control and debug registers, fast calls, ports, software interrupts.</summary>
    private static readonly byte[][] Opcodes =
    [
        [0x9a], [0xea], [0xca], [0xcb], [0xcf], [0x48, 0xcf], [0x48, 0xcb], [0x66, 0xcf], [0xff, 0x18], [0xff, 0x28], [0x48, 0xff, 0x18],
        [0x48, 0xff, 0x28], [0x66, 0xff, 0x18], [0x8e, 0xd0], [0x8e, 0xd8], [0x8e, 0xe8], [0x17], [0x07], [0x0f, 0xa9], [0xc4, 0x00], [0x0f, 0xb2, 0x00],
        [0x0f, 0x00, 0xd0], [0x0f, 0x00, 0xd8], [0x0f, 0x00, 0xe0], [0x0f, 0x02, 0xc0], [0x0f, 0x03, 0xc0], [0x63, 0xc1], [0x0f, 0x22, 0xc0],
        [0x0f, 0x22, 0xd8], [0x0f, 0x22, 0xe0], [0x0f, 0x23, 0xf8], [0x0f, 0x23, 0xc0], [0x0f, 0x05], [0x0f, 0x07], [0x48, 0x0f, 0x07], [0x0f, 0x34],
        [0x0f, 0x35], [0x48, 0x0f, 0x35], [0x6c], [0x6f], [0xf3, 0x6d], [0xec], [0xef], [0xcc], [0xcd], [0xce], [0xf1], [0xc8], [0x60], [0x61], [0x62, 0x00],
        [0xd7], [0x0f, 0x30], [0x0f, 0x32], [0x0f, 0x01, 0xf8], [0x0f, 0x01, 0x10], [0x0f, 0x01, 0x18], [0x0f, 0x01, 0xf0], [0x0f, 0x33],
        [0x66, 0x0f, 0x38, 0x82, 0x00], [0x0f, 0xa2],
    ];

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void StepAndDeliver_OnRandomTables_NeverThrow(int bitness)
    {
        var random = new Random(Seed + bitness);
        var kinds = new int[4];
        GuestProcessor? guest = null;
        for (var round = 0; round < Rounds; round++)
        {
            if (round % 50 == 0)
            {
                guest = Make(bitness, random);
            }

            var opcode = Opcodes[random.Next(Opcodes.Length)];
            var bytes = new byte[opcode.Length + 8];
            random.NextBytes(bytes);
            opcode.CopyTo(bytes, 0);
            Shake(guest!, random);
            var (general, rip) = (guest!.State.General, guest.State.Rip);
            try
            {
                var linear = guest.State[SegmentName.Cs].Long ? rip : (uint)(guest.State[SegmentName.Cs].Base + rip);
                if (linear < (4 << 20) - 16)
                {
                    guest.Write(linear, bytes);
                }

                var completion = guest.Step();
                kinds[(int)completion.Kind]++;
                if (completion.Kind != CompletionKind.Completed)
                {
                    for (var i = 0; i < 16; i++)
                    {
                        Assert.Equal(general[i], guest.State.General[i]);
                    }

                    Assert.Equal(rip, guest.State.Rip);
                }

                kinds[(int)guest.DeliverException(completion).Kind]++;
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {Seed}, round {round}, {bitness} bits, {Convert.ToHexString(bytes)}: {error}");
            }
        }

        Assert.True(kinds[0] > Rounds / 20 && kinds[1] > Rounds / 20 && kinds[3] > Rounds / 200, string.Join(" ", kinds));
    }

    private static GuestProcessor Make(int bitness, Random random)
    {
        const ExecutorOptions Options = ExecutorOptions.DebugChecks | ExecutorOptions.FeatureGating;
        var cpl = random.Next(2) * 3;
        var guest = bitness switch
        {
            16 => GuestProcessor.Real(Options),
            32 => GuestProcessor.Protected(cpl, Options),
            _ => GuestProcessor.Long(cpl, Options),
        };
        guest.Facts.Cpuid = SoftwareCpuid.Leaves;
        foreach (var msr in new[] { 0x174u, 0x175u, 0x176u, 0xc0000081u, 0xc0000082u, 0xc0000083u, 0xc0000084u })
        {
            guest.Facts.Msrs[msr] = (ulong)random.NextInt64();
        }

        for (ulong at = GuestProcessor.Gdt; at < GuestProcessor.Tss + 0x1000; at += 8)
        {
            // Small bases and present descriptors are more interesting than what random bytes give.
            var value = (ulong)random.NextInt64();
            guest.Write64(at, random.Next(4) == 0 ? value : (value & 0x00ff_ff0f_00ff_ffff) | (1UL << 47));
        }

        return guest;
    }

    private static void Shake(GuestProcessor guest, Random random)
    {
        var state = guest.State;
        for (var i = 0; i < 16; i++)
        {
            state.General[i] = random.Next(4) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(0x100), _ => (ulong)random.Next(4 << 20) };
        }

        for (var i = 0; i < 8; i++)
        {
            state.Debug[i] = (ulong)random.Next();
        }

        state.Rip = random.Next(8) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(1 << 16);
        state.Rflags = (2 | ((ulong)random.Next() & 0x25_7fd5)) & ~(1UL << 17);
    }
}
