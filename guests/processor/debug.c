/* Single steps, breakpoints and the debug registers.
 *
 * A single step and a data breakpoint are traps, an instruction breakpoint and
 * the general-detect exception faults. A run that goes on after a trap is just
 * another run of the same context. Specification: Intel SDM volume 3B, chapter
 * 17 "Debug", 17.2 and 17.3; AMD APM volume 2, 13.1. Deliberately absent: branch
 * records, BTF, what DR6 says of breakpoints that are not enabled. */
#include "processor.h"

enum { DR6_B0 = 1, DR6_B1 = 2, DR6_B2 = 4, DR6_B3 = 8, DR6_BD = 0x2000, DR6_BS = 0x4000 };
#define DR6_NONE 0xffff0ff0ull

#define DEBUG_REGISTER(n) \
    static void set_dr##n(uint64_t value) { __asm__ volatile("movq %0, %%dr" #n : : "r"(value)); }
DEBUG_REGISTER(0)
DEBUG_REGISTER(1)
DEBUG_REGISTER(2)
DEBUG_REGISTER(3)
DEBUG_REGISTER(6)
DEBUG_REGISTER(7)

static uint64_t dr6(void)
{
    uint64_t value;
    __asm__ volatile("movq %%dr6, %0" : "=r"(value));
    return value;
}

static uint64_t dr7(void)
{
    uint64_t value;
    __asm__ volatile("movq %%dr7, %0" : "=r"(value));
    return value;
}

/* Runs with DR6 clear; afterwards the breakpoints are off. */
static uint64_t run_debug(struct context *c)
{
    set_dr6(DR6_NONE);
    run(c);
    uint64_t result = dr6() ^ DR6_NONE;
    set_dr7(0x400);
    return result;
}

FRAGMENT(steps, "nop\n steps_1: incl %eax\n steps_2: jmp steps_3\n nop\n steps_3: nop");
LABEL(steps_1); LABEL(steps_2); LABEL(steps_3);
FRAGMENT(popf_sets, "pushfq\n orl $0x100, (%rsp)\n popfq\n nop\n popf_sets_at: nop"); LABEL(popf_sets_at);
FRAGMENT(popf_clears, "pushq $2\n popf_clears_1: popfq\n popf_clears_2: nop"); LABEL(popf_clears_1); LABEL(popf_clears_2);
FRAGMENT(mov_ss, "movl %ss, %eax\n mov_ss_1: movl %eax, %ss\n nop\n mov_ss_2: nop"); LABEL(mov_ss_1); LABEL(mov_ss_2);
FRAGMENT(step_rep, "step_rep_at: rep stosb\n step_rep_after: nop"); LABEL(step_rep_at); LABEL(step_rep_after);
FRAGMENT(step_int, "step_int_at: int $0x31\n step_int_after: nop"); LABEL(step_int_at); LABEL(step_int_after);
FRAGMENT(step_fault, "step_fault_at: ud2"); LABEL(step_fault_at);
FRAGMENT(step_syscall, "syscall"); FRAGMENT(syscall_target, "nop");
FRAGMENT(step_iret, "movq %rsp, %rax\n pushq $0x10\n pushq %rax\n pushq $0x102\n pushq $0x38\n leaq 1f(%rip), %rcx\n pushq %rcx\n"
                    "iretq\n 1: nop\n step_iret_at: nop"); LABEL(step_iret_at);

