using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>What the translator promises, rule by rule.</summary>
public class TranslationRuleTests
{
    [Theory]
    [InlineData(0u, ProcessorStop.Halted)]
    [InlineData(1u << 9, ProcessorStop.Shutdown)]
    public void Instruction_WhoseFeatureCpuidHides_IsUndefined(uint hidden, ProcessorStop end)
    {
        using var guest = new RuleGuest(hiddenFeatures: hidden);
        guest.Processor.Cr4 |= 0x200;
        guest.Processor.StateChanged();
        guest.Processor.Idtr = new DescriptorTableRegister(RuleGuest.Idt, 0);
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.endbr64();
            code.pshufb(xmm0, xmm1);
            code.hlt();
        });

        // Without a table of handlers #UD ends in a shutdown.
        Assert.Equal(end, guest.Processor.Run(100));
    }

    [Fact]
    public void Block_IsRetiredByAWriteToItsBytes()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.call(RuleGuest.Code + 0x100);
            code.mov(__dword_ptr[RuleGuest.Code + 0x101], 7);
            code.call(RuleGuest.Code + 0x100);
            code.hlt();
        });
        guest.Assemble(RuleGuest.Code + 0x100, code =>
        {
            code.mov(ebx, 1);
            code.add(ecx, ebx);
            code.ret();
        });
        guest[GeneralRegister.Rcx] = 0;
        guest.RunToHalt();
        Assert.Equal(8UL, guest[GeneralRegister.Rcx]);
    }

    [Fact]
    public void Block_IsRetiredByAWriteOfItsOwn()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.mov(__byte_ptr[RuleGuest.Code + 0x21], 9);
            code.jmp(RuleGuest.Code + 0x20);
        });
        guest.Assemble(RuleGuest.Code + 0x20, code =>
        {
            code.mov(ebx, 1);
            code.hlt();
        });
        guest.RunToHalt();
        Assert.Equal(9UL, guest[GeneralRegister.Rbx]);
    }

    [Fact]
    public void Block_StaysAfterAWriteBesideIt()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            var again = code.CreateLabel();
            code.mov(ecx, 1000);
            code.Label(ref again);
            code.mov(__dword_ptr[RuleGuest.Code + 0x200], ecx);
            code.dec(ecx);
            code.jne(again);
            code.hlt();
        });
        guest.RunToHalt();
        guest.Processor.Rip = RuleGuest.Code;
        var before = GC.GetAllocatedBytesForCurrentThread();
        guest.Processor.Run(2500);

        // A block made anew would have been allocated.
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Invlpg_OfAPageOfCode_TakesEffectWithTheNextBranch()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.call(0x3_0000);
            code.mov(__qword_ptr[RuleGuest.Table + (0x30 * 8)], 0x3_1003);
            code.invlpg(__byte_ptr[0x3_0000]);
            code.call(0x3_0000);
            code.hlt();
        });
        WriteAnswer(guest, 0x3_0000, 1);
        WriteAnswer(guest, 0x3_1000, 2);
        guest[GeneralRegister.Rcx] = 0;
        guest.RunToHalt();
        Assert.Equal(0x12UL, guest[GeneralRegister.Rcx]);
    }

    [Fact]
    public void Invlpg_OfALargePage_TakesEffectForAllOfIt()
    {
        using var guest = new RuleGuest();
        guest.Write64(0x3008, 0x83);
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.mov(rax, __qword_ptr[0x22_0000]);
            code.mov(rdx, __qword_ptr[0x22_1000]);
            code.mov(__qword_ptr[0x3008], 0x7003);
            code.invlpg(__byte_ptr[0x20_0000]);
            code.mov(rbx, __qword_ptr[0x22_1000]);
            code.hlt();
        });
        guest.Write64(RuleGuest.Data + 0x1000, 0x11);
        guest.Write64(0x9_0000, 0x22);
        guest.Write64(0x7000 + (0x21 * 8), 0x9_0003);
        guest.RunToHalt();
        Assert.Equal((0x11UL, 0x22UL), (guest[GeneralRegister.Rdx], guest[GeneralRegister.Rbx]));
    }

    [Fact]
    public void Cr3_BringsOtherCodeToTheSameAddress()
    {
        using var guest = new RuleGuest();
        for (ulong page = 0; page < 512; page++)
        {
            guest.Write64(0xa000 + (page * 8), (page == 0x30 ? 0x3_1000 : page << 12) | 3);
        }

        guest.Write64(0x7000, 0x8007);
        guest.Write64(0x8000, 0x9007);
        guest.Write64(0x9000, 0xa007);
        guest.Assemble(RuleGuest.Code, code =>
        {
            foreach (var root in new[] { 0x7000u, 0x1000u })
            {
                code.call(0x3_0000);
                code.mov(eax, root);
                code.mov(cr3, rax);
            }

            code.call(0x3_0000);
            code.hlt();
        });
        WriteAnswer(guest, 0x3_0000, 1);
        WriteAnswer(guest, 0x3_1000, 2);
        guest[GeneralRegister.Rcx] = 0;
        guest.RunToHalt();
        Assert.Equal(0x121UL, guest[GeneralRegister.Rcx]);
    }

    [Fact]
    public void Sti_HoldsInterruptsOffForOneInstruction()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.sti();
            code.inc(eax);
            code.inc(eax);
            code.hlt();
        });
        guest[GeneralRegister.Rax] = 0;
        guest.Processor.StopWhenInterruptible = true;
        Assert.Equal(ProcessorStop.Budget, guest.Processor.Run(1000));
        Assert.True(guest.Processor.CanTakeInterrupt);
        Assert.Equal(1UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void Run_OverrunsItsBudgetByABlockAtMost()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            var again = code.CreateLabel();
            code.Label(ref again);
            for (var i = 0; i < 63; i++)
            {
                code.inc(eax);
            }

            code.jmp(again);
        });
        for (var budget = 1; budget < 200; budget++)
        {
            var before = guest.Processor.InstructionsRetired;
            Assert.Equal(ProcessorStop.Budget, guest.Processor.Run(budget));
            Assert.InRange(guest.Processor.InstructionsRetired - before, budget, budget + 63);
        }
    }

    [Fact]
    public void Run_EndsThoughAHandlersFirstInstructionFaults()
    {
        // Each delivery takes the same interrupt stack, so nothing else would end it.
        using var guest = new RuleGuest();
        guest.Gate(13, RuleGuest.Code);
        guest.Write64(RuleGuest.Idt + (13 * 16), guest.Read64(RuleGuest.Idt + (13 * 16)) | (1UL << 32));
        guest.Write64(TwinLayout.Tss + 0x24, RuleGuest.Stack);
        guest.Assemble(RuleGuest.Code, code => code.mov(rax, __qword_ptr[rbx]));
        guest[GeneralRegister.Rbx] = 0x8000_0000_0000_0000;
        Assert.Equal(ProcessorStop.Budget, guest.Processor.Run(1000));
        Assert.InRange(guest.Processor.InstructionsRetired, 1000, 1064);
    }

    [Fact]
    public void InstructionsRetired_AreExactForTheEnvironment()
    {
        // What stands behind the fault was counted when the block began, and is taken back.
        using var guest = new RuleGuest();
        guest.Gate(13, RuleGuest.Code + 0x800);
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.nop();
            code.@in(al, dx);
            code.mov(rax, __qword_ptr[rbx]);
            for (var i = 0; i < 40; i++)
            {
                code.inc(ecx);
            }
        });
        guest.Assemble(RuleGuest.Code + 0x800, code =>
        {
            code.@in(al, dx);
            code.hlt();
        });
        guest[GeneralRegister.Rbx] = 0x8000_0000_0000_0000;
        var seen = new List<long>();
        guest.Surroundings.OnAccess = () => seen.Add(guest.Processor.InstructionsRetired);
        guest.RunToHalt();
        Assert.Equal([1, 3], seen);
    }

    [Fact]
    public void ResumeFlag_IsClearedByTheNextInstruction()
    {
        using var guest = new RuleGuest();
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.nop();
            code.hlt();
        });
        guest.Processor.Rflags |= 1 << 16;
        guest.Processor.StateChanged();
        guest.Processor.Run(1);
        Assert.Equal(0UL, guest.Processor.Rflags & (1 << 16));
    }

    [Fact]
    public void Call_ThatFaultsOnItsTarget_LeavesTheStackClean()
    {
        const ulong Dirty = 0x40;
        using var guest = new RuleGuest();
        guest.Gate(13, 0x3_0000);
        guest.Write64(RuleGuest.Idt + (13 * 16), guest.Read64(RuleGuest.Idt + (13 * 16)) | (1UL << 32));
        guest.Write64(TwinLayout.Tss + 0x24, 0x7_0000);
        guest.Assemble(0x3_0000, code => code.hlt());
        guest.Assemble(RuleGuest.Code, code => code.call(rbx));
        guest[GeneralRegister.Rbx] = 0x8000_0000_0000_0000;
        guest.RunToHalt();
        Assert.Equal(0UL, guest.Read64(RuleGuest.Table + (((RuleGuest.Stack - 8) >> 12) * 8)) & Dirty);
    }

    [Fact]
    public void FullCache_IsForgottenAndProgramsGoOn()
    {
        const int MaximumBlocks = 8;
        using var guest = new RuleGuest(MaximumBlocks);
        guest.Assemble(RuleGuest.Code, code =>
        {
            var again = code.CreateLabel();
            code.mov(ecx, 50);
            code.Label(ref again);
            for (var i = 0; i < 40; i++)
            {
                var next = code.CreateLabel();
                code.inc(eax);
                code.jmp(next);
                code.Label(ref next);
            }

            code.dec(ecx);
            code.jne(again);
            code.hlt();
        });
        guest[GeneralRegister.Rax] = 0;
        guest.RunToHalt();
        Assert.Equal(2000UL, guest[GeneralRegister.Rax]);
    }

    [Fact]
    public void Calls_AreJumpsWhereTheCompilerOptimizes() => Assert.True(ChainProbe.CallsAreJumps);

    [Fact]
    public void Link_DoesNotLeadIntoAnotherFrame()
    {
        // A page is mapped anew without INVLPG and leaves the buffer by chance; a branch within it then goes on in the new frame. Once the old frame
        // is back, so must the branch's target be.
        const ulong Rival = 0x3_0000 + (TranslationBuffer.EntryCount * 4096UL);
        using var guest = new RuleGuest();
        guest.Write64(0x3000 + ((Rival >> 21) * 8), Rival >> 21 == 0 ? RuleGuest.Table | 7 : 0x83);
        foreach (var frame in new ulong[] { 0x3_0000, 0x3_1000 })
        {
            guest.Assemble(
                frame,
                code =>
                {
                    // The second time both are harmless.
                    code.mov(__qword_ptr[rdx], rdi);
                    code.mov(eax, __dword_ptr[rsi]);
                    code.jmp(0x3_0100);
                },
                0x3_0000);
        }

        WriteAnswer(guest, 0x3_0100, 1, 0x3_0100);
        WriteAnswer(guest, 0x3_1100, 2, 0x3_0100);
        guest.Assemble(RuleGuest.Code, code =>
        {
            code.mov(edi, 0x3_1003);
            code.mov(edx, (uint)RuleGuest.Table + (0x30 * 8));
            code.mov(esi, (uint)Rival);
            code.call(0x3_0000);
            code.mov(__qword_ptr[RuleGuest.Table + (0x30 * 8)], 0x3_0003);
            code.invlpg(__byte_ptr[0x3_0000]);
            code.mov(edx, (uint)RuleGuest.Data);
            code.mov(esi, (uint)RuleGuest.Data);
            code.call(0x3_0000);
            code.hlt();
        });
        guest[GeneralRegister.Rcx] = 0;
        guest.RunToHalt();
        Assert.Equal(0x21UL, guest[GeneralRegister.Rcx]);
    }

    /// <summary>Shifts its digit into ECX.</summary>
    private static void WriteAnswer(RuleGuest guest, ulong frame, int answer, ulong linear = 0x3_0000) => guest.Assemble(
        frame,
        code =>
        {
            code.shl(ecx, 4);
            code.or(ecx, answer);
            code.ret();
        },
        linear);
}
