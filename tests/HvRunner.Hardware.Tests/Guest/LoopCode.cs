using Iced.Intel;
using static HvRunner.Hardware.Tests.Guest.GuestLayout;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Hardware.Tests.Guest;

/// <summary>
/// The guest's code. A loop in ring 3, which must run natively, takes one block after the other, loads the processor from it, jumps to the
/// instance, and stores what became of the processor. An instance that raises an exception comes to a stub in ring 0, which is slow there and
/// therefore only turns around: the frame stays on ring 0's stack, where the loop reads it. Behind the last block one store to a page without
/// RAM hands over to the host.
/// </summary>
internal static class LoopCode
{
    public const ulong Cursor = Cells;
    public const ulong Limit = Cells + 8;
    public const ulong DoneAddress = Cells + 24;
    public const int StubBytes = 16;
    public const int Vectors = 32;
    private const ulong Entry = Cells + 16;
    private const ulong SavedRbx = Cells + 32;
    private const ulong CommonStub = Stubs + (Vectors * StubBytes);
    private const int QuietFlags = 0x202;

    private static readonly AssemblerRegister64[] Stored = [rax, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15];

    /// <summary>The jump from behind an instance to where its results are stored; it touches no register.</summary>
    public static ReadOnlySpan<byte> Landing => [0xff, 0x24, 0x25, (byte)(DoneAddress & 0xff), (byte)((DoneAddress >> 8) & 0xff), (byte)((DoneAddress >> 16) & 0xff), (byte)(DoneAddress >> 24)];

    /// <summary>Writes loop and stubs into RAM, and the address of the code behind <see cref="Landing"/>.</summary>
    /// <returns>Where the loop takes the next block, and where it stores what an exception has left.</returns>
    public static (ulong Next, ulong Recover) Write(Span<byte> ram)
    {
        var code = new Assembler(64);
        var next = code.CreateLabel();
        var done = code.CreateLabel();
        var recover = code.CreateLabel();
        EmitLoop(code, ref next, ref done, ref recover);
        using var stream = new MemoryStream();
        var assembled = code.Assemble(new StreamCodeWriter(stream), Loop, BlockEncoderOptions.ReturnNewInstructionOffsets);
        var bytes = stream.ToArray();
        Assert.True(bytes.Length < PageBytes);
        bytes.CopyTo(ram[(int)LoopPhysical..]);
        BitConverter.TryWriteBytes(ram[(int)(CellsPhysical + (DoneAddress - Cells))..], assembled.GetLabelRIP(done));
        WriteStubs(ram, assembled.GetLabelRIP(recover));
        return (assembled.GetLabelRIP(next), assembled.GetLabelRIP(recover));
    }

    private static void EmitLoop(Assembler code, ref Label next, ref Label done, ref Label recover)
    {
        var finish = code.CreateLabel();
        var tail = code.CreateLabel();
        code.Label(ref finish);
        code.mov(__[Exit], rax);
        code.Label(ref next);
        code.mov(rbx, __[Cursor]);
        code.add(rbx, BlockBytes);
        code.mov(__[Cursor], rbx);
        code.cmp(rbx, __[Limit]);
        code.jae(finish);

        // An instance may have loaded another null selector; loading FS and GS may clear their bases.
        code.xor(eax, eax);
        code.mov(ds, eax);
        code.mov(es, eax);
        code.mov(fs, eax);
        code.mov(gs, eax);
        code.mov(rax, __[rbx + 144]);
        code.wrfsbase(rax);
        code.mov(rax, __[rbx + 152]);
        code.wrgsbase(rax);
        code.fxrstor64(__[rbx + ProcessorImage.FxOffset]);
        code.mov(rax, __[rbx + 136]);
        code.mov(__[Entry], rax);
        code.mov(rsp, LoopStackTop);
        code.push(__qword_ptr[rbx + 128]);
        code.popfq();
        foreach (var register in Stored)
        {
            code.mov(register, __[rbx + OffsetOf(register)]);
        }

        code.mov(rsp, __[rbx + OffsetOf(rsp)]);
        code.mov(rbx, __[rbx + OffsetOf(rbx)]);
        code.jmp(__qword_ptr[Entry]);

        // Behind an exception: the frame is on ring 0's stack, the registers are as it found them.
        code.Label(ref recover);
        Store(code);
        foreach (var (fromTop, to) in new[] { (16, OffsetOf(rsp)), (24, 128), (40, 136), (48, 168), (56, 160), (72, 176) })
        {
            code.mov(rax, __[FrameTop - (ulong)fromTop]);
            code.mov(__[rbx + OutputOffset + to], rax);
        }

        code.jmp(tail);

        // Behind an instance that raised none.
        code.Label(ref done);
        Store(code);
        code.mov(__[rbx + OutputOffset + OffsetOf(rsp)], rsp);
        code.mov(rsp, LoopStackTop);
        code.pushfq();
        code.pop(rax);
        code.mov(__[rbx + OutputOffset + 128], rax);
        code.push(QuietFlags);
        code.popfq();
        code.mov(__qword_ptr[rbx + OutputOffset + 160], (int)ProcessorImage.NoException);
        code.Label(ref tail);
        code.mov(rax, __[SavedRbx]);
        code.mov(__[rbx + OutputOffset + OffsetOf(rbx)], rax);
        code.fxsave64(__[rbx + OutputOffset + ProcessorImage.FxOffset]);
        code.rdfsbase(rax);
        code.mov(__[rbx + OutputOffset + 144], rax);
        code.rdgsbase(rax);
        code.mov(__[rbx + OutputOffset + 152], rax);
        code.jmp(next);
    }

    private static void Store(Assembler code)
    {
        code.mov(__[SavedRbx], rbx);
        code.mov(rbx, __[Cursor]);
        foreach (var register in Stored)
        {
            code.mov(__[rbx + OutputOffset + OffsetOf(register)], register);
        }
    }

    private static int OffsetOf(AssemblerRegister64 register) => (register.Value - Register.RAX) * 8;

    private static void WriteStubs(Span<byte> ram, ulong recover)
    {
        for (var vector = 0; vector < Vectors; vector++)
        {
            var stub = new Assembler(64);
            if (!HasErrorCode(vector))
            {
                stub.push(0);
            }

            stub.push(vector);
            stub.jmp(CommonStub);
            Put(ram, stub, Stubs + (ulong)(vector * StubBytes));
        }

        var common = new Assembler(64);
        common.push(rax);
        common.mov(rax, cr2);
        common.push(rax);
        common.mov(rax, __[rsp + 8]);
        common.push(UserData);
        common.push((int)LoopStackTop);
        common.push(QuietFlags);
        common.push(UserCode);
        common.push((int)recover);
        common.iretq();
        Put(ram, common, CommonStub);
    }

    private static bool HasErrorCode(int vector) => vector is 8 or (>= 10 and <= 14) or 17 or 21 or 29 or 30;

    private static void Put(Span<byte> ram, Assembler code, ulong address)
    {
        using var stream = new MemoryStream();
        code.Assemble(new StreamCodeWriter(stream), address);
        stream.ToArray().CopyTo(ram[(int)address..]);
    }
}
