/* Instructions about descriptors, the task and local tables, FS and GS.
 *
 * Specification: Intel SDM volume 2, LAR, LSL, VERR, VERW, LLDT, LTR, SWAPGS and
 * WRFSBASE; volume 3A, 3.4.4, 3.5 and 7.2; AMD APM volume 2, 4.5 and 4.8.
 * Deliberately absent: what loading a null selector does to the base of FS and
 * GS, in which vendors differ. */
#include "processor.h"

static uint8_t memory[64] __attribute__((aligned(64)));

FRAGMENT(look, "movq $-1, %rax\n movq $-1, %rbx\n lar %edi, %eax\n setz %cl\n lsl %edi, %ebx\n setz %ch\n"
               "verr %di\n setz %dl\n verw %di\n setz %dh");
FRAGMENT32(look32, "movl $-1, %eax\n movl $-1, %ebx\n lar %edi, %eax\n setz %cl\n lsl %edi, %ebx\n setz %ch\n"
                   "verr %di\n setz %dl\n verw %di\n setz %dh");

static void access_rights(void)
{
    enum { LONG_0, LONG_3, PROTECTED_0 };
    static const struct {
        uint16_t rpl; uint8_t access, how; bool lar, lsl, verr, verw; const char *name;
    } cases[] = {
        { 0, 0x93, LONG_0, true, true, true, true, "writable data" },
        { 0, 0x91, LONG_0, true, true, true, false, "read-only data" },
        { 0, 0x9b, LONG_0, true, true, true, false, "readable code" },
        { 0, 0x99, LONG_0, true, true, false, false, "execute-only code" },
        { 0, 0x13, LONG_0, true, true, true, true, "data that is not present" },
        { 3, 0x93, LONG_0, false, false, false, false, "data of DPL 0 by RPL 3" },
        { 3, 0x9f, LONG_0, true, true, true, false, "conforming code of DPL 0 by RPL 3" },
        { 3, 0xf3, LONG_3, true, true, true, true, "data of DPL 3, ring 3" },
        { 0, 0x93, LONG_3, false, false, false, false, "data of DPL 0, ring 3" },
        { 0, 0x9f, LONG_3, true, true, true, false, "conforming code of DPL 0, ring 3" },
        { 0, 0x89, LONG_0, true, true, false, false, "a TSS" },
        { 0, 0x8b, LONG_0, true, true, false, false, "a busy TSS" },
        { 0, 0x82, LONG_0, true, true, false, false, "an LDT" },
        { 0, 0x8c, LONG_0, true, false, false, false, "a call gate" },
        { 0, 0x8e, LONG_0, false, false, false, false, "an interrupt gate" },
        { 0, 0x81, LONG_0, false, false, false, false, "a 16-bit TSS, in long mode" },
        { 0, 0x81, PROTECTED_0, true, true, false, false, "a 16-bit TSS, in protected mode" },
        { 0, 0x85, PROTECTED_0, true, false, false, false, "a task gate, in protected mode" },
        { 0, 0x97, PROTECTED_0, true, true, true, true, "expand-down data, in protected mode" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gdt[SCRATCH / 8] = descriptor(0x12345678, 0x12345, cases[i].access, 0xd);
        gdt[SCRATCH / 8 + 1] = 0;
        struct context c = cases[i].how == LONG_0 ? kernel64(look)
                         : cases[i].how == LONG_3 ? user64(look) : protected32(look32);
        c.rdi = SCRATCH | cases[i].rpl;
        c.rcx = c.rdx = 0;
        run(&c);
        uint64_t untouched = cases[i].how == PROTECTED_0 ? 0xffffffff : UINT64_MAX;
        uint64_t rights = (uint64_t)cases[i].access << 8 | 0xd10000, limit = 0x12345fff;
        if (cases[i].access == 0x81)
            tcg_differs("a 16-bit TSS counts in long mode");
        /* Bits 19:16 of what LAR gives are undefined. */
        finished(&c, (c.rcx & 0xffff) == (cases[i].lar | (uint32_t)cases[i].lsl << 8)
                 && (c.rdx & 0xffff) == (cases[i].verr | (uint32_t)cases[i].verw << 8)
                 && (cases[i].lar ? (c.rax & ~0xf0000ull) == (rights & ~0xf0000ull) : c.rax == untouched)
                 && (cases[i].lsl ? c.rbx == limit : c.rbx == untouched),
                 text("descriptors: LAR, LSL, VERR and VERW of %s", cases[i].name));
    }
    struct context c = kernel64(look);
    run(&c);
    finished(&c, (c.rcx & 0xffff) == 0 && (c.rdx & 0xffff) == 0, "descriptors: of a null selector");
    c = kernel64(look);
    c.rdi = 0x1000;
    run(&c);
    finished(&c, (c.rcx & 0xffff) == 0 && (c.rdx & 0xffff) == 0, "descriptors: of a selector beyond the GDT");
    gdt[SCRATCH / 8] = descriptor(0, 0x12345, 0x93, 4);
    c = kernel64(look);
    c.rdi = SCRATCH;
    run(&c);
    finished(&c, c.rbx == 0x12345, "descriptors: LSL of a byte-granular segment");
}

FRAGMENT(load_task, "load_task_at: ltr %di"); LABEL(load_task_at);
FRAGMENT(load_local, "load_local_at: lldt %di"); LABEL(load_local_at);
FRAGMENT(load_es64, "load_es64_at: movw %di, %es"); LABEL(load_es64_at);
FRAGMENT(store_tables, "sgdt (%rdi)\n sidt 16(%rdi)\n str %eax\n sldt %ebx\n smsw %rcx");

static void tables(void)
{
    static const struct { uint16_t selector; uint8_t access; uint64_t vector; const char *name; } cases[] = {
        { SCRATCH, 0x8b, GP, "a busy TSS" }, { SCRATCH, 0x82, GP, "an LDT" }, { SCRATCH, 0x93, GP, "data" },
        { SCRATCH, 0x09, NP, "a TSS that is not present" }, { 0, 0x89, GP, "a null selector" },
        { SCRATCH | 4, 0x89, GP, "a selector of the LDT" }, { 0x1000, 0x89, GP, "a selector beyond the GDT" },
        { SCRATCH, 0x81, GP, "a 16-bit TSS" },
    };
    struct context c;
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gdt[SCRATCH / 8] = descriptor((uint32_t)AT(&tss), sizeof tss - 1, cases[i].access, 0);
        gdt[SCRATCH / 8 + 1] = 0;
        c = kernel64(load_task);
        c.rdi = cases[i].selector;
        run(&c);
        if (cases[i].access == 0x81 || cases[i].selector == 0)
            tcg_differs("LTR takes a null selector and a 16-bit TSS");
        ended(&c, cases[i].vector, cases[i].selector & 0xfffc, AT(load_task_at),
              text("descriptors: LTR of %s", cases[i].name));
    }
    gdt[SCRATCH / 8] = descriptor((uint32_t)AT(&tss), sizeof tss - 1, 0x89, 0);
    c = kernel64(load_task);
    c.rdi = SCRATCH;
    run(&c);
    finished(&c, (gdt[SCRATCH / 8] >> 40 & 0xff) == 0x8b, "descriptors: LTR makes the TSS busy");
    gdt[SCRATCH / 8] = descriptor((uint32_t)AT(&tss), sizeof tss - 1, 0x89, 0);
    gdt[SCRATCH / 8 + 1] = 0x1f0000000000;
    c = kernel64(load_task);
    c.rdi = SCRATCH;
    run(&c);
    ended(&c, GP, SCRATCH, AT(load_task_at), "descriptors: LTR with a type in the upper half is #GP(selector)");
    gdt[SCRATCH / 8 + 1] = 0;
    gdt[TSS64 / 8] &= ~(2ull << 40);
    __asm__ volatile("ltr %w0" : : "r"(TSS64));

    static const struct { uint16_t selector; uint8_t access; uint64_t vector; const char *name; } local[] = {
        { SCRATCH, 0x82, END, "an LDT" }, { 0, 0x82, END, "a null selector" }, { SCRATCH, 0x89, GP, "a TSS" },
        { SCRATCH, 0x02, NP, "an LDT that is not present" }, { SCRATCH | 4, 0x82, GP, "a selector of the LDT" },
    };
    for (uint32_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        gdt[SCRATCH / 8] = descriptor((uint32_t)AT(memory), sizeof memory - 1, local[i].access, 0);
        c = kernel64(load_local);
        c.rdi = local[i].selector;
        run(&c);
        ended(&c, local[i].vector, local[i].vector == END ? NO_ERROR : local[i].selector & 0xfffcu, 0,
              text("descriptors: LLDT of %s", local[i].name));
    }
    gdt[SCRATCH / 8] = descriptor((uint32_t)AT(memory), 15, 0x82, 0);
    ((uint64_t *)memory)[1] = ((uint64_t *)memory)[2] = descriptor(0, 0xfffff, 0x93, 0xc);
    __asm__ volatile("lldt %w0" : : "r"(SCRATCH));
    c = kernel64(load_es64);
    c.rdi = 8 | 4;
    run(&c);
    finished(&c, c.es == (8 | 4), "descriptors: a selector of the LDT");
    c = kernel64(load_es64);
    c.rdi = 16 | 4;
    run(&c);
    ended(&c, GP, 16 | 4, AT(load_es64_at), "descriptors: one beyond its limit is #GP(selector), with TI");
    static struct { uint16_t limit; uint64_t base; uint8_t pad[6]; } __attribute__((packed)) stored[2];
    c = kernel64(store_tables);
    c.rdi = AT(stored);
    run(&c);
    finished(&c, stored[0].limit == sizeof gdt - 1 && stored[0].base == AT(gdt) && stored[1].limit == sizeof idt - 1
             && stored[1].base == AT(idt), "descriptors: SGDT and SIDT");
    held(&c, c.rax == TSS64 && c.rbx == SCRATCH && c.rcx == read_cr0(), "descriptors: STR, SLDT and SMSW");
    __asm__ volatile("lldt %w0" : : "r"(0));
}

