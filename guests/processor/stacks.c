/* Which stack an exception uses, and exceptions while one is delivered.
 *
 * Tests point gates at stacks of their choosing and break the gates or stacks of
 * second exceptions; #DF has a stack of its own by IST 1. Specification: Intel
 * SDM volume 3A, 6.12, 6.13, 6.14 and table 6-5; AMD APM volume 2, 8.2.9 and
 * 8.9. Deliberately absent: the triple fault, which guests/endings has. */
#include "pages.h"

FRAGMENT(stack_int, "int $0x31");
FRAGMENT(stack_ud, "ud2");
FRAGMENT(stack_de, "xorl %ecx, %ecx\n stack_de_at: divl %ecx"); LABEL(stack_de_at);
FRAGMENT(stack_gp, "stack_gp_at: movw %di, %es"); LABEL(stack_gp_at);
FRAGMENT(stack_pf, "stack_pf_at: movl (%rdi), %eax"); LABEL(stack_pf_at);
FRAGMENT(stack_push, "pushq %rax");
FRAGMENT(stack_bp, "int3");
FRAGMENT32(stack_int32, "int $0x31");
FRAGMENT32(stack_gp32, "stack_gp32_at: movw %di, %es"); LABEL(stack_gp32_at);

static void switches(void)
{
    struct context c = user64(stack_int);
    c.rsp -= 3;
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(trap_stack) - 40 && c.rsp == TOP(fragment_stack) + USER_BASE - 3,
         "stacks: ring 3 to 0 takes RSP0 and saves RSP");
    held(&c, c.handler_ss == 0 && c.ss == (USER_DATA | 3), "stacks: and a null SS, and saves SS");
    tss.rsp[0] -= 5;
    c = user64(stack_int);
    run(&c);
    tss.rsp[0] += 5;
    held(&c, c.vector == TRAP && c.frame == TOP(trap_stack) - 16 - 40, "stacks: RSP0 is aligned to 16 bytes");
    c = kernel64(stack_int);
    c.rsp -= 5;
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(fragment_stack) - 16 - 40 && c.rsp == TOP(fragment_stack) - 5
         && c.handler_ss == DATA, "stacks: in one ring RSP is aligned to 16 bytes, saved as it was; SS stays");
    c = user64(stack_pf);
    run(&c);
    held(&c, c.vector == PF && c.frame == TOP(trap_stack) - 40, "stacks: an error code is the last thing pushed");
    c = user32(stack_int32);
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(trap_stack) - 40 && c.cs == (USER_CODE32 | 3),
         "stacks: from compatibility mode, ring 3, 64-bit frame");

    idt[TRAP].ist = 2;
    tss.ist[1] = TOP(ist_stack) - 1024;
    c = kernel64(stack_int);
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(ist_stack) - 1024 - 40,
         "stacks: IST 2 from ring 0");
    c = user64(stack_int);
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(ist_stack) - 1024 - 40 && c.handler_ss == 0, "stacks: IST 2 from ring 3");
    idt[TRAP].ist = 7;
    tss.ist[6] = TOP(ist_stack) - 2048 + 15;
    c = kernel64(stack_int);
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(ist_stack) - 2048 - 40, "stacks: IST 7, aligned to 16 bytes");
    reset_gate(TRAP);
}

static void expect_double_fault(struct context *c, const char *name)
{
    run(c);
    ended(c, DF, 0, 0, name);
}

