using HvRunner.Abstractions;
using Xunit.Abstractions;

namespace HvRunner.Kvm.Tests.Pure;

/// <summary>Stretches of any code: where one ends and the next begins changes nothing, and nothing is beyond them.</summary>
public class InstructionStretchFuzzTests(ITestOutputHelper output)
{
    private const int Steps = 200;

    // What interrupts, their shadows and their ends depend on: STI, CLI, MOV SS, PUSH SS and POP SS, PUSHF and POPF, INT3, INT 0x30, IRET's frame and IRET, beside some work.
    private static readonly byte[][] Pieces =
    [
        [0xfb], [0xfa], [0x8e, 0xd1], [0x16, 0x17], [0x9c, 0x9d], [0xcc], [0xcd, 0x30], [0x40], [0x50, 0x58], [0x9c, 0x0e, 0xe8, 0, 0, 0, 0, 0x83, 0x04, 0x24, 5, 0xcf],
        [0x90], [0xf7, 0xf6],
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Stretches_OfAnyLengthsComeToTheSame(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 100; round++)
        {
            byte[] code = [.. Enumerable.Range(0, 60).SelectMany(_ => Pieces[random.Next(Pieces.Length)])];
            var gifts = Enumerable.Range(0, Steps).Select(_ => random.Next(8)).ToArray();
            var (whole, inPieces) = (Guest(code), Guest(code));
            for (var step = 0; step < Steps;)
            {
                // Both get the same at the same moments; one of them is interrupted in between, too.
                var length = Math.Min(random.Next(1, 20), Steps - step);
                Give(whole, gifts[step]);
                Give(inPieces, gifts[step]);
                var end = whole.Run(length);
                var done = 0;
                var endInPieces = StretchEnd.Over;
                while (done < length && endInPieces == StretchEnd.Over)
                {
                    var piece = random.Next(1, length - done + 1);
                    endInPieces = inPieces.Run(piece);
                    done += piece;
                }

                Assert.True(end == endInPieces && Describe(whole) == Describe(inPieces), $"round {round}, step {step}: {end}, {Describe(whole)} but {endInPieces}, {Describe(inPieces)}");
                step += length;
            }
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void Stretch_TakesAnyCodeAndAnyEvents(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var executed = 0L;
        for (var round = 0; round < 2000; round++)
        {
            var code = new byte[48];
            random.NextBytes(code);
            var guest = Guest(code);
            guest.State.Cr0 = random.Next(4) == 0 ? 0x10ul : 0x31;
            guest.State.Rflags = 2 | ((ulong)random.Next() & 0x3_4fd5);
            guest.Events.exception_injected = (byte)random.Next(2);
            guest.Events.exception_nr = (byte)random.Next(32);
            guest.Events.interrupt_injected = (byte)random.Next(2);
            guest.Events.interrupt_nr = (byte)random.Next(256);
            guest.Events.interrupt_shadow = (byte)random.Next(4);
            guest.Events.nmi_pending = (byte)random.Next(3);
            guest.Events.nmi_injected = (byte)random.Next(2);
            guest.Events.nmi_masked = (byte)random.Next(2);
            var end = guest.Run(Steps);
            Assert.True(Enum.IsDefined(end) && guest.Executed <= Steps, $"round {round}: {end} behind {guest.Executed}");
            executed += guest.Executed;
        }

        Assert.InRange(executed, 2000, long.MaxValue);
    }

    private static StretchGuest Guest(byte[] code)
    {
        // ECX is the stack's selector, and ESI no divisor; a handler skips the instruction of a fault and counts what came.
        var guest = new StretchGuest([.. code, 0xeb, 0xfe]);
        guest.State[GeneralRegister.Rcx] = 16;
        guest.SetGate(0, 0x83, 0x04, 0x24, 2, 0x42, 0xcf);
        guest.SetGate(2, 0x43, 0xcf);
        guest.SetGate(0x20, 0x47, 0xcf);
        return guest;
    }

    private static void Give(StretchGuest guest, int gift)
    {
        if (gift == 0)
        {
            guest.Events.nmi_pending = 1;
        }
        else if (gift < 4)
        {
            guest.Events.interrupt_injected = 1;
            guest.Events.interrupt_nr = 0x20;
        }
    }

    private static string Describe(StretchGuest guest)
    {
        var events = guest.Events;
        return $"rip {guest.State.Rip:x} flags {guest.State.Rflags:x} rsp {guest.State[GeneralRegister.Rsp]:x} rax {guest.State[GeneralRegister.Rax]:x} " +
            $"came {guest.State[GeneralRegister.Rdx]} {guest.State[GeneralRegister.Rbx]} {guest.State[GeneralRegister.Rdi]} " +
            $"waits {events.interrupt_injected} {events.nmi_pending} {events.nmi_masked} {events.interrupt_shadow} {events.exception_injected}";
    }
}