FRAGMENT(load_ss64, "movl %ss, %edx\n load_ss64_at: movw %di, %ss\n movw %dx, %ss"); LABEL(load_ss64_at);
FRAGMENT(load_fs64, "movw %di, %fs\n movl %fs:(%rsi), %eax\n movl $0xc0000100, %ecx\n xorl %edi, %edi\n movl %edi, %fs");
FRAGMENT(bases, "movw %di, %es\n movl %es:(%rsi), %eax\n movl (%rsi), %ebx");
FRAGMENT32(bases32, "movw %di, %es\n movl %es:(%esi), %eax");
FRAGMENT(fs_base, "wrfsbase %rdi\n rdfsbase %rax\n movl %fs:(%rsi), %ebx\n wrgsbase %rdi\n rdgsbase %rcx\n movl %gs:(%rsi), %edx");
FRAGMENT(fs_base_short, "movq $-1, %rax\n wrfsbase %edi\n rdfsbase %rax\n movq $-1, %rbx\n rdfsbase %ebx");
FRAGMENT(write_fs_base, "write_fs_base_at: wrfsbase %rdi"); LABEL(write_fs_base_at);
FRAGMENT(swap_gs, "swapgs\n movl %gs:(%rsi), %eax\n swapgs\n movl %gs:(%rsi), %ebx");
FRAGMENT(user_swap_gs, "user_swap_gs_at: swapgs"); LABEL(user_swap_gs_at);
FRAGMENT(write_msr, "write_msr_at: wrmsr"); LABEL(write_msr_at);

