/* IRET in its forms: 16, 32 and 64 bits, to the same ring and to an outer one,
 * and what it refuses.
 *
 * A fragment pushes a frame, all of it from a table of quadwords or doublewords
 * in memory, and executes IRET. Specification: Intel SDM volume 2, IRET; AMD APM
 * volume 3, IRET. Deliberately absent: the return to virtual-8086 mode, the
 * return by a task link but for its refusal in long mode, NMI's blocking. */
#include "processor.h"

FRAGMENT(iret_q, "movq %rdi, %rsp\n iret_q_at: iretq"); LABEL(iret_q_at);
FRAGMENT(iret_l, "movq %rdi, %rsp\n iret_l_at: iretl"); LABEL(iret_l_at);
FRAGMENT32(iret_32, "movl %edi, %esp\n iret_32_at: iretl"); LABEL(iret_32_at);
FRAGMENT32(iret_16, "movl %edi, %esp\n iret_16_at: iretw"); LABEL(iret_16_at);
FRAGMENT16(iret_landing16, "movl %esp, %ebx");
FRAGMENT(iret_landing, "movq %rsp, %rbx\n movl %ss, %edx"); FRAGMENT32(iret_landing32, "movl %esp, %ebx\n movl %ss, %edx");

/* The frame lies on a stack of its own, so that a fault leaves it alone. */
static uint8_t frame_stack[512] __attribute__((aligned(64)));
#define FRAME (frame_stack + 256)

static struct context returning64(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t rsp, uint64_t ss)
{
    uint64_t *frame = (uint64_t *)FRAME;
    frame[0] = rip;
    frame[1] = cs;
    frame[2] = flags;
    frame[3] = rsp;
    frame[4] = ss;
    struct context c = kernel64(iret_q);
    c.rdi = AT(FRAME);
    return c;
}

static struct context returning32(uint32_t eip, uint32_t cs, uint32_t flags, uint32_t esp, uint32_t ss)
{
    uint32_t *frame = (uint32_t *)FRAME;
    frame[0] = eip;
    frame[1] = cs;
    frame[2] = flags;
    frame[3] = esp;
    frame[4] = ss;
    struct context c = protected32(iret_32);
    c.rdi = AT(FRAME);
    return c;
}

