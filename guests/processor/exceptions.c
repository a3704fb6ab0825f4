/* Every exception that software can raise: vector, error code, saved RIP, RF.
 *
 * A fault saves the RIP of its instruction, a trap that of the next one; faults
 * are saved with RF set, traps without. Specification: Intel SDM volume 3A,
 * 6.4, 6.5, 6.15 and 17.3.1.1; AMD APM volume 2, 8.2. Deliberately absent: #MC,
 * #CP and the virtualization exceptions, which nothing here can cause; #AC has
 * no error code but 0, and #NP, #TS and #DF are in other files. */
#include "processor.h"

FRAGMENT(divide_by_zero, "xorl %ecx, %ecx\n divide_by_zero_at: divl %ecx"); LABEL(divide_by_zero_at);
FRAGMENT(divide_overflow, "movq $1, %rdx\n xorl %eax, %eax\n movl $1, %ecx\n divide_overflow_at: divq %rcx");
LABEL(divide_overflow_at);
FRAGMENT(divide_least, "movl $0x80000000, %eax\n cdq\n movl $-1, %ecx\n divide_least_at: idivl %ecx");
LABEL(divide_least_at);
FRAGMENT(breakpoint, "breakpoint_at: int3\n breakpoint_after:"); LABEL(breakpoint_at); LABEL(breakpoint_after);
FRAGMENT(long_breakpoint, "int $3\n long_breakpoint_after:"); LABEL(long_breakpoint_after);
FRAGMENT(icebp, ".byte 0xf1\n icebp_after:"); LABEL(icebp_after);
FRAGMENT(undefined, "undefined_at: ud2"); LABEL(undefined_at);
FRAGMENT(undefined_lock, "undefined_lock_at: .byte 0xf0, 0x89, 0x04, 0x24"); LABEL(undefined_lock_at);
FRAGMENT(undefined_lock_register, ".byte 0xf0, 0x01, 0xc0"); /* lock add %eax, %eax */
FRAGMENT(undefined_push_es, ".byte 0x06"); FRAGMENT(undefined_aaa, ".byte 0x37"); FRAGMENT(undefined_into, ".byte 0xce");
FRAGMENT(undefined_far, ".byte 0x9a, 0, 0, 0, 0, 0x38, 0"); FRAGMENT(undefined_salc, ".byte 0xd6");
FRAGMENT(undefined_lea, ".byte 0x8d, 0xc0");
FRAGMENT(undefined_mov_cs, ".byte 0x8e, 0xc8"); FRAGMENT(undefined_cr1, ".byte 0x0f, 0x20, 0xc8");
FRAGMENT(undefined_ud0, ".byte 0x0f, 0xff, 0xc0"); FRAGMENT(undefined_ud1, ".byte 0x0f, 0xb9, 0xc0");
FRAGMENT(undefined_cmpxchg8b, ".byte 0x0f, 0xc7, 0xc9"); FRAGMENT(undefined_group4, ".byte 0xfe, 0xd0");
FRAGMENT(undefined_pop_register, ".byte 0x8f, 0xc8");
FRAGMENT32(into, "movb $0x7f, %al\n addb $1, %al\n into\n into_after:"); LABEL(into_after);
FRAGMENT32(into_not, "xorl %eax, %eax\n into");
FRAGMENT32(bound, "bound_at: bound %eax, (%ebx)"); LABEL(bound_at);
FRAGMENT(misaligned, "movq %rsp, %rsi\n misaligned_at: movaps -15(%rsi), %xmm0"); LABEL(misaligned_at);
FRAGMENT(misaligned_16b, "misaligned_16b_at: cmpxchg16b -40(%rsp)"); LABEL(misaligned_16b_at);
FRAGMENT(x87_error, "fninit\n fldcw (%rdi)\n fld1\n fldz\n fdivrp %st, %st(1)\n x87_error_at: fwait"); LABEL(x87_error_at);
FRAGMENT(x87_next, "fninit\n fldcw (%rdi)\n fld1\n fldz\n fdivrp %st, %st(1)\n x87_next_at: fld1"); LABEL(x87_next_at);
FRAGMENT(x87_quiet, "fninit\n fldcw (%rdi)\n fld1\n fldz\n fdivrp %st, %st(1)\n fnstsw %ax\n fnclex\n fwait");
FRAGMENT(simd_error, "ldmxcsr (%rdi)\n movl $0x3f800000, %eax\n movd %eax, %xmm0\n xorps %xmm1, %xmm1\n"
                     "simd_error_at: divss %xmm1, %xmm0"); LABEL(simd_error_at);
FRAGMENT(alignment, "alignment_at: movl -7(%rsp), %eax"); LABEL(alignment_at);
FRAGMENT(quiet_state, "fninit\n movl $0x1f80, %eax\n pushq %rax\n ldmxcsr (%rsp)\n popq %rax");