static void single_steps(void)
{
    for (uint32_t user = 0; user < 2; user++) {
        uint64_t base = user ? USER_BASE : 0;
        struct context c = user ? user64(steps) : kernel64(steps);
        c.rflags |= FLAG_TF;
        uint64_t cause = run_debug(&c);
        ended(&c, DB, NO_ERROR, AT(steps_1) + base, text("debug: a single step is a trap, ring %d", user ? 3 : 0));
        held(&c, cause == DR6_BS && (c.rflags & FLAG_TF) && !(c.handler_flags & FLAG_TF),
             "debug: with BS in DR6, TF saved, and clear in the handler");
        run_debug(&c);
        held(&c, c.rip == AT(steps_2) + base && c.rax == 1, "debug: the second step");
        run_debug(&c);
        ended(&c, DB, NO_ERROR, AT(steps_3) + base, "debug: a step over a jump");
        c.rflags &= ~(uint64_t)FLAG_TF;
        run_debug(&c);
        finished(&c, true, "debug: without TF it goes on");
    }

    struct context c = kernel64(popf_sets);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(popf_sets_at), "debug: POPF that sets TF: the trap comes after the next instruction");
    c = kernel64(popf_clears);
    c.rflags |= FLAG_TF;
    run_debug(&c);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(popf_clears_2), "debug: POPF that clears TF: a trap after it");
    held(&c, !(c.rflags & FLAG_TF), "debug: which saves TF clear");
    run_debug(&c);
    finished(&c, true, "debug: and no further one");
    c = kernel64(mov_ss);
    c.rflags |= FLAG_TF;
    run_debug(&c);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(mov_ss_2), "debug: no trap after MOV SS, but after the instruction that follows it");
    static uint8_t buffer[8];
    c = kernel64(step_rep);
    c.rflags |= FLAG_TF;
    c.rcx = 3;
    c.rax = 7;
    c.rdi = AT(buffer);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(step_rep_at), "debug: REP STOSB traps after an iteration");
    held(&c, c.rcx == 2 && c.rdi == AT(buffer) + 1 && buffer[0] == 7 && buffer[1] == 0, "debug: of which one is done");
    run_debug(&c);
    run_debug(&c);
    held(&c, c.rcx == 0 && buffer[2] == 7 && c.rip >= AT(step_rep_at) && c.rip <= AT(step_rep_after),
         "debug: three traps, three iterations");
    c = kernel64(step_int);
    c.rflags |= FLAG_TF;
    uint64_t cause = run_debug(&c);
    held(&c, c.vector == TRAP && c.rip == AT(step_int_after) && (c.rflags & FLAG_TF) && !(c.handler_flags & FLAG_TF) && cause == 0,
         "debug: INT n under TF: no trap in the handler");
    c = user64(step_fault);
    c.rflags |= FLAG_TF;
    run_debug(&c);
    held(&c, c.vector == UD && c.rip == USER_AT(step_fault_at) && (c.rflags & FLAG_TF), "debug: a fault comes before the step");
    wrmsr(MSR_STAR, (uint64_t)(USER_CODE32 | 3) << 48 | (uint64_t)CODE64 << 32);
    wrmsr(MSR_LSTAR, AT(syscall_target));
    wrmsr(MSR_FMASK, FLAG_TF | FLAG_IF);
    c = user64(step_syscall);
    c.rflags |= FLAG_TF;
    run_debug(&c);
    finished(&c, (c.r11 & FLAG_TF) && c.cs == CODE64, "debug: SYSCALL with TF in FMASK: no trap");
    c = kernel64(step_iret);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(step_iret_at), "debug: IRET that sets TF: the trap comes after the next instruction");
}

FRAGMENT(two_places, "nop\n two_places_1: incl %eax\n two_places_2: incl %eax\n nop"); LABEL(two_places_1); LABEL(two_places_2);
FRAGMENT(not_first_byte, "not_first_byte_at: movl $0x90909090, %eax"); LABEL(not_first_byte_at);

static void instruction_breakpoints(void)
{
    struct context c = user64(two_places);
    set_dr0(USER_AT(two_places_1));
    set_dr3(USER_AT(two_places_2));
    set_dr7(0x400 | 1 | 1 << 7);                /* L0, G3 */
    uint64_t cause = run_debug(&c);
    ended(&c, DB, NO_ERROR, USER_AT(two_places_1), "debug: an instruction breakpoint is a fault");
    held(&c, cause == DR6_B0 && c.rax == 0 && !(c.rflags & FLAG_TF), "debug: with B0 in DR6, the instruction not done");
    set_dr7(0x400 | 1 | 1 << 7);
    c.rflags |= FLAG_RF;
    cause = run_debug(&c);
    ended(&c, DB, NO_ERROR, USER_AT(two_places_2), "debug: RF hides it for one instruction; the next has its own");
    held(&c, cause == DR6_B3 && c.rax == 1, "debug: with B3 in DR6, by its global enable bit");
    set_dr7(0x400 | 1);
    c = user64(two_places);
    c.rip = USER_AT(two_places_1);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, USER_AT(two_places_1), "debug: without RF an IRET to a breakpoint meets it");
    c = user64(two_places);
    set_dr7(0x400);
    run_debug(&c);
    finished(&c, c.rax == 2, "debug: a breakpoint that is not enabled does nothing");
    c = user64(not_first_byte);
    set_dr0(USER_AT(not_first_byte_at) + 1);
    set_dr7(0x400 | 1);
    run_debug(&c);
    finished(&c, true, "debug: an instruction breakpoint inside an instruction does nothing");
    c = user64(two_places);
    c.rip = USER_AT(two_places_1);
    c.rflags |= FLAG_TF | FLAG_RF;
    set_dr0(USER_AT(two_places_1));
    set_dr7(0x400 | 1);
    cause = run_debug(&c);
    ended(&c, DB, NO_ERROR, USER_AT(two_places_2), "debug: RF and TF together: a step");
    held(&c, cause & DR6_BS, "debug: with BS");
}

