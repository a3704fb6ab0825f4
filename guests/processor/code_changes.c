/* Code that is written while it runs.
 *
 * A store to an instruction that the same linear address fetches afterwards is
 * seen at once; through another linear address, after a serializing instruction
 * (CPUID here). Fetches that cross pages belong here too. Each fragment is built
 * of bytes in a page of the window, or changes itself; it runs twice where a
 * stale copy might only show then. Specification: Intel SDM volume 3A, 8.1.3 and
 * 11.6; AMD APM volume 2, 7.6.1. Deliberately absent: other processors' code. */
#include "pages.h"

static void put(uint32_t page, uint32_t offset, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        pages[page][offset + i] = bytes[i];
}

/* The store changes the immediate operand of the instruction after it. */
FRAGMENT(next_instruction, "movb %cl, 1f+1(%rip)\n 1: movb $0x11, %al");
FRAGMENT(next_after_jump, "movb %cl, 1f+1(%rip)\n jmp 1f\n 1: movb $0x11, %al");
FRAGMENT(loop_of_changes, "xorl %ebx, %ebx\n movl $200, %ecx\n"
                          "1: movb %cl, 2f+1(%rip)\n 2: movb $0, %al\n movzbl %al, %eax\n addl %eax, %ebx\n"
                          "decl %ecx\n jnz 1b");
FRAGMENT(opcode_change, "xorl %ebx, %ebx\n movl $101, %ecx\n 1: xorb $8, 2f+1(%rip)\n"
                        "2: decl %ebx\n decl %ecx\n jnz 1b");        /* INC and DEC differ in that bit */
FRAGMENT(change_behind, "movl $3, %ecx\n xorl %ebx, %ebx\n 1: addl $1, %ebx\n addb $1, 1b+2(%rip)\n decl %ecx\n jnz 1b\n"
                        "movb $1, 1b+2(%rip)");
FRAGMENT(string_over_code, "leaq 1f(%rip), %rdi\n movb $0x90, %al\n movl $6, %ecx\n xorl %ebx, %ebx\n rep stosb\n"
                           "1: ud2\n ud2\n ud2\n incl %ebx");
FRAGMENT(data_in_code, "xorl %ebx, %ebx\n movl $1000, %ecx\n 1: addl %ecx, 2f(%rip)\n incl %ebx\n decl %ecx\n jnz 1b\n"
                       "movl 2f(%rip), %eax\n jmp 3f\n 2: .long 0\n 3:");

static void same_page(void)
{
    struct context c = kernel64(next_instruction);
    c.rcx = 0x42;
    run(&c);
    finished(&c, (c.rax & 0xff) == 0x42, "code changes: the next instruction");
    c = kernel64(next_instruction);
    c.rcx = 0x43;
    run(&c);
    finished(&c, (c.rax & 0xff) == 0x43, "code changes: and once more, as it has run");
    c = kernel64(next_after_jump);
    c.rcx = 0x44;
    run(&c);
    finished(&c, (c.rax & 0xff) == 0x44, "code changes: the target of the next jump");
    c = kernel64(loop_of_changes);
    run(&c);
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= 200; i++)
        sum += i & 0xff;
    finished(&c, c.rbx == sum, "code changes: two hundred rounds of a loop");
    c = kernel64(opcode_change);
    run(&c);
    finished(&c, c.rbx == 1, "code changes: an opcode");
    c = kernel64(change_behind);
    run(&c);
    finished(&c, c.rbx == 6, "code changes: an instruction that has run in this loop");
    c = kernel64(string_over_code);
    run(&c);
    finished(&c, c.rbx == 1, "code changes: REP STOSB over what follows it");
    c = kernel64(data_in_code);
    run(&c);
    finished(&c, c.rbx == 1000 && c.rax == 500500, "code changes: data beside running code");
}

/* Calls rdi, has rsi's dword written with eax, calls again. */
FRAGMENT(call_twice, "call *%rdi\n movl %eax, %ebx\n movl %edx, (%rsi)\n xorl %eax, %eax\n movq %rbx, %r8\n cpuid\n"
                     "movq %r8, %rbx\n call *%rdi");