struct raised { const char *fragment, *rip; uint64_t vector, error; const char *name; };

static void simple_faults(void)
{
    static const struct raised faults[] = {
        { divide_by_zero, divide_by_zero_at, DE, NO_ERROR, "DIV by 0 is #DE" },
        { divide_overflow, divide_overflow_at, DE, NO_ERROR, "DIV with too large a quotient is #DE" },
        { divide_least, divide_least_at, DE, NO_ERROR, "IDIV of the least number by -1 is #DE" },
        { undefined, undefined_at, UD, NO_ERROR, "UD2 is #UD" },
        { undefined_lock, undefined_lock_at, UD, NO_ERROR, "LOCK MOV is #UD" },
        { undefined_lock_register, undefined_lock_register, UD, NO_ERROR, "LOCK ADD to a register is #UD" },
        { undefined_push_es, undefined_push_es, UD, NO_ERROR, "PUSH ES is #UD in 64-bit mode" },
        { undefined_aaa, undefined_aaa, UD, NO_ERROR, "AAA is #UD in 64-bit mode" },
        { undefined_into, undefined_into, UD, NO_ERROR, "INTO is #UD in 64-bit mode" },
        { undefined_far, undefined_far, UD, NO_ERROR, "CALL ptr16:32 is #UD in 64-bit mode" },
        { undefined_salc, undefined_salc, UD, NO_ERROR, "SALC is #UD in 64-bit mode" },
        { undefined_lea, undefined_lea, UD, NO_ERROR, "LEA of a register is #UD" },
        { undefined_mov_cs, undefined_mov_cs, UD, NO_ERROR, "MOV to CS is #UD" },
        { undefined_ud0, undefined_ud0, UD, NO_ERROR, "UD0 is #UD" },
        { undefined_ud1, undefined_ud1, UD, NO_ERROR, "UD1 is #UD" },
        { undefined_cmpxchg8b, undefined_cmpxchg8b, UD, NO_ERROR, "CMPXCHG8B of a register is #UD" },
        { undefined_group4, undefined_group4, UD, NO_ERROR, "0xfe /2 is #UD" },
        { undefined_pop_register, undefined_pop_register, UD, NO_ERROR, "0x8f /1 is #UD" },
    };
    for (uint32_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct context c = user64(faults[i].fragment);
        run(&c);
        if (faults[i].fragment == undefined_lock || faults[i].fragment == undefined_pop_register)
            tcg_differs("the encoding is taken for a valid one");
        ended(&c, faults[i].vector, faults[i].error, USER_AT(faults[i].rip), text("exceptions: %s", faults[i].name));
    }
}

static void resume_flag(void)
{
    struct context c = kernel64(undefined_cr1);
    run(&c);
    ended(&c, UD, NO_ERROR, AT(undefined_cr1), "exceptions: MOV from CR1 is #UD");
    c = kernel64(divide_by_zero);
    run(&c);
    tcg_differs("RF is not set in what a fault saves");
    held(&c, c.vector == DE && (c.rflags & FLAG_RF), "exceptions: a fault saves RF set");
    c = kernel64(breakpoint);
    run(&c);
    held(&c, c.vector == BP && !(c.rflags & FLAG_RF), "exceptions: a trap saves RF clear");
    c = user64(nothing64);
    c.rflags |= FLAG_RF;
    run(&c);
    tcg_differs("RF stays until the block ends");
    finished(&c, !(c.rflags & FLAG_RF), "exceptions: an instruction that ends well clears RF");
}

static void traps(void)
{
    struct context c = user64(breakpoint);
    run(&c);
    ended(&c, BP, NO_ERROR, USER_AT(breakpoint_after), "exceptions: INT3 is a trap");
    held(&c, AT(breakpoint_after) - AT(breakpoint_at) == 1, "exceptions: of one byte");
    c = user64(long_breakpoint);
    run(&c);
    ended(&c, BP, NO_ERROR, USER_AT(long_breakpoint_after), "exceptions: INT 3 of two bytes reaches the same vector");
    c = user64(icebp);
    run(&c);
    tcg_differs("INT1 is #UD");
    ended(&c, DB, NO_ERROR, USER_AT(icebp_after), "exceptions: INT1 is a trap, and needs no DPL of 3");
    c = user32(into);
    run(&c);
    ended(&c, OF, NO_ERROR, USER_AT(into_after), "exceptions: INTO with OF is a trap");
    c = user32(into_not);
    run(&c);
    finished(&c, true, "exceptions: INTO without OF does nothing");
    static const int32_t range[2] = { -5, 10 };
    for (int32_t index = -6; index <= 11; index++) {
        c = kernel32(bound);
        c.rax = (uint32_t)index;
        c.rbx = AT(range);
        run(&c);
        if (index == -6 || index == 11)
            ended(&c, BR, NO_ERROR, AT(bound_at), text("exceptions: BOUND of %d in -5 to 10", index));
        else if (index == -5 || index == 10)
            finished(&c, true, text("exceptions: BOUND of %d in -5 to 10", index));
    }
}

