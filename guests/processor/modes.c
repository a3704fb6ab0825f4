/* From mode to mode, by fragments that do the switching themselves.
 *
 * What machine.c's contexts do on every run is done here step by step, with the
 * bits that the processor owes on the way, and with what it must refuse.
 * Specification: Intel SDM volume 3A, 2.5, 9.8 and 9.9, chapter 20 for real mode;
 * AMD APM volume 2, 14.4 to 14.7. Deliberately absent: virtual-8086 mode, the
 * 16-bit stack of an interrupt in protected mode. */
#include "processor.h"

/* Protected mode to 64-bit mode and back; rdi is the PML4. */
FRAGMENT32(whole_way,
    "movl %cr4, %eax\n orl $0x20, %eax\n movl %eax, %cr4\n movl %edi, %cr3\n"
    "movl $0xc0000080, %ecx\n rdmsr\n orl $0x100, %eax\n wrmsr\n rdmsr\n movl %eax, %ebx\n"
    "movl %cr0, %eax\n orl $0x80000000, %eax\n movl %eax, %cr0\n"
    "rdmsr\n movl %eax, %esi\n ljmp $0x38, $whole_way_64\n"
    ".code64\n whole_way_64: movabsq $0x123456789abcdef0, %r9\n movq %r9, %rbp\n shrq $32, %rbp\n"
    "pushq $8\n pushq $whole_way_32\n lretq\n"
    ".code32\n whole_way_32: movl %cr0, %eax\n andl $0x7fffffff, %eax\n movl %eax, %cr0\n rdmsr\n movl %eax, %edi\n"
    "andl $~0x100, %eax\n wrmsr\n movl %cr4, %eax\n andl $~0x20, %eax\n movl %eax, %cr4");
FRAGMENT32(set_cr0_32, "set_cr0_32_at: movl %eax, %cr0\n jmp 1f\n 1:"); LABEL(set_cr0_32_at);
FRAGMENT(set_cr0_64, "set_cr0_64_at: movq %rax, %cr0"); LABEL(set_cr0_64_at);
FRAGMENT(set_cr4_64, "set_cr4_64_at: movq %rax, %cr4"); LABEL(set_cr4_64_at);
FRAGMENT(set_efer, "set_efer_at: wrmsr"); LABEL(set_efer_at);
FRAGMENT32(load_status, "lmsw %ax\n movl %cr0, %ebx");

static void refused_entries(void)
{
    struct context c = protected32(set_cr0_32);
    c.efer = EFER_LME;
    c.cr3 = AT(pml4);
    c.rax = c.cr0 | CR0_PG;
    run(&c);
    ended(&c, GP, 0, AT(set_cr0_32_at), "modes: paging with LME but without PAE is #GP(0)");
    gdt[SCRATCH / 8] = descriptor(0, 0xfffff, 0x9b, 0xe);       /* L, and the D that protected mode looks at */
    c = protected32(set_cr0_32);
    c.cr4 = CR4_PAE;
    c.efer = EFER_LME;
    c.cr3 = AT(pml4);
    c.cs = SCRATCH;
    c.rax = c.cr0 | CR0_PG;
    run(&c);
    if (is_amd && c.vector != GP)
        skip("modes: paging with LME and a CS with L is #GP(0)", "of Intel's processors");
    else
        ended(&c, GP, 0, AT(set_cr0_32_at), "modes: paging with LME and a CS with L is #GP(0)");
}