FRAGMENT(write_byte, "movb %al, (%rdi)\n write_byte_after: nop"); LABEL(write_byte_after);
FRAGMENT(read_byte, "movb (%rdi), %al\n read_byte_after: nop"); LABEL(read_byte_after);
FRAGMENT(write_quad, "movq %rax, (%rdi)\n write_quad_after: nop"); LABEL(write_quad_after);
FRAGMENT(write_string, "rep stosb\n write_string_after: nop"); LABEL(write_string_after);
FRAGMENT(write_push, "pushq %rax\n write_push_after: nop"); LABEL(write_push_after);

static uint8_t watched[64] __attribute__((aligned(64)));

static void data_breakpoints(void)
{
    enum { WRITES = 1, BOTH = 3 };
    static const uint8_t encoded[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
    for (uint32_t length = 1; length <= 8; length *= 2) {
        bool good = true;
        struct context c;
        for (uint32_t offset = 14; offset <= 26; offset++) {
            set_dr1(AT(watched) + 16);
            set_dr7(0x400 | 4 | (uint64_t)(encoded[length] << 2 | WRITES) << 20);
            c = kernel64(write_byte);
            c.rdi = AT(watched) + offset;
            uint64_t cause = run_debug(&c);
            bool inside = offset >= 16 && offset < 16 + length;
            good &= inside ? c.vector == DB && c.rip == AT(write_byte_after) && cause == DR6_B1 : c.vector == END;
        }
        held(&c, good, text("debug: a write breakpoint of length %u, bytes around it", length));
    }
    set_dr2(AT(watched) + 16);
    set_dr7(0x400 | 1 << 4 | (uint64_t)WRITES << 24);
    struct context c = kernel64(read_byte);
    c.rdi = AT(watched) + 16;
    run_debug(&c);
    finished(&c, true, "debug: a write breakpoint lets reads pass");
    set_dr7(0x400 | 1 << 4 | (uint64_t)BOTH << 24);
    c = kernel64(read_byte);
    c.rdi = AT(watched) + 16;
    uint64_t cause = run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(read_byte_after), "debug: a read-write breakpoint is a trap after a read");
    held(&c, cause == DR6_B2, "debug: with B2 in DR6");
    set_dr7(0x400 | 1 << 4 | (uint64_t)BOTH << 24);
    c = user64(write_byte);
    c.rdi = AT(watched) + 16;
    c.rdi += USER_BASE;
    run_debug(&c);
    finished(&c, true, "debug: breakpoints are of linear, not physical addresses");
    c = kernel64(write_quad);
    c.rdi = AT(watched) + 11;
    c.rax = 0x1122334455667788;
    watched[16] = 0;
    set_dr7(0x400 | 1 << 4 | (uint64_t)WRITES << 24);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(write_quad_after), "debug: a wider, misaligned write that covers the byte");
    held(&c, watched[16] == 0x33, "debug: and the write is done");
    set_dr7(0x400 | 1 << 4 | (uint64_t)WRITES << 24);
    c = kernel64(write_string);
    c.rdi = AT(watched) + 14;
    c.rcx = 8;
    run_debug(&c);
    held(&c, c.vector == DB && c.rcx == 5 && c.rip == AT(write_string), "debug: REP STOSB stops after the iteration that hit");
    set_dr2(TOP(fragment_stack) - 8);
    set_dr7(0x400 | 1 << 4 | (uint64_t)(2 << 2 | WRITES) << 24);
    c = kernel64(write_push);
    run_debug(&c);
    ended(&c, DB, NO_ERROR, AT(write_push_after), "debug: a push meets a write breakpoint");
    set_dr0(AT(watched));
    set_dr1(AT(watched) + 1);
    set_dr7(0x400 | 1 | 4 | (uint64_t)(WRITES | WRITES << 4) << 16);
    c = kernel64(write_quad);
    c.rdi = AT(watched);
    cause = run_debug(&c);
    tcg_differs("DR6 has the first of two breakpoints alone");
    held(&c, c.vector == DB && cause == (DR6_B0 | DR6_B1), "debug: one write, two breakpoints, both in DR6");
    set_dr7(0x400 | 1 | (uint64_t)WRITES << 16);
    c = kernel64(write_byte);
    c.rdi = AT(watched);
    c.rflags |= FLAG_TF;
    cause = run_debug(&c);
    tcg_differs("the step follows in the handler");
    held(&c, c.vector == DB && c.rip == AT(write_byte_after) && cause == (DR6_B0 | DR6_BS),
         "debug: a step and a write breakpoint are one trap");
}