static void in_64_bits(void)
{
    const uint64_t stack = TOP(fragment_stack), user_stack = stack + USER_BASE;
    struct context c = returning64(AT(iret_landing), CODE64, FLAG_ONE | FLAG_ZF, stack - 24, DATA);
    run(&c);
    finished(&c, c.rbx == stack - 24 && c.rdx == DATA && (c.rflags & FLAG_ZF), "interrupt returns: IRETQ in one ring takes RSP and SS");
    c = returning64(AT(iret_landing), CODE64, FLAG_ONE, stack, 0);
    run(&c);
    finished(&c, c.rdx == 0, "interrupt returns: IRETQ to a null SS in ring 0");
    c = returning64(AT(iret_landing32), CODE32, FLAG_ONE, stack, DATA);
    run(&c);
    finished(&c, c.cs == CODE32 && c.rbx == stack, "interrupt returns: IRETQ to compatibility mode in ring 0");
    c = returning64(USER_AT(iret_landing), USER_CODE64 | 3, FLAG_ONE | FLAG_IF | FLAG_IOPL, user_stack, USER_DATA | 3);
    run(&c);
    finished(&c, c.cs == (USER_CODE64 | 3) && (c.rflags & FLAG_IOPL) == FLAG_IOPL && c.ds == 0 && c.es == 0,
             "interrupt returns: IRETQ to ring 3 sets IOPL and empties DS and ES of DPL 0");
    c = returning64(USER_AT(iret_landing), USER_CODE64 | 3, FLAG_ONE, user_stack, USER_DATA | 3);
    c.ds = c.es = USER_DATA | 3;
    run(&c);
    finished(&c, c.ds == (USER_DATA | 3) && c.es == (USER_DATA | 3), "interrupt returns: but not if their DPL is 3");
    uint32_t *short_frame = (uint32_t *)FRAME;
    short_frame[0] = (uint32_t)AT(iret_landing);
    short_frame[1] = CODE64;
    short_frame[2] = FLAG_ONE;
    short_frame[3] = (uint32_t)stack - 40;
    short_frame[4] = DATA;
    c = kernel64(iret_l);
    c.rdi = AT(FRAME);
    run(&c);
    finished(&c, c.rbx == stack - 40, "interrupt returns: IRETD in 64-bit mode");
    c = user64(iret_q);
    uint64_t *frame = (uint64_t *)FRAME;
    frame[0] = USER_AT(iret_landing);
    frame[1] = USER_CODE64 | 3;
    frame[2] = FLAG_ONE | FLAG_IF | FLAG_IOPL | FLAG_CF;
    frame[3] = user_stack;
    frame[4] = USER_DATA | 3;
    c.rdi = AT(FRAME) + USER_BASE;
    run(&c);
    finished(&c, (c.rflags & (FLAG_IF | FLAG_IOPL | FLAG_CF)) == FLAG_CF, "interrupt returns: ring 3 changes neither IF nor IOPL");

    static const struct { uint16_t cs, ss; uint8_t access; uint64_t vector, error; const char *name; } refused[] = {
        { 0, DATA, 0x9b, GP, 0, "a null CS" },
        { 0x1000, DATA, 0x9b, GP, 0x1000, "a CS beyond the GDT" },
        { DATA, DATA, 0x9b, GP, DATA, "a CS that is data" },
        { SCRATCH, DATA, 0x1b, NP, SCRATCH, "a CS that is not present" },
        { SCRATCH, DATA, 0xfb, GP, SCRATCH, "a CS of DPL 3 by RPL 0" },
        { CODE64 | 3, USER_DATA | 3, 0x9b, GP, CODE64, "a CS of DPL 0 by RPL 3" },
        { USER_CODE64 | 3, DATA, 0x9b, GP, DATA, "an SS of DPL 0 for ring 3" },
        { USER_CODE64 | 3, USER_DATA, 0x9b, GP, USER_DATA, "an SS of RPL 0 for ring 3" },
        { USER_CODE64 | 3, SCRATCH | 3, 0xf1, GP, SCRATCH, "a read-only SS" },
        { USER_CODE64 | 3, SCRATCH | 3, 0x73, SS, SCRATCH, "an SS that is not present" },
        { USER_CODE32 | 3, 3, 0x9b, GP, 0, "a null SS for 32-bit code of ring 3" },
        { USER_CODE64 | 3, 3, 0x9b, GP, 0, "a null SS for 64-bit code of ring 3" },
    };
    for (uint32_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        gdt[SCRATCH / 8] = descriptor(0, 0xfffff, refused[i].access, 0xa);
        c = returning64(USER_AT(iret_landing), refused[i].cs, FLAG_ONE, user_stack, refused[i].ss);
        run(&c);
        if (refused[i].vector == SS)
            tcg_differs("IRET to an SS that is not present is #NP");
        ended(&c, refused[i].vector, refused[i].error, AT(iret_q_at), text("interrupt returns: IRETQ to %s", refused[i].name));
    }
    c = returning64(1ull << 47, CODE64, FLAG_ONE, stack, DATA);
    run(&c);
    tcg_differs("a jump faults at its target");
    ended(&c, GP, 0, AT(iret_q_at), "interrupt returns: IRETQ to a non-canonical RIP is #GP(0)");
    c = returning64(AT(iret_landing), CODE64, FLAG_ONE, stack, DATA);
    c.rflags |= FLAG_NT;
    run(&c);
    ended(&c, GP, 0, AT(iret_q_at), "interrupt returns: IRETQ with NT is #GP(0) in long mode");
    c = returning64(AT(iret_landing), CODE64, FLAG_ONE, stack, DATA);
    c.rdi = 1ull << 47;
    idt[SS].ist = idt[GP].ist = 2;
    tss.ist[1] = TOP(trap_stack);
    run(&c);
    reset_gate(SS);
    reset_gate(GP);
    tcg_differs("#GP, never #SS, for stack references");
    ended(&c, SS, 0, AT(iret_q_at), "interrupt returns: IRETQ from a non-canonical RSP is #SS(0)");
}

