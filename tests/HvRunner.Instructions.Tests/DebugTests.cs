using HvRunner.Abstractions;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>Debug registers, breakpoints, single step (SDM vol. 3B, 18.2 and 18.3).</summary>
public class DebugTests
{
    private const ulong Data = GuestProcessor.Data;
    private const ulong Handler = 0x15_0000;
    private const uint SingleStep = 1 << 14;

    private static GuestProcessor Watching(ulong address, uint control, uint index = 0)
    {
        var guest = Descriptors.Long(options: ExecutorOptions.DebugChecks);
        guest.State.Debug[(int)index] = address;
        guest.State.Debug[7] = 0x400 | (2u << (int)(2 * index)) | ((ulong)control << (int)(16 + (4 * index)));
        guest.Write64(GuestProcessor.Idt + 16, Descriptors.CallGate(Handler, 8, 0, 14));
        return guest;
    }

    [Fact]
    public void Dr4_IsDr6UnlessDe()
    {
        var guest = GuestProcessor.Long();
        guest.State.Debug[6] = 0xffff_0ff1;
        guest.RunBytes(0x0f, 0x21, 0xe0);
        Assert.Equal(0xffff_0ff1UL, guest[GeneralRegister.Rax]);
        guest.State.Cr4 |= 8;
        Assert.Equal(6, guest.RunBytes(0x0f, 0x21, 0xe0).Vector);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    public void Dr6AndDr7_WithUpperBits_AreGeneralProtection(int index)
    {
        var guest = GuestProcessor.Long();
        guest[GeneralRegister.Rax] = 1UL << 32;
        var completion = guest.RunBytes(0x0f, 0x23, (byte)(0xc0 | (index << 3)));
        Assert.Equal((CompletionKind.Fault, 13), (completion.Kind, completion.Vector));
    }

    [Fact]
    public void GeneralDetect_MakesMovADebugFaultAndIsClearedByDelivery()
    {
        var guest = Watching(0, 0);
        guest.State.Debug[7] = 0x2400;
        var completion = guest.Fault(1, null, a => a.mov(rax, dr0));
        Assert.Equal(1u << 13, completion.DebugCause);
        guest.DeliverException(completion);
        Assert.Equal((0xffff_2ff0UL, 0x400UL, Handler), (guest.State.Debug[6], guest.State.Debug[7], guest.State.Rip));
    }

    [Fact]
    public void InstructionBreakpoint_FaultsBeforeItRunsAndSavesNoRf()
    {
        var guest = Watching(GuestProcessor.Code, 0, index: 2);
        var completion = guest.Fault(1, null, a => a.inc(rax));
        Assert.Equal(4u, completion.DebugCause);
        guest.DeliverException(completion);
        Assert.Equal((0xffff_0ff4UL, 2UL), (guest.State.Debug[6], guest.Read64(guest[GeneralRegister.Rsp] + 16)));
    }

    [Fact]
    public void InstructionBreakpoint_WithRf_IsHeldOffOnce()
    {
        var guest = Watching(GuestProcessor.Code, 0);
        guest.State.Rflags |= 0x1_0000;
        guest.Complete(a => a.inc(rax));
        Assert.Equal(2UL, guest.State.Rflags & 0x1_0002);
        guest.State.Rip = GuestProcessor.Code;
        guest.Fault(1, null, a => a.inc(rax));
    }

    [Fact]
    public void InstructionBreakpoint_WithoutOption_IsIgnored()
    {
        var guest = GuestProcessor.Long();
        guest.State.Debug[0] = GuestProcessor.Code;
        guest.State.Debug[7] = 0x402;
        guest.Complete(a => a.inc(rax));
    }

    /// <summary>R/W and LEN bits, the address watched, and whether a load and a store of 4 bytes at Data + 4 hit.</summary>
    [Theory]
    [InlineData(0b0001u, Data + 4, false, true)]
    [InlineData(0b0011u, Data + 4, true, true)]
    [InlineData(0b0011u, Data + 7, true, true)]
    [InlineData(0b0011u, Data + 8, false, false)]
    [InlineData(0b0011u, Data + 3, false, false)]
    [InlineData(0b0111u, Data + 3, false, false)]
    [InlineData(0b1111u, Data + 6, true, true)]
    [InlineData(0b1011u, Data + 1, true, true)]
    [InlineData(0b1011u, Data + 8, false, false)]
    public void DataBreakpoint_TrapsOnOverlap(uint control, ulong address, bool loadHits, bool storeHits)
    {
        var guest = Watching(address, control);
        var load = guest.Run(a => a.mov(eax, __[Data + 4]));
        Assert.Equal((CompletionKind.Completed, loadHits ? 1u : 0), (load.Kind, load.DebugCause));
        var store = guest.Run(a => a.mov(__[Data + 4], eax));
        Assert.Equal((CompletionKind.Completed, storeHits ? 1u : 0), (store.Kind, store.DebugCause));
    }

    [Fact]
    public void DataBreakpoint_IsATrapBehindTheInstruction()
    {
        var guest = Watching(Data, 1);
        var completion = guest.Run(a => a.mov(__[Data], al));
        guest.DeliverException(completion);
        Assert.Equal((GuestProcessor.Code + (ulong)completion.Length, 2UL), (guest.Read64(guest[GeneralRegister.Rsp]), guest.Read64(guest[GeneralRegister.Rsp] + 16)));
        Assert.Equal(0xffff_0ff1UL, guest.State.Debug[6]);
    }

    [Fact]
    public void DataBreakpoint_OfAFaultingInstruction_IsForgotten()
    {
        var guest = Watching(Data, 3);
        guest.Pages.Map(Data + 0x1000, 0, 0);
        guest.Pages.Write(guest.Pages.EntryAddress(Data + 0x1000, 1), 0);
        guest[GeneralRegister.Rsi] = Data;
        guest[GeneralRegister.Rdi] = Data + 0x1000;
        Assert.Equal(0u, guest.Fault(14, 2, a => a.movsb()).DebugCause);
    }

    [Theory]
    [InlineData(8UL, 1u)]
    [InlineData(0UL, 0u)]
    public void PortBreakpoint_NeedsDe(ulong de, uint hits)
    {
        var guest = Watching(0x60, 2);
        guest.State.Cr4 |= de;
        Assert.Equal(hits, guest.Run(a => a.@in(al, 0x60)).DebugCause);
    }

    [Fact]
    public void SingleStep_TrapsBehindEachInstruction()
    {
        var guest = Watching(0, 0);
        guest.State.Debug[7] = 0x400;
        guest.State.Rflags |= 0x100;
        var completion = guest.Run(a => a.inc(rax));
        Assert.Equal((CompletionKind.Completed, SingleStep), (completion.Kind, completion.DebugCause));
        guest.DeliverException(completion);
        Assert.Equal((0xffff_4ff0UL, Handler, 0UL), (guest.State.Debug[6], guest.State.Rip, guest.State.Rflags & 0x100));
        Assert.Equal(0x102UL, guest.Read64(guest[GeneralRegister.Rsp] + 16));
    }

    [Fact]
    public void SingleStep_NeedsNoOption()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags |= 0x100;
        Assert.Equal(SingleStep, guest.Run(a => a.inc(rax)).DebugCause);
    }