static void second_exceptions(void)
{
    window_reset();
    idt[GP].type &= 0x7f;
    struct context c = kernel64(stack_gp);
    c.rdi = 0x1000;
    expect_double_fault(&c, "stacks: #NP while #GP is delivered is #DF(0)");
    held(&c, c.frame == TOP(ist_stack) - 40, "stacks: on its IST stack");
    c = user64(stack_gp);
    c.rdi = 0x1000;
    expect_double_fault(&c, "stacks: the same from ring 3");
    reset_gate(GP);
    idt[DE].type &= 0x7f;
    c = kernel64(stack_de);
    expect_double_fault(&c, "stacks: #NP while #DE is delivered is #DF(0)");
    reset_gate(DE);
    idt[PF].type &= 0x7f;
    c = kernel64(stack_pf);
    c.rdi = window(0);
    expect_double_fault(&c, "stacks: #NP while #PF is delivered is #DF(0)");
    reset_gate(PF);
    c = kernel64(stack_push);
    c.rsp = window(2);
    expect_double_fault(&c, "stacks: #PF while #PF is delivered is #DF(0)");
    held(&c, c.cr2 >= window(2) - 48 && c.cr2 < window(2), "stacks: CR2 is of the second");
    c = kernel64(stack_push);
    c.rsp = (1ull << 47) + 0x1000;
    expect_double_fault(&c, "stacks: #SS while #SS is delivered is #DF(0)");
    idt[GP].ist = 2;
    tss.ist[1] = (1ull << 47) + 0x1000;
    c = kernel64(stack_gp);
    c.rdi = 0x1000;
    expect_double_fault(&c, "stacks: #SS of an IST stack while #GP is delivered is #DF(0)");

    /* Pairs that are handled one after the other. */
    tss.ist[1] = window(2);
    c = kernel64(stack_gp);
    c.rdi = 0x1000;
    run(&c);
    ended(&c, PF, PF_W, AT(stack_gp_at), "stacks: #PF while #GP is delivered is #PF");
    held(&c, c.cr2 >= window(2) - 48 && c.cr2 < window(2) && c.frame == TOP(fragment_stack) - 40, "stacks: with CR2 and the RIP of the first");
    reset_gate(GP);
    idt[UD].type &= 0x7f;
    c = kernel64(stack_ud);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, NP, UD * 8 + 3, AT(stack_ud), "stacks: #NP while #UD is delivered is #NP(vector * 8 + 3), EXT set");
    reset_gate(UD);
    idt[BP].type &= 0x7f;
    c = kernel64(stack_bp);
    run(&c);
    tcg_differs("the error code of a gate counts 16 for each vector");
    ended(&c, NP, BP * 8 + 2, AT(stack_bp), "stacks: #NP while INT3 is delivered has EXT clear, and its RIP");
    reset_gate(BP);
    idt[TRAP].ist = 2;
    c = user64(stack_int);
    run(&c);
    ended(&c, PF, PF_W, USER_AT(stack_int), "stacks: #PF while INT n is delivered is #PF, not of the user");
    reset_gate(TRAP);
    tss.rsp[0] = window(2);
    idt[PF].ist = 3;
    tss.ist[2] = TOP(ist_stack) - 1024;
    c = user64(stack_int);
    run(&c);
    tss.rsp[0] = TOP(trap_stack);
    ended(&c, PF, PF_W, USER_AT(stack_int), "stacks: RSP0 on an absent page is #PF");
    held(&c, c.rsp == TOP(fragment_stack) + USER_BASE && c.cs == (USER_CODE64 | 3),
         "stacks: and the frame is that of ring 3");
    reset_gate(PF);
}

static void legacy_stacks(void)
{
    struct context c = protected_user32(stack_int32);
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(trap_stack) - 20 && c.handler_ss == DATA
         && c.rsp == TOP(fragment_stack) && c.ss == (USER_DATA | 3), "stacks: protected mode, ring 3 to 0 takes SS0 and ESP0");
    c = protected32(stack_int32);
    c.rsp -= 2;
    run(&c);
    held(&c, c.vector == TRAP && c.frame == TOP(fragment_stack) - 2 - 12,
         "stacks: protected mode, in one ring three doublewords, not aligned");
    idt32[GP].type &= 0x7f;
    c = protected32(stack_gp32);
    c.rdi = 0x1000;
    run(&c);
    ended(&c, DF, 0, 0, "stacks: protected mode, #NP while #GP is delivered is #DF(0)");
    idt32[GP].type |= 0x80;

    /* A gate into ring 1, whose stack is wrong in some way; #TS goes to ring 0. */
    const uint16_t ring1 = SCRATCH | 1, stack1 = SCRATCH + 8;
    gdt[SCRATCH / 8] = descriptor(0, 0xfffff, 0xbb, 0xc);
    idt32[TRAP].selector = ring1;
    tss32.esp1 = (uint32_t)TOP(ist_stack);
    static const struct { uint16_t selector; uint8_t access; uint64_t vector, error; const char *name; } cases[] = {
        { 1, 0xb3, TS, 0, "null" },
        { 0x1000 | 1, 0xb3, TS, 0x1000, "beyond the GDT" },
        { SCRATCH + 8 + 0, 0xb3, TS, SCRATCH + 8, "with an RPL of 0" },
        { (SCRATCH + 8) | 1, 0x93, TS, SCRATCH + 8, "of DPL 0" },
        { (SCRATCH + 8) | 1, 0xb1, TS, SCRATCH + 8, "read-only" },
        { (SCRATCH + 8) | 1, 0xbb, TS, SCRATCH + 8, "code" },
        { (SCRATCH + 8) | 1, 0x33, SS, SCRATCH + 8, "not present" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gdt[stack1 / 8] = descriptor(0, 0xfffff, cases[i].access, 0xc);
        tss32.ss1 = cases[i].selector;
        c = protected_user32(stack_int32);
        run(&c);
        if (cases[i].vector == SS)
            tcg_differs("#TS for a stack segment that is not present");
        ended(&c, cases[i].vector, cases[i].error, AT(stack_int32),
              text("stacks: ring 1's SS in the TSS is %s: #%s(selector)", cases[i].name,
                   cases[i].vector == TS ? "TS" : "SS"));
    }
    gdt[stack1 / 8] = descriptor(0, 0xfffff, 0xb3, 0xc);
    tss32.ss1 = stack1 | 1;
    uint64_t usual = gdt[TSS32 / 8];
    gdt[TSS32 / 8] = descriptor((uint32_t)AT(&tss32), 0xb, 0x89, 0);
    c = protected_user32(stack_int32);
    run(&c);
    ended(&c, TS, TSS32, AT(stack_int32), "stacks: ring 1's stack beyond the TSS's limit: #TS(TSS selector)");
    gdt[TSS32 / 8] = usual;
    idt32[TRAP].selector = CODE32;
}

void test_stacks(void)
{
    switches();
    second_exceptions();
    legacy_stacks();
}