static void long_mode(void)
{
    struct context c = protected32(whole_way);
    c.rdi = AT(pml4);
    run(&c);
    finished(&c, c.rbp == 0x12345678, "modes: protected, compatibility, 64-bit, compatibility, protected");
    held(&c, (c.rbx & (EFER_LME | EFER_LMA)) == EFER_LME && (c.rsi & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA)
         && (c.rdi & (EFER_LME | EFER_LMA)) == EFER_LME, "modes: EFER.LMA follows CR0.PG");
    if (peer_is_tcg) {
        skip("modes: paging with LME but without PAE is #GP(0)", "TCG: it is done");
        skip("modes: paging with LME and a CS with L is #GP(0)", "TCG: it is done");
    } else
        refused_entries();
    static const struct { uint64_t set, clear; const char *name; } cases[] = {
        { 0, CR0_PG, "clearing PG in 64-bit mode" }, { CR0_PG, CR0_PE, "PG without PE" },
        { 0x20000000, 0, "NW without CD" }, { 1ull << 32, 0, "a bit of the upper half" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (i < 2 && peer_is_tcg) {
            skip(text("modes: %s is #GP(0)", cases[i].name), "TCG: it is done");
            continue;
        }
        c = kernel64(set_cr0_64);
        c.rax = (read_cr0() | cases[i].set) & ~cases[i].clear;
        uint64_t usual = read_cr0();
        run(&c);
        write_cr0(usual);
        tcg_differs("reserved bits of control registers are not refused");
        ended(&c, GP, 0, AT(set_cr0_64_at), text("modes: %s is #GP(0)", cases[i].name));
    }
    c = kernel64(set_cr4_64);
    c.rax = read_cr4() & ~(uint64_t)CR4_PAE;
    if (peer_is_tcg)
        skip("modes: clearing CR4.PAE in long mode is #GP(0)", "TCG: it is done");
    else {
        run(&c);
        ended(&c, GP, 0, AT(set_cr4_64_at), "modes: clearing CR4.PAE in long mode is #GP(0)");
    }
    for (uint32_t bit = 0; bit < 2; bit++) {
        if (peer_is_tcg) {
            skip(text("modes: bit %u of CR4 is reserved", bit ? 63 : 31), "TCG: it stops for good");
            continue;
        }
        uint64_t usual = read_cr4();
        c = kernel64(set_cr4_64);
        c.rax = usual | (bit ? 1ull << 63 : 1ull << 31);
        run(&c);
        write_cr4(usual);
        ended(&c, GP, 0, AT(set_cr4_64_at), text("modes: bit %u of CR4 is reserved", bit ? 63 : 31));
    }
    static const struct { uint64_t change; const char *name; } efer[] = {
        { EFER_LME, "clearing EFER.LME under paging" }, { 2, "bit 1 of EFER" }, { 1ull << 32, "bit 32 of EFER" },
    };
    for (uint32_t i = 0; i < sizeof efer / sizeof efer[0]; i++) {
        uint64_t usual = rdmsr(MSR_EFER), value = usual ^ efer[i].change;
        if (peer_is_tcg) {
            skip(text("modes: %s is #GP(0)", efer[i].name), "TCG: EFER takes anything");
            continue;
        }
        c = kernel64(set_efer);
        c.rcx = MSR_EFER;
        c.rax = (uint32_t)value;
        c.rdx = value >> 32;
        run(&c);
        ended(&c, GP, 0, AT(set_efer_at), text("modes: %s is #GP(0)", efer[i].name));
    }
    uint64_t efer_before = rdmsr(MSR_EFER);
    wrmsr(MSR_EFER, efer_before & ~(uint64_t)EFER_LMA);
    check(rdmsr(MSR_EFER) == efer_before, "modes: EFER.LMA is not for WRMSR to change");
    c = protected32(load_status);
    c.rax = 0;
    run(&c);
    finished(&c, c.rbx & CR0_PE, "modes: LMSW cannot clear PE");
}

FRAGMENT32(compat_registers, "incl %eax\n leal -8(%ebx), %ebx\n .byte 0x40\n pushl %ecx\n movl (%esp), %edx\n addl $4, %esp");
FRAGMENT(sign_and_zero, "movl $-1, %eax\n movq $-1, %rbx\n movw $1, %bx\n movb $2, %bh\n movq $-1, %rcx\n xorl %ecx, %ecx\n"
                        "movl $0x80000000, %edx\n movslq %edx, %rdx");

static void compatibility(void)
{
    struct context c = kernel32(compat_registers);
    c.rax = 0xfffffffe;
    c.rbx = 4;
    c.rcx = 0x600df00d;
    c.r12 = 0x123456789abcdef0;
    run(&c);
    finished(&c, c.rax == 0 && c.rbx == 0xfffffffc && c.rdx == 0x600df00d && c.r12 == 0x123456789abcdef0,
             "modes: compatibility mode: 0x40 is INC, addresses of 32 bits, R12 is kept");
    c = kernel32(nothing16);
    c.cs = CODE16;
    c.rip = REAL_AT(nothing16);
    run(&c);
    finished(&c, c.cs == CODE16 && c.rip == REAL_AT(nothing16) + 3, "modes: 16-bit compatibility mode");
    c = kernel64(sign_and_zero);
    run(&c);
    finished(&c, c.rax == 0xffffffff && c.rbx == 0xffffffffffff0201 && c.rcx == 0 && c.rdx == 0xffffffff80000000,
             "modes: 64-bit mode: which results extend to the whole register");
}

/* The interrupt table at 0, by ES; DI is the handler's offset. */
FRAGMENT16(real_interrupt, "movw %di, %es:0x100\n movw %cs, %es:0x102\n sti\n stc\n int $0x40\n real_interrupt_after:"
                           "pushfw\n popw %dx");
FRAGMENT16(real_handler, "incw %bx\n pushfw\n popw %cx\n movw %sp, %bp\n movw (%bp), %si\n iretw"); LABEL(real_interrupt_after);
FRAGMENT16(real_divide, "xorw %cx, %cx\n real_divide_at: divw %cx"); LABEL(real_divide_at);
FRAGMENT16(real_limit, "real_limit_at: movw (%si), %ax"); LABEL(real_limit_at);
FRAGMENT16(real_wide, "movl (%esi), %eax\n movl $0x12345678, %ebx\n pushl %ebx\n popw %cx\n popw %dx");
FRAGMENT16(real_segments, "pushw %ds\n movw $0xffff, %ax\n movw %ax, %ds\n movl 0x10, %ebx\n popw %ds\n movw %ds, %dx");
FRAGMENT16(real_lock, "real_lock_at: .byte 0xf0, 0x90"); LABEL(real_lock_at);
FRAGMENT16(real_privileged, "movl %cr0, %eax\n clts\n sidt (%si)\n");
FRAGMENT16(real_lar, "real_lar_at: lar %ax, %bx"); LABEL(real_lar_at);
FRAGMENT16(real_far, "pushw %cs\n pushw %di\n lret"); FRAGMENT16(real_landing, "movw %cs, %bx");

static void real_mode(void)
{
    struct context c = real16(real_interrupt);
    c.es = 0;
    c.rdi = REAL_AT(real_handler);
    run(&c);
    finished(&c, c.rbx == 1 && (c.rdx & (FLAG_IF | FLAG_CF)) == (FLAG_IF | FLAG_CF), "modes: an interrupt in real mode, and its IRET");
    held(&c, !(c.rcx & FLAG_IF) && c.rsi == REAL_AT(real_interrupt_after), "modes: IF is clear in its handler, IP is on its stack");
    c = real16(real_divide);
    run(&c);
    held(&c, c.vector == DE && c.rip == REAL_AT(real_divide_at) && c.rsp == 0x8000, "modes: a fault in real mode, without an error code");
    c = real16(real_limit);
    c.rsi = 0xffff;
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    held(&c, c.vector == GP && c.rip == REAL_AT(real_limit_at), "modes: a word at offset 0xffff of real mode is vector 13");
    c = real16(real_wide);
    c.rsi = 0x100;
    volatile uint32_t *word = (volatile uint32_t *)(uintptr_t)(REAL_DATA + 0x100);
    *word = 0x600df00d;
    run(&c);
    finished(&c, c.rax == 0x600df00d && c.rcx == 0x5678 && c.rdx == 0x1234, "modes: 32-bit operands and addresses in real mode");
    c = real16(real_segments);
    run(&c);
    finished(&c, c.rbx == *(volatile uint32_t *)(uintptr_t)0x100000 && c.rdx == REAL_DATA >> 4,
             "modes: segment 0xffff reaches beyond 1 MiB");
    c = real16(real_lock);
    run(&c);
    held(&c, c.vector == UD && c.rip == REAL_AT(real_lock_at), "modes: LOCK NOP in real mode is vector 6");
    c = real16(real_lar);
    run(&c);
    held(&c, c.vector == UD && c.rip == REAL_AT(real_lar_at), "modes: LAR in real mode is vector 6");
    c = real16(real_privileged);
    c.rsi = 0x100;
    run(&c);
    finished(&c, !(c.rax & (CR0_PE | CR0_PG)) && (*word & 0xffff) == 0x3ff, "modes: MOV CR0, CLTS and SIDT in real mode");
    c = real16(real_far);
    c.rdi = REAL_AT(real_landing);
    run(&c);
    finished(&c, c.rbx == REAL_BASE >> 4, "modes: a far return in real mode");
}

void test_modes(void)
{
    long_mode();
    compatibility();
    real_mode();
}