static void bases_of_segments(void)
{
    *(uint32_t *)memory = 0x600df00d;
    *(uint32_t *)(memory + 16) = 0xbadf00d;
    gdt[SCRATCH / 8] = descriptor(16, 0, 0x93, 4);
    struct context c = kernel64(bases);
    c.rdi = SCRATCH;
    c.rsi = AT(memory);
    run(&c);
    tcg_differs("a prefix brings the base back");
    finished(&c, c.rax == 0x600df00d && c.rbx == 0x600df00d, "descriptors: 64-bit mode knows neither base nor limit of ES");
    gdt[SCRATCH / 8] = descriptor(16, 0xfffff, 0x93, 0xc);
    c = kernel32(bases32);
    c.rdi = SCRATCH;
    c.rsi = AT(memory);
    run(&c);
    finished(&c, c.rax == 0xbadf00d, "descriptors: compatibility mode knows the base of ES");
    gdt[SCRATCH / 8] = descriptor(16, 3, 0x93, 4);
    c = kernel32(bases32);
    c.rdi = SCRATCH;
    c.rsi = AT(memory);
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, 0, "descriptors: and its limit");
    gdt[SCRATCH / 8] = descriptor((uint32_t)AT(memory), 3, 0x93, 4);
    c = kernel64(load_fs64);
    c.rdi = SCRATCH;
    c.rsi = 16;
    run(&c);
    finished(&c, c.rax == 0xbadf00d, "descriptors: 64-bit mode knows the base of FS, not its limit");

    c = kernel64(load_ss64);
    run(&c);
    finished(&c, true, "descriptors: a null SS in ring 0 of 64-bit mode");
    c = kernel64(load_ss64);
    c.rdi = 3;
    run(&c);
    tcg_differs("a null SS may have any RPL in ring 0");
    ended(&c, GP, 0, AT(load_ss64_at), "descriptors: but not with an RPL of 3");
    c = user64(load_ss64);
    c.rdi = 3;
    run(&c);
    ended(&c, GP, 0, USER_AT(load_ss64_at), "descriptors: nor in ring 3");

    wrmsr(MSR_GS_BASE, AT(memory));
    wrmsr(MSR_KERNEL_GS, AT(memory) + 16);
    c = kernel64(swap_gs);
    run(&c);
    finished(&c, c.rax == 0xbadf00d && c.rbx == 0x600df00d, "descriptors: SWAPGS, there and back");
    c = user64(user_swap_gs);
    run(&c);
    ended(&c, GP, 0, USER_AT(user_swap_gs_at), "descriptors: SWAPGS in ring 3 is #GP(0)");
    static const uint32_t canonical[] = { MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS, MSR_LSTAR, MSR_CSTAR };
    for (uint32_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        c = kernel64(write_msr);
        c.rcx = canonical[i];
        c.rdx = 1 << 15;
        run(&c);
        tcg_differs("a base is not checked");
        ended(&c, GP, 0, AT(write_msr_at), text("descriptors: a non-canonical address in MSR %x is #GP(0)", canonical[i]));
        wrmsr(canonical[i], 0);
    }

    write_cr4(read_cr4() & ~(uint64_t)CR4_FSGSBASE);
    c = user64(write_fs_base);
    run(&c);
    ended(&c, UD, NO_ERROR, USER_AT(write_fs_base_at), "descriptors: WRFSBASE without CR4.FSGSBASE is #UD");
    if (!BIT(leaf7.ebx, 0)) {
        skip("descriptors: WRFSBASE", "not offered");
        return;
    }
    write_cr4(read_cr4() | CR4_FSGSBASE);
    c = user64(fs_base);
    c.rdi = AT(memory) + USER_BASE;
    c.rsi = 16;
    run(&c);
    finished(&c, c.rax == c.rdi && c.rbx == 0xbadf00d && c.rcx == c.rdi && c.rdx == 0xbadf00d,
             "descriptors: WRFSBASE, RDFSBASE and those of GS in ring 3");
    held(&c, rdmsr(MSR_FS_BASE) == c.rdi && rdmsr(MSR_GS_BASE) == c.rdi, "descriptors: the MSRs show the same bases");
    c = kernel64(fs_base_short);
    c.rdi = 0xffffffff12345678;
    run(&c);
    finished(&c, c.rax == 0x12345678 && c.rbx == 0x12345678, "descriptors: their 32-bit forms");
    c = user64(write_fs_base);
    c.rdi = 1ull << 47;
    run(&c);
    tcg_differs("a base is not checked");
    ended(&c, GP, 0, USER_AT(write_fs_base_at), "descriptors: WRFSBASE of a non-canonical address is #GP(0)");
    wrmsr(MSR_FS_BASE, 0);
    wrmsr(MSR_GS_BASE, 0);
    write_cr4(read_cr4() & ~(uint64_t)CR4_FSGSBASE);
}

void test_descriptors(void)
{
    access_rights();
    tables();
    bases_of_segments();
}
