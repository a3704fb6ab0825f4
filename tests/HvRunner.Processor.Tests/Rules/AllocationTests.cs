using HvRunner.Abstractions;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>A whole program of the twins, faults and interrupts included, again and again in the same memory.</summary>
public class AllocationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Run_OfCodeMetBefore_AllocatesNothing(int seed)
    {
        using var guest = new RuleGuest();
        guest.Gate(14, 0x3_0000);
        guest.Assemble(0x3_0000, code =>
        {
            code.add(Iced.Intel.AssemblerRegisters.rsp, 8);
            code.add(Iced.Intel.AssemblerRegisters.__qword_ptr[Iced.Intel.AssemblerRegisters.rsp], 7);
            code.iretq();
        });
        guest.Gate(32, 0x3_0100);
        guest.Assemble(0x3_0100, code => code.iretq());
        guest.Assemble(RuleGuest.Code, code =>
        {
            var again = code.CreateLabel();
            var random = new Random(seed);
            code.Label(ref again);
            code.sti();
            for (var i = 0; i < 200; i++)
            {
                switch (random.Next(6))
                {
                    case 0:
                        // Not mapped: the handler goes on behind it.
                        code.db(0x8b, 0x04, 0x25, 0, 0, 0, 0x7f);
                        break;
                    case 1:
                        code.movdqu(Iced.Intel.AssemblerRegisters.xmm1, Iced.Intel.AssemblerRegisters.__[RuleGuest.Data + 4090]);
                        break;
                    case 2:
                        code.invlpg(Iced.Intel.AssemblerRegisters.__byte_ptr[RuleGuest.Data]);
                        break;
                    case 3:
                        code.rdtsc();
                        break;
                    default:
                        code.add(Iced.Intel.AssemblerRegisters.__dword_ptr[RuleGuest.Data + (ulong)random.Next(0x2000)], i);
                        break;
                }
            }

            code.jmp(again);
        });

        // The runtime itself allocates now and then while it compiles a method again; a program that allocates does so in every round.
        var least = long.MaxValue;
        for (var round = 0; round < 10 && least != 0; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var slice = 0; slice < 20; slice++)
            {
                guest.Processor.Run(1000);
                if (guest.Processor.CanTakeInterrupt)
                {
                    guest.Processor.Interrupt(32);
                }
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.True(guest.Processor[GeneralRegister.Rsp] <= RuleGuest.Stack);
    }
}
