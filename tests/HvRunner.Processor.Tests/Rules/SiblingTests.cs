using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>Processors that run in turn on one memory: they share what was translated, and each sees what the others write, code included.</summary>
public class SiblingTests
{
    private const ulong Callee = RuleGuest.Code + 0x800;

    [Fact]
    public void Code_ThatASiblingHasRun_IsRetiredByAWrite()
    {
        using var guest = new RuleGuest();
        var sibling = guest.NewSibling();
        AssembleCallAndPatch(guest);

        // Both have the callee's block; then the first patches it.
        Assert.Equal(1UL, CallOn(sibling));
        Assert.Equal(1UL, CallOn(guest.Processor));
        guest.Processor.Rip = RuleGuest.Code + 0x400;
        guest.Processor.StateChanged();
        guest.RunToHalt();
        Assert.Equal(7UL, CallOn(sibling));
        Assert.Equal(7UL, CallOn(guest.Processor));
    }

    [Fact]
    public void Page_ThatOneMayWriteFast_IsWatchedWhenTheOtherRunsIt()
    {
        using var guest = new RuleGuest();
        var sibling = guest.NewSibling();
        AssembleCallAndPatch(guest);

        // The first writes to the page before it has code in it, so that its translation buffer lets it write without a look.
        guest.Processor.Rip = RuleGuest.Code + 0x400;
        guest.Processor.StateChanged();
        guest.RunToHalt();
        guest.Write64(Callee, 0xc3_0000_0001_b8UL);
        Assert.Equal(1UL, CallOn(sibling));
        guest.Processor.Rip = RuleGuest.Code + 0x400;
        Assert.Equal(ProcessorStop.Halted, guest.Processor.Run(1000));
        Assert.Equal(7UL, CallOn(sibling));
    }

    [Fact]
    public void Cache_ThatASiblingHasEmptied_IsFilledAnew()
    {
        using var guest = new RuleGuest(maximumBlocks: 8);
        var sibling = guest.NewSibling();
        AssembleCallAndPatch(guest);
        for (var i = 0; i < 50; i++)
        {
            guest.Assemble(RuleGuest.Code + 0x1000, code =>
            {
                for (var k = 0; k < 12; k++)
                {
                    var next = code.CreateLabel();
                    code.jmp(next);
                    code.Label(ref next);
                }

                code.hlt();
            });
            sibling.Rip = RuleGuest.Code + 0x1000;
            sibling.StateChanged();
            Assert.Equal(ProcessorStop.Halted, sibling.Run(1000));
            Assert.Equal(1UL, CallOn(guest.Processor));
        }
    }

    [Fact]
    public void Siblings_RunTheSameCodeInTurn()
    {
        using var guest = new RuleGuest();
        Processor[] all = [guest.Processor, guest.NewSibling(), guest.NewSibling()];
        guest.Assemble(RuleGuest.Code, code =>
        {
            var again = code.CreateLabel();
            code.mov(ecx, 100_000);
            code.Label(ref again);
            code.@lock.inc(__qword_ptr[RuleGuest.Data]);
            code.add(rbx, 3);
            code.dec(ecx);
            code.jnz(again);
            code.hlt();
        });
        foreach (var processor in all)
        {
            processor[GeneralRegister.Rbx] = 0;
        }

        var random = new Random(1);
        var running = all.ToList();
        while (running.Count != 0)
        {
            var next = running[random.Next(running.Count)];
            if (next.Run(random.Next(1, 5000)) == ProcessorStop.Halted)
            {
                Assert.Equal(300_000UL, next[GeneralRegister.Rbx]);
                running.Remove(next);
            }
        }

        Assert.Equal(300_000UL, guest.Read64(RuleGuest.Data));
    }

    private static void AssembleCallAndPatch(RuleGuest guest)
    {
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.call(Callee);
            code.hlt();
        });
        guest.Assemble(RuleGuest.Code + 0x400, code =>
        {
            code.mov(__dword_ptr[Callee + 1], 7);
            code.hlt();
        });
        guest.Assemble(Callee, code =>
        {
            code.mov(eax, 1);
            code.ret();
        });
    }

    private static ulong CallOn(Processor processor)
    {
        processor.Rip = RuleGuest.Code;
        Assert.Equal(ProcessorStop.Halted, processor.Run(1000));
        return processor[GeneralRegister.Rax];
    }
}