FRAGMENT(call_twice_directly, "call *%rdi\n movl %eax, %ebx\n movl %edx, (%rsi)\n call *%rdi");

static const uint8_t mov_ret[] = { 0xb8, 1, 0, 0, 0, 0xc3 };    /* mov $1, %eax; ret */

static void other_pages(void)
{
    window_reset();
    window_map(0, 0, USUAL);
    window_map(5, 0, USUAL);
    put(0, 0x100, mov_ret, sizeof mov_ret);
    struct context c = kernel64(call_twice_directly);
    c.rdi = window(0) + 0x100;
    c.rsi = window(0) + 0x101;
    c.rdx = 77;
    run(&c);
    finished(&c, c.rbx == 1 && c.rax == 77, "code changes: code on another page");
    put(0, 0x100, mov_ret, sizeof mov_ret);
    c = kernel64(call_twice);
    c.rdi = window(0) + 0x100;
    c.rsi = window(5) + 0x101;
    c.rdx = 78;
    run(&c);
    finished(&c, c.rbx == 1 && c.rax == 78, "code changes: through another linear address");
    put(0, 0x100, mov_ret, sizeof mov_ret);
    c = kernel64(call_twice);
    c.rdi = window(0) + 0x100;
    c.rsi = AT(pages[0]) + 0x101;
    c.rdx = 79;
    run(&c);
    finished(&c, c.rbx == 1 && c.rax == 79, "code changes: through a large page");

    /* The instruction lies across pages 0 and 1, of which the second changes. */
    window_map(1, 1, USUAL);
    put(0, 4094, mov_ret, 2);
    put(1, 0, mov_ret + 2, 4);
    c = kernel64(call_twice_directly);
    c.rdi = window(1) - 2;
    c.rsi = window(1) - 1;
    c.rdx = 0x01020304;
    run(&c);
    finished(&c, c.rbx == 1 && c.rax == 0x01020304, "code changes: a store across two pages of an instruction");
    put(0, 4094, mov_ret, 2);
    put(1, 0, mov_ret + 2, 4);
    c = kernel64(call_twice_directly);
    c.rdi = window(1) - 2;
    c.rsi = window(1) - 1 + 1;
    c.rdx = 0xc3050403;     /* three bytes of the operand, then RET */
    run(&c);
    finished(&c, c.rbx == 1 && c.rax == 0x05040301, "code changes: a store to the second page of an instruction");
    pages[1][0] = 0;

    /* The translation of the second page changes, the code does not. */
    put(0, 4094, mov_ret, 2);
    put(1, 0, mov_ret + 2, 4);
    put(2, 0, mov_ret + 2, 4);
    pages[2][0] = 9;
    c = kernel64(call_twice_directly);
    c.rdi = window(1) - 2;
    c.rsi = AT(&pages[3][0]);
    run(&c);
    uint64_t first = c.rax;
    window_map(1, 2, USUAL);
    c = kernel64(call_twice_directly);
    c.rdi = window(1) - 2;
    c.rsi = AT(&pages[3][0]);
    run(&c);
    finished(&c, first == 1 && c.rax == 0x901, "code changes: another page behind the second half of an instruction");
    window_map(0, 3, USUAL);
    put(3, 4094, mov_ret, 2);
    pages[3][4095] = 5;
    c = kernel64(call_twice_directly);
    c.rdi = window(1) - 2;
    c.rsi = AT(&pages[3][0]);
    run(&c);
    finished(&c, c.rax == 0x905, "code changes: another page behind the first half");
}

FRAGMENT(jump_rdi, "jmp *%rdi");