static void alignment_and_arithmetic(void)
{
    struct context c = kernel64(misaligned);
    run(&c);
    ended(&c, GP, 0, AT(misaligned_at), "exceptions: MOVAPS of a misaligned operand is #GP(0)");
    if (BIT(leaf1.ecx, 13)) {
        c = kernel64(misaligned_16b);
        run(&c);
        ended(&c, GP, 0, AT(misaligned_16b_at), "exceptions: CMPXCHG16B of a misaligned operand is #GP(0)");
    } else
        skip("exceptions: CMPXCHG16B of a misaligned operand is #GP(0)", "not offered");

    write_cr0(read_cr0() | 0x40000);            /* AM */
    c = user64(alignment);
    c.rflags |= FLAG_AC;
    run(&c);
    tcg_differs("no #AC");
    ended(&c, AC, 0, USER_AT(alignment_at), "exceptions: a misaligned access in ring 3 with AM and AC is #AC(0)");
    c = kernel64(alignment);
    c.rflags |= FLAG_AC;
    run(&c);
    finished(&c, true, "exceptions: but not in ring 0");
    c = user64(alignment);
    run(&c);
    finished(&c, true, "exceptions: nor without EFLAGS.AC");
    write_cr0(read_cr0() & ~(uint64_t)0x40000);
    c = user64(alignment);
    c.rflags |= FLAG_AC;
    run(&c);
    finished(&c, true, "exceptions: nor without CR0.AM");

    static const uint16_t divide_unmasked = 0x037b, masked = 0x037f;
    c = kernel64(x87_error);
    c.rdi = AT(&divide_unmasked);
    run(&c);
    ended(&c, MF, NO_ERROR, AT(x87_error_at), "exceptions: an unmasked x87 error is #MF at the next FWAIT");
    c = kernel64(x87_next);
    c.rdi = AT(&divide_unmasked);
    run(&c);
    tcg_differs("only FWAIT looks for x87 errors");
    ended(&c, MF, NO_ERROR, AT(x87_next_at), "exceptions: or at the next x87 instruction");
    c = kernel64(x87_quiet);
    c.rdi = AT(&divide_unmasked);
    run(&c);
    finished(&c, (c.rax & 0x84) == 0x84, "exceptions: FNSTSW and FNCLEX do not wait, and show ES and ZE");
    c = kernel64(x87_quiet);
    c.rdi = AT(&masked);
    run(&c);
    finished(&c, (c.rax & 0x84) == 4, "exceptions: a masked x87 error sets ZE alone");
    static const uint32_t simd_divide = 0x1d80, simd_masked = 0x1f80;
    c = kernel64(simd_error);
    c.rdi = AT(&simd_divide);
    run(&c);
    tcg_differs("no SSE exceptions");
    ended(&c, 19, NO_ERROR, AT(simd_error_at), "exceptions: an unmasked SSE error is #XM");
    write_cr4(read_cr4() & ~0x400ull);
    c = kernel64(simd_error);
    c.rdi = AT(&simd_divide);
    run(&c);
    write_cr4(read_cr4() | 0x400);
    tcg_differs("no SSE exceptions");
    ended(&c, UD, NO_ERROR, AT(simd_error_at), "exceptions: without CR4.OSXMMEXCPT it is #UD");
    c = kernel64(simd_error);
    c.rdi = AT(&simd_masked);
    run(&c);
    finished(&c, true, "exceptions: a masked SSE error is none");
    c = kernel64(quiet_state);
    run(&c);
    finished(&c, true, "exceptions: FNINIT and LDMXCSR put all masks back");
}

FRAGMENT(int_kernel_only, "int_kernel_only_at: int $0x32\n int_kernel_only_after:");
LABEL(int_kernel_only_at); LABEL(int_kernel_only_after);
FRAGMENT(int_trap, "int $0x31\n int_trap_after:"); LABEL(int_trap_after);
FRAGMENT(int_usual, "int $0x30");
FRAGMENT(int_14, "int_14_at: int $14\n int_14_after:"); LABEL(int_14_at); LABEL(int_14_after);
FRAGMENT(int_outside, "int_outside_at: int $0x90"); LABEL(int_outside_at);

