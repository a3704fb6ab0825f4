using System.Buffers.Binary;
using HvRunner.Abstractions;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.ProcessorTests;

/// <summary>
/// Sets both twins up alike: page tables, descriptors, and handlers that write each exception into a log and go on with the next chunk of the
/// program, or with the program itself after a trap or an interrupt.
/// </summary>
internal static class TwinMachine
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Large = 0x80;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const ulong Global = 0x100;

    /// <summary>For all but programs and handlers: bytes that nobody made as code leave flags undefined and read them.</summary>
    private const ulong NoExecute = 1UL << 63;

    /// <summary>Entries above the last level, and global ones, are accessed and dirty from the start: a buffer decides when they are read again.</summary>
    private const ulong Upper = Present | Writable | User | Accessed;

    /// <summary>The handlers' code, by whether status flags in a frame are wiped before the log sees them.</summary>
    private static readonly byte[][] HandlerCode = [Assemble(false), Assemble(true)];

    /// <summary>Bytes from one vector's entry to the next one's.</summary>
    private const int StubBytes = 16;

    public static void Fill(Span<byte> ram, bool wipesFlags, bool user, Random random)
    {
        ram.Clear();
        var flags = Present | (user ? User : 0);
        Write(ram, TwinLayout.FirstRoot, 0x3000 | Upper);
        Write(ram, TwinLayout.FirstRoot + (256 * 8), 0x8000 | Upper);
        Write(ram, TwinLayout.SecondRoot, 0x7000 | Upper);
        Write(ram, TwinLayout.SecondRoot + (256 * 8), 0x8000 | Upper);
        Write(ram, 0x3000, 0x4000 | Upper);
        Write(ram, 0x3000 + 8, 0xa000 | Upper);
        Write(ram, 0x7000, 0x11000 | Upper);
        Write(ram, 0x7000 + 8, 0xa000 | Upper);
        Write(ram, 0x4000, TwinLayout.LowTable | Upper);
        Write(ram, TwinLayout.ProgramEnd + 0x1000, TwinLayout.SecondLowTable | Upper);
        Write(ram, 0xa000, TwinLayout.Shift | flags | Writable | Large | NoExecute);

        // The high data: three levels of their own.
        Write(ram, 0x8000, 0x9000 | Upper);
        Write(ram, 0x9000, 0x10000 | Upper);
        for (ulong page = 0; page < 4; page++)
        {
            Write(ram, TwinLayout.ProgramEnd + ((0x20 + page) * 8), TwinLayout.Frame(TwinLayout.Data + (page << 12)) | flags | Writable | NoExecute);
        }

        foreach (var table in new[] { TwinLayout.LowTable, TwinLayout.SecondLowTable })
        {
            Map(ram, table, TwinLayout.Gdt, TwinLayout.Handlers, Present | NoExecute);
            Map(ram, table, TwinLayout.Handlers, TwinLayout.Log, Present);
            Map(ram, table, TwinLayout.Log, TwinLayout.Code, Present | Writable | NoExecute);
            Map(ram, table, TwinLayout.Code, TwinLayout.CodeEnd, flags | Global | Accessed | Dirty);
            Map(ram, table, TwinLayout.Data, TwinLayout.Missing, flags | Writable | NoExecute);
            Map(ram, table, TwinLayout.ReadOnly, TwinLayout.Device, flags | NoExecute);
            Map(ram, table, TwinLayout.Swapped, TwinLayout.StackEnd, flags | Writable | NoExecute);
            Map(ram, table, TwinLayout.InterruptStackEnd - 0x2000, TwinLayout.InterruptStackEnd, Present | Writable | NoExecute);
            Entry(ram, table, TwinLayout.Device) = TwinLayout.DeviceFrame | flags | Writable | NoExecute;
            for (ulong page = 0; page < TwinLayout.CodeEnd - TwinLayout.Code; page += 4096)
            {
                Entry(ram, table, TwinLayout.CodeAlias + page) = TwinLayout.Frame(TwinLayout.Code + page) | flags | Writable | NoExecute;
            }

            Entry(ram, table, TwinLayout.TableWindow) = TwinLayout.LowTable | Present | Writable | NoExecute;
        }

        var lastCode = TwinLayout.CodeEnd - 4096;
        Entry(ram, TwinLayout.SecondLowTable, lastCode) = TwinLayout.Frame(TwinLayout.OtherCode) | flags;
        Entry(ram, TwinLayout.LowTable, lastCode) = TwinLayout.Frame(lastCode) | flags;
        Entry(ram, TwinLayout.SecondLowTable, TwinLayout.Swapped) = TwinLayout.Frame(TwinLayout.SpareFrames) | flags | Writable | NoExecute;
        random.NextBytes(ram.Slice((int)TwinLayout.Data, (int)(TwinLayout.StackEnd - TwinLayout.Data)));
        random.NextBytes(ram.Slice((int)TwinLayout.SpareFrames, 0x2000));
        HandlerCode[wipesFlags ? 1 : 0].CopyTo(ram[(int)TwinLayout.Handlers..]);

        // 8 kernel code, 0x10 kernel data, 0x18 user code, 0x20 user data, 0x28 TSS.
        Write(ram, TwinLayout.Gdt + 8, 0x00af_9b00_0000_ffff);
        Write(ram, TwinLayout.Gdt + 0x10, 0x00cf_9300_0000_ffff);
        Write(ram, TwinLayout.Gdt + 0x18, 0x00af_fb00_0000_ffff);
        Write(ram, TwinLayout.Gdt + 0x20, 0x00cf_f300_0000_ffff);
        for (ulong vector = 0; vector < 256; vector++)
        {
            var target = TwinLayout.Handlers + (vector < 32 ? vector * StubBytes : 32 * StubBytes);
            var privilege = vector is 3 or 4 or 0x80 ? 3UL : 0;
            Write(ram, TwinLayout.Idt + (vector * 16), (target & 0xffff) | (8 << 16) | (1UL << 32) | (0x8eUL << 40) | (privilege << 45) | ((target >> 16) << 48));
        }

        Write(ram, TwinLayout.Tss + 4, TwinLayout.InterruptStackEnd - 0x1000);
        Write(ram, TwinLayout.Tss + 0x24, TwinLayout.InterruptStackEnd);
    }

    /// <summary>A page of all ports that may be used without privilege would be in the way; user code gets #GP for ports.</summary>
    public static void Set(ProcessorState state, bool user, ulong moreCr4, ulong moreFlags)
    {
        state.Cr0 = 0x8005_0033;
        state.Cr3 = TwinLayout.FirstRoot;
        state.Cr4 = 0x1_06a0 | moreCr4;
        state.Efer = 0xd01;
        var level = user ? 3 : 0;
        state[SegmentName.Cs] = new SegmentRegister
        {
            Selector = (ushort)((user ? 0x18 : 8) | level),
            Limit = uint.MaxValue,
            Attributes = (ushort)(0xa09b | (level << 5)),
        };
        foreach (var name in new[] { SegmentName.Ss, SegmentName.Ds, SegmentName.Es, SegmentName.Fs, SegmentName.Gs })
        {
            state[name] = new SegmentRegister
            {
                Selector = (ushort)((user ? 0x20 : 0x10) | level),
                Limit = uint.MaxValue,
                Attributes = (ushort)(0xc093 | (level << 5)),
                Base = name == SegmentName.Fs ? TwinLayout.FsBase : name == SegmentName.Gs ? TwinLayout.GsBase : 0,
            };
        }

        state[SegmentName.Tr] = SegmentRegister.BusyTss32(0x28, TwinLayout.Tss);
        state[SegmentName.Ldtr] = SegmentRegister.Null;
        state.Gdtr = new DescriptorTableRegister(TwinLayout.Gdt, 0xff);
        state.Idtr = new DescriptorTableRegister(TwinLayout.Idt, 0xfff);
        state.Rip = TwinLayout.Code;
        state.Rflags = 2 | moreFlags;
        state[GeneralRegister.Rsp] = TwinLayout.StackEnd - 0x400;
        state.Extended.Reset();
    }

    /// <summary>One stub for each exception, one for all interrupts, and what they have in common.</summary>
    private static byte[] Assemble(bool wipesFlags)
    {
        var common = TwinLayout.Handlers + (33 * StubBytes);
        using var code = new MemoryStream();
        for (var vector = 0; vector < 32; vector++)
        {
            var stub = new Assembler(64);
            if (vector is not (8 or 10 or 11 or 12 or 13 or 14 or 17))
            {
                stub.push(0);
            }

            stub.push(vector);
            stub.jmp(common);
            Emit(code, stub, (ulong)(vector * StubBytes));
        }

        var interrupt = new Assembler(64);
        interrupt.@lock.inc(__qword_ptr[TwinLayout.Log + 8]);
        interrupt.iretq();
        Emit(code, interrupt, 32 * StubBytes);

        // Frame: rcx, rax, vector, error code, RIP, CS, RFLAGS, RSP, SS.
        var body = new Assembler(64);
        var over = body.CreateLabel();
        var inside = body.CreateLabel();
        var again = body.CreateLabel();
        body.push(rax);
        body.push(rcx);
        if (wipesFlags)
        {
            body.and(__dword_ptr[rsp + 48], unchecked((int)~Flag.Status));
        }

        body.mov(ecx, __dword_ptr[TwinLayout.Log]);
        foreach (var at in new[] { 16, 24, 32, 48, 56 })
        {
            body.mov(rax, __qword_ptr[rsp + at]);
            body.mov(__qword_ptr[rcx + (long)TwinLayout.Log + 16 + at], rax);
        }

        body.mov(rax, cr2);
        body.mov(__qword_ptr[rcx + (long)TwinLayout.Log + 16], rax);
        body.add(ecx, 64);
        body.and(ecx, 0x7c0);
        body.mov(__dword_ptr[TwinLayout.Log], ecx);
        body.and(__dword_ptr[rsp + 48], unchecked((int)~(Flag.Trap | Flag.NestedTask | Flag.AlignmentCheck | Flag.Direction)));

        // Traps go on where they were; faults with the next chunk.
        body.mov(eax, __dword_ptr[rsp + 16]);
        body.cmp(eax, 1);
        body.je(over);
        body.cmp(eax, 3);
        body.je(over);
        body.cmp(eax, 4);
        body.je(over);
        body.mov(rax, __qword_ptr[rsp + 32]);
        body.or(rax, (int)TwinLayout.ChunkBytes - 1);
        body.inc(rax);
        body.cmp(rax, (int)TwinLayout.Code);
        body.jb(again);
        body.cmp(rax, (int)TwinLayout.CodeEnd);
        body.jb(inside);
        body.Label(ref again);
        body.mov(eax, (uint)TwinLayout.Code);
        body.Label(ref inside);
        body.mov(__qword_ptr[rsp + 32], rax);
        body.Label(ref over);
        body.pop(rcx);
        body.pop(rax);
        body.add(rsp, 16);
        body.iretq();
        Emit(code, body, 33 * StubBytes);
        return code.ToArray();
    }

    private static void Emit(MemoryStream code, Assembler assembler, ulong offset)
    {
        code.Position = (long)offset;
        assembler.Assemble(new StreamCodeWriter(code), TwinLayout.Handlers + offset);
    }

    private static void Map(Span<byte> ram, ulong table, ulong from, ulong to, ulong flags)
    {
        for (var at = from; at < to; at += 4096)
        {
            Entry(ram, table, at) = TwinLayout.Frame(at) | flags;
        }
    }

    private static ref ulong Entry(Span<byte> ram, ulong table, ulong linear) =>
        ref System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(ram)[(int)((table >> 3) + (linear >> 12))];

    private static void Write(Span<byte> ram, ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(ram[(int)address..], value);
}
