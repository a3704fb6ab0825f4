using HvRunner.Abstractions;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvRunner.Instructions.Tests;

/// <summary>
/// One program from real-address mode through protected, compatibility and 64-bit mode to ring 3, a system call, a page fault, an interrupt and
/// back to real mode, on the software processor with every check on: the parts must fit each other.
/// </summary>
public class ModeLadderTests
{
    private const uint Tables = 0x1_8000;
    private const uint Wide = 0x12_0000;
    private const uint Long = 0x13_0000;
    private const uint User = 0x14_0000;
    private const uint SystemCall = 0x15_0000;
    private const uint PageFault = 0x16_0000;
    private const uint Interrupt = 0x17_0000;
    private const uint Downward = 0x18_0000;
    private const uint Real = 0x5000;

    private static void Put(GuestProcessor guest, int bitness, ulong address, Action<Assembler> code, ulong? rip = null)
    {
        var assembler = new Assembler(bitness);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), rip ?? address);
        guest.Write(address, stream.ToArray());
    }

    private static void WriteMsr(Assembler a, uint index, uint high, uint low)
    {
        a.mov(ecx, index);
        a.mov(edx, high);
        a.mov(eax, low);
        a.wrmsr();
    }

    [Fact]
    public void Program_ClimbsThroughAllModesAndBack()
    {
        var guest = GuestProcessor.Real(ExecutorOptions.FeatureGating | ExecutorOptions.DebugChecks);
        guest.Facts.Cpuid = SoftwareCpuid.Leaves;
        foreach (var msr in new[] { 0xc0000081u, 0xc0000082u, 0xc0000083u, 0xc0000084u })
        {
            guest.Facts.Msrs[msr] = 0;
        }

        // 8 code of 32 bits, 0x10 data, 0x18 64-bit code, 0x20 data, 0x28 user base, 0x30 user data, 0x38 user 64-bit code, 0x40 TSS,
        // 0x50 code of 16 bits, 0x58 data of 16 bits.
        ulong[] gdt =
        [
            0, Descriptors.Code32, Descriptors.Data32, Descriptors.Code64, Descriptors.Data32, Descriptors.Code32 | Descriptors.Dpl3,
            Descriptors.Data32 | Descriptors.Dpl3, Descriptors.Code64 | Descriptors.Dpl3, 0x0000_8900_3000_0067, 0,
            0x0000_9a00_0000_ffff, 0x0000_9200_0000_ffff,
        ];
        for (var i = 0; i < gdt.Length; i++)
        {
            guest.Write64(GuestProcessor.Gdt + (8 * (ulong)i), gdt[i]);
        }

        guest.Write64(GuestProcessor.Tss + 4, 0x3e_0000);
        guest.Write64(GuestProcessor.Idt + (14 * 16), Descriptors.CallGate(PageFault, 0x18, 0, 14));
        guest.Write64(GuestProcessor.Idt + (0x80 * 16), Descriptors.CallGate(Interrupt, 0x18, 3, 14));
        var pages = new PageTables(guest.Ram, Tables);
        pages.MapRange(0, 4 << 20, PageTables.Writable | PageTables.User);

        Put(guest, 16, 0x1_0100, a =>
        {
            a.cli();
            a.db(0x66, 0x0f, 0x01, 0x16, 0x00, 0x00); // lgdt [ds:0]
            a.mov(eax, cr0);
            a.or(al, 1);
            a.mov(cr0, eax);
            a.db(0x66, 0xea, 0, 0, 0x12, 0, 8, 0);
        }, 0x100);
        guest.Write(0x2_0000, [0x5f, 0, 0, 0x10, 0, 0]);
        guest.Write(0x2_0010, [0xff, 0xf, 0, 0x20, 0, 0, 0, 0, 0, 0]);

        Put(guest, 32, Wide, a =>
        {
            a.mov(eax, 0x10);
            a.mov(ds, eax);
            a.mov(es, eax);
            a.mov(ss, eax);
            a.mov(esp, 0x3f_0000);
            a.mov(eax, 0x20 | 0x600);
            a.mov(cr4, eax);
            a.mov(eax, Tables);
            a.mov(cr3, eax);
            WriteMsr(a, 0xc0000080, 0, 0x901);
            a.mov(eax, 0x8001_0031);
            a.mov(cr0, eax);
            a.push(0x18);
            a.push(Long);
            a.retf();
        });
        Put(guest, 64, Long, a =>
        {
            a.lidt(__[0x2_0010]);
            a.mov(eax, 0x40);
            a.ltr(ax);
            WriteMsr(a, 0xc0000081, 0x0028_0018, 0);
            WriteMsr(a, 0xc0000082, 0, SystemCall);
            WriteMsr(a, 0xc0000084, 0, 0x200);
            a.mov(ecx, User);
            a.mov(r11d, 0x202);
            a.sysretq();
        });
        Put(guest, 64, User, a =>
        {
            a.mov(esp, 0x2f_0000);
            a.syscall();
            a.mov(eax, __[0x7000_0000]);
            a.@int(0x80);
        });
        Put(guest, 64, SystemCall, a =>
        {
            a.inc(rbx);
            a.sysretq();
        });
        Put(guest, 64, PageFault, a =>
        {
            a.mov(r12, cr2);
            a.pop(r13);
            a.add(__qword_ptr[rsp], 7);
            a.iretq();
        });
        Put(guest, 64, Interrupt, a =>
        {
            a.push(8);
            a.mov(eax, Downward);
            a.push(rax);
            a.db(0x48, 0xcb); // retfq
        });
        Put(guest, 32, Downward, a =>
        {
            a.mov(eax, 0x20);
            a.mov(ss, eax);
            a.mov(eax, 0x11);
            a.mov(cr0, eax);
            a.mov(ecx, 0xc0000080);
            a.rdmsr();
            a.mov(ebp, eax);
            a.mov(eax, 0x58);
            a.mov(ss, eax);
            a.db(0xea, 0, 0x50, 0, 0, 0x50, 0);
        });
        Put(guest, 16, Real, a =>
        {
            a.mov(eax, 0x10);
            a.mov(cr0, eax);
            a.db(0xea, 0x10, 0, 0, 0x5);
        }, Real);
        Put(guest, 16, 0x5010, a =>
        {
            a.mov(ax, cs);
            a.hlt();
        }, 0x10);

        for (var step = 0; step < 200; step++)
        {
            var rip = guest.State.Rip;
            var completion = guest.Step();
            if (completion.Kind == CompletionKind.Fault)
            {
                Assert.True(completion.Vector == 14, $"vector {completion.Vector}, error {completion.ErrorCode:x} at {rip:x}");
                completion = guest.DeliverException(completion);
            }

            Assert.True(completion.Kind == CompletionKind.Completed, $"{completion.Kind} at {rip:x}");
            if (completion.Halted)
            {
                break;
            }
        }

        // Back in real mode: the segment, one system call, the fault's address and error code, EFER with LMA gone.
        Assert.Equal((0x500UL, 1UL, 0x7000_0000UL, 4UL, 0x901UL),
            (guest[GeneralRegister.Rax] & 0xffff, guest[GeneralRegister.Rbx] & 0xffff, guest.State.General[12], guest.State.General[13],
                guest[GeneralRegister.Rbp]));
        Assert.Equal((0x10UL, 0x5000UL), (guest.State.Cr0, guest.State[SegmentName.Cs].Base));
    }
}