static void in_32_bits(void)
{
    const uint32_t stack = (uint32_t)TOP(fragment_stack);
    struct context c = returning32((uint32_t)AT(iret_landing32), CODE32, FLAG_ONE | FLAG_ZF, 0, 0);
    run(&c);
    finished(&c, c.rbx == AT(FRAME) + 12 && (c.rflags & FLAG_ZF), "interrupt returns: IRETD in one ring takes three doublewords");
    c = returning32((uint32_t)AT(iret_landing32), USER_CODE32 | 3, FLAG_ONE, stack - 8, USER_DATA | 3);
    run(&c);
    finished(&c, c.rbx == stack - 8 && c.rdx == (USER_DATA | 3) && c.ds == 0 && c.es == 0,
             "interrupt returns: IRETD to ring 3 takes ESP and SS, and empties DS and ES");
    uint16_t *words = (uint16_t *)FRAME;
    words[0] = (uint16_t)REAL_AT(iret_landing16);
    words[1] = CODE16;
    words[2] = FLAG_ONE | FLAG_ZF;
    c = protected32(iret_16);
    c.rdi = AT(FRAME);
    run(&c);
    finished(&c, c.cs == CODE16 && c.rbx == AT(FRAME) + 6 && (c.rflags & FLAG_ZF), "interrupt returns: IRET of 16 bits, to 16-bit code");
    static const struct { uint16_t cs, ss; uint8_t access; uint64_t vector, error; const char *name; } refused[] = {
        { 0, DATA, 0x9b, GP, 0, "a null CS" },
        { DATA, DATA, 0x9b, GP, DATA, "a CS that is data" },
        { SCRATCH, DATA, 0x1b, NP, SCRATCH, "a CS that is not present" },
        { SCRATCH, DATA, 0xff, GP, SCRATCH, "conforming code of DPL 3 by RPL 0" },
        { CODE32 | 3, USER_DATA | 3, 0x9b, GP, CODE32, "a CS of DPL 0 by RPL 3" },
        { USER_CODE32 | 3, 0, 0x9b, GP, 0, "a null SS for ring 3" },
        { USER_CODE32 | 3, DATA | 3, 0x9b, GP, DATA, "an SS of DPL 0 for ring 3" },
        { USER_CODE32 | 3, SCRATCH | 3, 0x73, SS, SCRATCH, "an SS that is not present" },
    };
    for (uint32_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        gdt[SCRATCH / 8] = descriptor(0, 0xfffff, refused[i].access, 0xc);
        c = returning32((uint32_t)AT(iret_landing32), refused[i].cs, FLAG_ONE, stack, refused[i].ss);
        run(&c);
        if (refused[i].vector == SS)
            tcg_differs("IRET to an SS that is not present is #NP");
        ended(&c, refused[i].vector, refused[i].error, AT(iret_32_at), text("interrupt returns: IRETD to %s", refused[i].name));
    }
    gdt[SCRATCH / 8] = descriptor(0, 0xff, 0x9b, 4);
    c = returning32((uint32_t)AT(iret_landing32), SCRATCH, FLAG_ONE, 0, 0);
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, AT(iret_32_at), "interrupt returns: IRETD beyond the limit of CS is #GP(0)");
}

void test_interrupt_returns(void)
{
    in_64_bits();
    in_32_bits();
}