static void fetches(void)
{
    static const uint8_t long_nops[] = { 0x66, 0x0f, 0x1f, 0x44, 0, 0, 0xcd, END };
    window_reset();
    for (uint32_t user = 0; user < 2; user++) {
        window_map(0, 0, USUAL);
        *window_entry(1) = 0;
        invlpg(window(1));
        put(0, 4093, long_nops, 3);
        put(1, 0, long_nops + 3, 5);
        struct context c = touch(jump_rdi, window(1) - 3, user);
        run(&c);
        ended(&c, PF, user ? PF_U : 0, window(1) - 3,
              text("code changes: the second page of an instruction is absent, ring %d", user ? 3 : 0));
        held(&c, c.cr2 == window(1), "code changes: CR2 is the second page");
        window_map(1, 1, USUAL);
        run(&c);
        finished(&c, c.rip == window(1) + 5, "code changes: and it runs once the page is there");
    }
    *window_entry(1) = 0;
    invlpg(window(1));
    static const uint8_t increments[] = { 0xff, 0xc3 };
    put(0, 4094, increments, 2);
    struct context c = touch(jump_rdi, window(1) - 2, false);
    run(&c);
    ended(&c, PF, 0, window(1), "code changes: an instruction at the end of a page does not touch the next");
    held(&c, c.rbx == 1 && c.cr2 == window(1), "code changes: and is done before the fault");
    static const uint8_t undefined[] = { 0x0f, 0x0b };
    put(0, 4094, undefined, 2);
    c = touch(jump_rdi, window(1) - 2, false);
    run(&c);
    ended(&c, UD, NO_ERROR, window(1) - 2, "code changes: UD2 at the end of a page does not touch the next");
    for (uint32_t i = 0; i < 15; i++)
        pages[0][2000 + i] = 0x66;
    pages[0][2015] = 0x90;
    c = touch(jump_rdi, window(0) + 2000, true);
    run(&c);
    ended(&c, GP, 0, window(0) + 2000, "code changes: an instruction of 16 bytes is #GP(0)");
    c = touch(jump_rdi, window(0) + 2001, true);
    pages[0][2016] = 0xcd;
    pages[0][2017] = END;
    run(&c);
    finished(&c, true, "code changes: one of 15 bytes is not");
    for (uint32_t i = 0; i < 10; i++)
        pages[0][4086 + i] = 0x66;
    for (uint32_t i = 0; i < 6; i++)
        pages[1][i] = 0x66;
    c = touch(jump_rdi, window(1) - 10, true);
    run(&c);
    ended(&c, PF, PF_U, window(1) - 10, "code changes: prefixes that reach an absent page fault there first");
}

/* The direction of the page: read-write while it runs, then not executable. */
static void rights_of_code(void)
{
    if (!BIT(leaf_extended.edx, 20)) {
        skip("code changes: code made not executable", "not offered");
        return;
    }
    static const uint8_t end[] = { 0xcd, END };
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    window_reset();
    window_map(0, 0, USUAL);
    put(0, 0, end, 2);
    struct context c = touch(jump_rdi, window(0), true);
    run(&c);
    uint64_t first = c.vector;
    window_map(0, 0, USUAL | PAGE_NX);
    c = touch(jump_rdi, window(0), true);
    run(&c);
    ended(&c, PF, PF_P | PF_U | PF_I, window(0), "code changes: code made not executable");
    held(&c, first == END, "code changes: it had run before");
    window_map(0, 0, USUAL);
    window_map(1, 1, USUAL | PAGE_NX);
    static const uint8_t long_nops[] = { 0x66, 0x0f, 0x1f, 0x44, 0, 0, 0xcd, END };
    put(0, 4093, long_nops, 3);
    put(1, 0, long_nops + 3, 5);
    c = touch(jump_rdi, window(1) - 3, true);
    run(&c);
    ended(&c, PF, PF_P | PF_U | PF_I, window(1) - 3, "code changes: the second page of an instruction is not executable");
    held(&c, c.cr2 == window(1), "code changes: CR2 is that page");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(uint64_t)EFER_NXE);
    window_reset();
}

void test_code_changes(void)
{
    same_page();
    other_pages();
    fetches();
    rights_of_code();
    window_reset();
}