FRAGMENT(move_dr, "move_dr_at: movq %dr0, %rax"); LABEL(move_dr_at);
FRAGMENT(move_dr4, "move_dr4_at: movq %dr4, %rax\n movq %dr5, %rbx"); LABEL(move_dr4_at);
FRAGMENT(write_dr6, "write_dr6_at: movq %rax, %dr6"); LABEL(write_dr6_at);
FRAGMENT(write_dr7, "write_dr7_at: movq %rax, %dr7\n movq %dr7, %rbx"); LABEL(write_dr7_at);
FRAGMENT(port_out, "outb %al, $0x80\n port_out_after: nop"); LABEL(port_out_after);

static void registers(void)
{
    struct context c = kernel64(move_dr);
    set_dr6(DR6_NONE);
    set_dr7(0x400 | 0x2000);                    /* GD, until the fault clears it */
    run(&c);
    uint64_t cause = dr6() ^ DR6_NONE, after = dr7();
    set_dr7(0x400);
    tcg_differs("no DR7.GD");
    ended(&c, DB, NO_ERROR, AT(move_dr_at), "debug: DR7.GD makes MOV DR a fault");
    tcg_differs("no DR7.GD");
    held(&c, cause == DR6_BD && !(after & 0x2000), "debug: with BD in DR6, and GD cleared");
    c = user64(move_dr);
    run(&c);
    ended(&c, GP, 0, USER_AT(move_dr_at), "debug: MOV DR in ring 3 is #GP(0)");
    set_dr6(DR6_NONE | 1);
    c = kernel64(move_dr4);
    run(&c);
    finished(&c, c.rax == (DR6_NONE | 1) && c.rbx == 0x400, "debug: DR4 and DR5 are DR6 and DR7");
    write_cr4(read_cr4() | CR4_DE);
    c = kernel64(move_dr4);
    run(&c);
    ended(&c, UD, NO_ERROR, AT(move_dr4_at), "debug: but with CR4.DE #UD");
    set_dr0(0x80);
    set_dr7(0x400 | 1 | 2 << 16);
    c = kernel64(port_out);
    cause = run_debug(&c);
    held(&c, c.vector == DB && c.rip == AT(port_out_after) && cause == DR6_B0, "debug: an I/O breakpoint, with CR4.DE");
    write_cr4(read_cr4() & ~(uint64_t)CR4_DE);
    c = kernel64(write_dr6);
    c.rax = 1ull << 32;
    run(&c);
    ended(&c, GP, 0, AT(write_dr6_at), "debug: the upper half of DR6 is reserved");
    c = kernel64(write_dr7);
    c.rax = 1ull << 32;
    run(&c);
    set_dr7(0x400);
    ended(&c, GP, 0, AT(write_dr7_at), "debug: the upper half of DR7 is reserved");
    c = kernel64(write_dr7);
    run(&c);
    finished(&c, (c.rbx & 0xd400) == 0x400, "debug: DR7 reads with bit 10 set, 12, 14 and 15 clear");
    set_dr6(0);
    uint64_t clear = dr6();
    check((clear & 0xffffefff) == (DR6_NONE & 0xffffefff), "debug: DR6 reads with its fixed bits set");
    set_dr6(DR6_NONE);
}

void test_debug(void)
{
    single_steps();
    instruction_breakpoints();
    data_breakpoints();
    registers();
}