    [Fact]
    public void SingleStep_CountsTfAsTheInstructionBegan()
    {
        var guest = GuestProcessor.Long();
        guest.Write64(GuestProcessor.Stack, 0x102);
        Assert.Equal(0u, guest.Run(a => a.popfq()).DebugCause);
        guest.Write64(GuestProcessor.Stack + 8, 2);
        Assert.Equal(SingleStep, guest.Run(a => a.popfq()).DebugCause);
    }

    [Fact]
    public void SingleStep_IsHeldOffBehindLoadOfSs()
    {
        var guest = Descriptors.Long();
        guest.State.Rflags |= 0x100;
        guest[GeneralRegister.Rax] = 0x10;
        var completion = guest.Run(a => a.mov(ss, ax));
        Assert.Equal((true, 0u), (completion.InterruptShadow, completion.DebugCause));
    }

    [Fact]
    public void SingleStep_EndsWithSoftwareInterrupt()
    {
        var guest = Watching(0, 0);
        guest.Write64(GuestProcessor.Idt + 48, Descriptors.CallGate(Handler, 8, 0, 14));
        guest.State.Rflags |= 0x100;
        Assert.Equal((CompletionKind.Completed, 0u), (guest.Run(a => a.int3()) is var completion ? completion.Kind : default, completion.DebugCause));
    }

    [Fact]
    public void SingleStep_BehindHlt_DoesNotSleep()
    {
        var guest = GuestProcessor.Long();
        guest.State.Rflags |= 0x100;
        var completion = guest.Run(a => a.hlt());
        Assert.Equal((false, SingleStep), (completion.Halted, completion.DebugCause));
    }

    [Fact]
    public void Repetition_SavesRfBetweenIterations()
    {
        var guest = Watching(GuestProcessor.Code, 0);
        guest.State.Rflags |= 0x1_0000;
        guest[GeneralRegister.Rcx] = 2;
        guest[GeneralRegister.Rdi] = Data;
        Assert.Equal(CompletionKind.Completed, guest.Run(a => a.rep.stosb()).Kind);
        Assert.Equal(CompletionKind.Completed, guest.Step().Kind);
        Assert.Equal(GuestProcessor.Code + 2, guest.State.Rip);
        Assert.Equal(0UL, guest.State.Rflags & 0x1_0000);
    }

    [Fact]
    public void Int1_NeedsNoDplAndLeavesDr6()
    {
        var guest = Descriptors.Long(3);
        guest.Write64(GuestProcessor.Idt + 16, Descriptors.CallGate(Handler, 8, 0, 14));
        guest.Write64(GuestProcessor.Tss + 4, GuestProcessor.Stack);
        Assert.Equal(CompletionKind.Completed, guest.RunBytes(0xf1).Kind);
        Assert.Equal((Handler, 0UL), (guest.State.Rip, guest.State.Debug[6]));
    }
}