static void gates(void)
{
    struct context c = user64(int_kernel_only);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, GP, KERNEL_ONLY * 8 + 2, USER_AT(int_kernel_only_at),
          "exceptions: INT to a gate of DPL 0 from ring 3 is #GP(vector * 8 + 2)");
    c = kernel64(int_kernel_only);
    run(&c);
    ended(&c, KERNEL_ONLY, NO_ERROR, AT(int_kernel_only_after), "exceptions: the same from ring 0 is a trap");
    c = user64(int_14);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, GP, PF * 8 + 2, USER_AT(int_14_at), "exceptions: INT 14 from ring 3 is #GP too");
    c = kernel64(int_14);
    run(&c);
    ended(&c, PF, NO_ERROR, AT(int_14_after), "exceptions: INT 14 from ring 0 pushes no error code");
    c = user64(undefined);
    run(&c);
    ended(&c, UD, NO_ERROR, 0, "exceptions: the gate's DPL does not matter to an exception");

    c = user64(int_usual);
    c.rflags |= FLAG_IF | FLAG_AC | FLAG_CF | FLAG_DF;
    run(&c);
    held(&c, c.vector == END && (c.rflags & (FLAG_IF | FLAG_CF | FLAG_DF)) == (FLAG_IF | FLAG_CF | FLAG_DF)
         && !(c.handler_flags & FLAG_IF), "exceptions: an interrupt gate clears IF");
    c = user64(int_trap);
    c.rflags |= FLAG_IF;
    run(&c);
    held(&c, c.vector == TRAP && (c.handler_flags & FLAG_IF), "exceptions: a trap gate leaves IF");
    c = user64(int_trap);
    c.rflags |= FLAG_NT;
    run(&c);
    held(&c, c.vector == TRAP && (c.rflags & FLAG_NT) && !(c.handler_flags & (FLAG_NT | FLAG_TF)),
         "exceptions: NT is saved, and clear in the handler");

    /* Gates that are not there, of a wrong type, or with a wrong target. */
    idt[TRAP].type &= 0x7f;
    c = user64(int_trap);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, NP, TRAP * 8 + 2, USER_AT(int_trap), "exceptions: a gate that is not present is #NP(vector * 8 + 2)");
    idt[TRAP].type = 0x85 | DPL3;               /* a task gate */
    c = user64(int_trap);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, GP, TRAP * 8 + 2, USER_AT(int_trap), "exceptions: a task gate is #GP in long mode");
    idt[TRAP].type = 0x8c | DPL3;
    c = user64(int_trap);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, GP, TRAP * 8 + 2, USER_AT(int_trap), "exceptions: a call gate in the IDT is #GP");
    reset_gate(TRAP);
    idt[TRAP].selector = 0;
    c = user64(int_trap);
    run(&c);
    ended(&c, GP, 0, USER_AT(int_trap), "exceptions: a gate with a null selector is #GP(0)");
    idt[TRAP].selector = DATA;
    c = user64(int_trap);
    run(&c);
    ended(&c, GP, DATA, USER_AT(int_trap), "exceptions: a gate to a data segment is #GP(selector)");
    idt[TRAP].selector = CODE32;
    c = user64(int_trap);
    run(&c);
    ended(&c, GP, CODE32, USER_AT(int_trap), "exceptions: a gate to a 32-bit segment is #GP(selector)");
    idt[TRAP].selector = USER_CODE64 | 3;
    c = kernel64(int_trap);
    run(&c);
    ended(&c, GP, USER_CODE64, AT(int_trap), "exceptions: a gate to a less privileged segment is #GP(selector)");
    gdt[SCRATCH / 8] = descriptor(0, 0xfffff, 0x1b, 0xa);       /* 64-bit code, not present */
    idt[TRAP].selector = SCRATCH;
    c = user64(int_trap);
    run(&c);
    ended(&c, NP, SCRATCH, USER_AT(int_trap), "exceptions: a gate to a segment that is not present is #NP(selector)");
    idt[TRAP].selector = 0x1000;
    c = user64(int_trap);
    run(&c);
    ended(&c, GP, 0x1000, USER_AT(int_trap), "exceptions: a gate to a selector beyond the GDT is #GP(selector)");
    reset_gate(TRAP);

    struct { uint16_t limit; uint64_t base; } __attribute__((packed)) shorter = { 0x8f * 16 + 15, AT(idt) }, usual = { sizeof idt - 1, AT(idt) };
    __asm__ volatile("lidt %0" : : "m"(shorter));
    c = kernel64(int_outside);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, GP, 0x90 * 8 + 2, AT(int_outside_at), "exceptions: a vector beyond the IDT's limit is #GP(vector * 8 + 2)");
    __asm__ volatile("lidt %0" : : "m"(usual));
}

void test_exceptions(void)
{
    simple_faults();
    resume_flag();
    traps();
    alignment_and_arithmetic();
    gates();
}
