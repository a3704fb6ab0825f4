/* Segmentation where it counts: protected mode without paging, and what is left
 * of it in long mode.
 *
 * Fragments load descriptors that tests write into SCRATCH, and access memory
 * through them. In 64-bit mode only FS and GS have bases, and no segment has a
 * limit. Specification: Intel SDM volume 3A, chapters 3 and 5; AMD APM volume 2,
 * chapter 4. Deliberately absent: tasks. */
#include "processor.h"

static uint8_t memory[256] __attribute__((aligned(256)));

/* Loads ES, FS with the selector in DI; reads and writes by ES at ESI. */
FRAGMENT32(load_es32, "load_es32_at: movw %di, %es"); LABEL(load_es32_at);
FRAGMENT32(load_ss32, "movl %ss, %edx\n load_ss32_at: movw %di, %ss\n movw %dx, %ss"); LABEL(load_ss32_at);
FRAGMENT32(read_es32, "movw %di, %es\n read_es32_at: movl %es:(%esi), %eax"); LABEL(read_es32_at);
FRAGMENT32(write_es32, "movw %di, %es\n write_es32_at: movl %eax, %es:(%esi)"); LABEL(write_es32_at);
FRAGMENT32(read_by_cs, "read_by_cs_at: movl %cs:(%esi), %eax"); LABEL(read_by_cs_at);
FRAGMENT32(write_by_cs, "write_by_cs_at: movl %eax, %cs:(%esi)"); LABEL(write_by_cs_at);
FRAGMENT32(pop_es32, "pushl %edi\n pop_es32_at: popl %es"); LABEL(pop_es32_at);
FRAGMENT32(les32, "les32_at: les (%ebx), %eax\n movl %es, %ecx"); LABEL(les32_at);
FRAGMENT32(push_ss16, "movl %ss, %edx\n movl %esp, %ebp\n movw %di, %ss\n movl $0x12340000, %esp\n pushl %eax\n movl %esp, %ecx\n"
                      "movw %dx, %ss\n movl %ebp, %esp");
FRAGMENT32(push_limit, "movw %di, %ss\n movl %esi, %esp\n push_limit_at: pushl %eax"); LABEL(push_limit_at);

static struct context load(const char *fragment, uint16_t selector, bool user)
{
    struct context c = user ? protected_user32(fragment) : protected32(fragment);
    c.rdi = selector;
    return c;
}

static void scratch(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    gdt[SCRATCH / 8] = descriptor(base, limit, access, flags);
}

static void loads(void)
{
    static const struct {
        uint16_t selector; uint8_t access; bool user; uint64_t es, ss; const char *name;
    } cases[] = {
        /* what loading ES gives, and SS: END is fine, else a vector whose error is the selector */
        { SCRATCH, 0x93, false, END, END, "writable data, ring 0" },
        { SCRATCH, 0x91, false, END, GP, "read-only data, ring 0" },
        { SCRATCH, 0x97, false, END, END, "expand-down data, ring 0" },
        { SCRATCH, 0x9b, false, END, GP, "readable code, ring 0" },
        { SCRATCH, 0x99, false, GP, GP, "execute-only code, ring 0" },
        { SCRATCH, 0x13, false, NP, SS, "data that is not present, ring 0" },
        { SCRATCH, 0x89, false, GP, GP, "a TSS, ring 0" },
        { SCRATCH, 0xf3, false, END, GP, "DPL 3, ring 0" },
        { SCRATCH | 3, 0xf3, false, END, GP, "DPL 3 by RPL 3, ring 0" },
        { SCRATCH | 3, 0x93, false, GP, GP, "DPL 0 by RPL 3, ring 0" },
        { SCRATCH | 3, 0xf3, true, END, END, "DPL 3 by RPL 3, ring 3" },
        { SCRATCH, 0xf3, true, END, GP, "DPL 3 by RPL 0, ring 3" },
        { SCRATCH | 3, 0x93, true, GP, GP, "DPL 0, ring 3" },
        { SCRATCH | 3, 0xd3, true, GP, GP, "DPL 2, ring 3" },
        { SCRATCH | 3, 0x9f, true, END, GP, "conforming code of DPL 0, ring 3" },
        { SCRATCH | 3, 0x9b, true, GP, GP, "code of DPL 0 that does not conform, ring 3" },
        { 0x1000, 0x93, false, GP, GP, "a selector beyond the GDT" },
        { SCRATCH | 4, 0x93, false, GP, GP, "a selector in an LDT that is not there" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scratch(0, 0xfffff, cases[i].access, 0xc);
        struct context c = load(load_es32, cases[i].selector, cases[i].user);
        run(&c);
        uint64_t error = cases[i].selector & 0xfffc;
        ended(&c, cases[i].es, cases[i].es == END ? NO_ERROR : error, cases[i].es == END ? 0 : AT(load_es32_at),
              text("segments: MOV ES, %s", cases[i].name));
        scratch(0, 0xfffff, cases[i].access, 0xc);
        c = load(load_ss32, cases[i].selector, cases[i].user);
        run(&c);
        ended(&c, cases[i].ss, cases[i].ss == END ? NO_ERROR : error, cases[i].ss == END ? 0 : AT(load_ss32_at),
              text("segments: MOV SS, %s", cases[i].name));
    }
    scratch(0, 0xfffff, 0x92, 0xc);
    struct context c = load(load_es32, SCRATCH, false);
    run(&c);
    finished(&c, (gdt[SCRATCH / 8] >> 40 & 0xff) == 0x93, "segments: loading sets the accessed bit");
    scratch(0, 0xfffff, 0x12, 0xc);
    c = load(load_es32, SCRATCH, false);
    run(&c);
    held(&c, c.vector == NP && (gdt[SCRATCH / 8] >> 40 & 0xff) == 0x12, "segments: a refused load does not");
    c = load(load_ss32, 0, false);
    run(&c);
    ended(&c, GP, 0, AT(load_ss32_at), "segments: a null selector in SS is #GP(0)");
    for (uint16_t null = 0; null < 4; null++) {
        c = load(load_es32, null, true);
        run(&c);
        finished(&c, c.es == null, text("segments: the null selector %u in ES is no fault", null));
    }
    c = load(read_es32, 0, false);
    c.rsi = AT(memory);
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, AT(read_es32_at), "segments: but an access through it is #GP(0)");
    scratch(0, 0xfffff, 0x13, 0xc);
    c = load(pop_es32, SCRATCH, false);
    run(&c);
    ended(&c, NP, SCRATCH, AT(pop_es32_at), "segments: POP ES of a segment that is not present");
    held(&c, c.rsp == TOP(fragment_stack) - 4, "segments: and ESP is as before it");
    static struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) far_data = { 0x12345678, SCRATCH };
    scratch(0, 0xfffff, 0x93, 0xc);
    c = load(les32, 0, false);
    c.rbx = AT(&far_data);
    run(&c);
    finished(&c, c.rax == 0x12345678 && c.rcx == SCRATCH, "segments: LES loads both");
    far_data.selector = 0x1000;
    c = load(les32, 0, false);
    c.rbx = AT(&far_data);
    c.rax = 7;
    run(&c);
    ended(&c, GP, 0x1000, AT(les32_at), "segments: LES of a wrong selector");
    held(&c, c.rax == 7, "segments: and the register is as before it");
}

static void limits(void)
{
    static const struct {
        uint32_t limit; uint8_t access, flags; uint32_t offset; bool write, good; const char *name;
    } cases[] = {
        { 15, 0x93, 4, 12, false, true, "the last bytes of a byte-granular segment" },
        { 15, 0x93, 4, 13, false, false, "one beyond the limit" },
        { 15, 0x93, 4, 13, true, false, "a write one beyond the limit" },
        { 15, 0x93, 4, 0xfffffffe, false, false, "an offset that wraps around" },
        { 0, 0x93, 0xc, 0xffc, false, true, "the last bytes of one page" },
        { 0, 0x93, 0xc, 0xffd, false, false, "one beyond one page" },
        { 15, 0x97, 4, 16, true, true, "the first bytes of an expand-down segment" },
        { 15, 0x97, 4, 15, true, false, "one below an expand-down segment" },
        { 15, 0x97, 4, 0x20000, false, true, "a high offset of an expand-down segment with B" },
        { 15, 0x97, 0, 0xfffd, false, false, "an offset beyond 64 KiB of one without B" },
        { 15, 0x97, 0, 0xfffc, false, true, "the last bytes of one without B" },
        { 0xfffff, 0x91, 0xc, 0, true, false, "a write of a read-only segment" },
        { 0xfffff, 0x91, 0xc, 0, false, true, "a read of a read-only segment" },
        { 0xfffff, 0x9b, 0xc, 0, true, false, "a write of a code segment" },
        { 0xfffff, 0x9b, 0xc, 0, false, true, "a read of a code segment" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scratch((uint32_t)AT(memory), cases[i].limit, cases[i].access, cases[i].flags);
        struct context c = load(cases[i].write ? write_es32 : read_es32, SCRATCH, false);
        c.rsi = cases[i].offset;
        run(&c);
        tcg_differs("no check of a segment's type or limit");
        if (cases[i].good)
            finished(&c, true, text("segments: %s", cases[i].name));
        else
            ended(&c, GP, 0, AT(cases[i].write ? write_es32_at : read_es32_at), text("segments: %s", cases[i].name));
    }
    memory[16] = 0x5a;
    scratch((uint32_t)AT(memory), 0xff, 0x93, 4);
    struct context c = load(read_es32, SCRATCH, true);
    gdt[SCRATCH / 8] |= 3ull << 45;
    c.rdi |= 3;
    c.rsi = 16;
    run(&c);
    finished(&c, (c.rax & 0xff) == 0x5a, "segments: the base is added");
    scratch((uint32_t)AT(memory) + 0x1000, 0xfffff, 0x93, 0xc);
    c = load(read_es32, SCRATCH, false);
    c.rsi = 0xfffff010;
    run(&c);
    finished(&c, (c.rax & 0xff) == 0x5a, "segments: the sum wraps around at 4 GiB");

    gdt[SCRATCH / 8] = descriptor(0, 0xfffff, 0x99, 0xc);
    c = protected32(read_by_cs);
    c.cs = SCRATCH;
    c.rsi = AT(memory);
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, AT(read_by_cs_at), "segments: a read by an execute-only CS");
    c = protected32(write_by_cs);
    c.rsi = AT(memory);
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, AT(write_by_cs_at), "segments: a write by CS");

    /* A 16-bit stack moves SP alone. Its base is that of DATA16. */
    c = load(push_ss16, DATA16, false);
    c.rax = 0x600df00d;
    run(&c);
    uint32_t address = REAL_DATA + 0xfffc;
    volatile uint32_t *pushed;
    __asm__("movl %1, %k0" : "=r"(pushed) : "r"(address));
    finished(&c, c.rcx == 0x1234fffc && *pushed == 0x600df00d, "segments: a 16-bit stack moves SP alone");
    gdt[SCRATCH / 8] = descriptor(0, 0x10, 0xf3, 0xc);  /* 68 KiB, ring 3: #SS is delivered to ring 0 */
    c = load(push_limit, SCRATCH | 3, true);
    c.rsi = 0x400000;
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, SS, 0, AT(push_limit_at), "segments: a push beyond the stack's limit is #SS(0)");
}

FRAGMENT32(far_jump32, "movl %esp, %ebp\n far_jump32_at: ljmp *(%ebx)"); LABEL(far_jump32_at);
FRAGMENT32(landing32, "movl %cs, %eax"); FRAGMENT32(beyond_limit, "beyond_limit_at: jmp *%esi\n .balign 16"); LABEL(beyond_limit_at);
FRAGMENT32(far_call32, "far_call32_at: lcall *(%ebx)\n far_call32_after: movl $77, %ecx");
LABEL(far_call32_at); LABEL(far_call32_after);
FRAGMENT32(returns32, "movl %cs, %eax\n lret");
FRAGMENT32(returns32_pops, "movl (%esp), %eax\n lret $8");
FRAGMENT32(far_return32, "pushl %edi\n pushl %esi\n far_return32_at: lret"); LABEL(far_return32_at);

struct far { uint32_t offset; uint16_t selector; } __attribute__((packed));

static struct context far_to(const char *fragment, uint32_t offset, uint16_t selector, bool user)
{
    static struct far target;
    target = (struct far){ offset, selector };
    struct context c = load(fragment, 0, user);
    c.rbx = AT(&target);
    return c;
}

static void far_transfers(void)
{
    static const struct {
        uint16_t selector; uint8_t access; bool user; uint64_t vector; const char *name;
    } cases[] = {
        { SCRATCH, 0x9b, false, END, "code of the same ring" },
        { SCRATCH, 0x99, false, END, "execute-only code" },
        { SCRATCH, 0x93, false, GP, "data" },
        { SCRATCH, 0x1b, false, NP, "code that is not present" },
        { SCRATCH, 0xfb, false, GP, "code of DPL 3 from ring 0" },
        { SCRATCH | 3, 0x9b, false, GP, "code of DPL 0 by RPL 3" },
        { SCRATCH | 3, 0x9b, true, GP, "code of DPL 0 from ring 3" },
        { SCRATCH, 0xfb, true, END, "code of DPL 3 by RPL 0 from ring 3" },
        { SCRATCH | 3, 0x9f, true, END, "conforming code of DPL 0 from ring 3" },
        { SCRATCH, 0xff, false, GP, "conforming code of DPL 3 from ring 0" },
        { 0x1000, 0x9b, false, GP, "a selector beyond the GDT" },
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scratch(0, 0xfffff, cases[i].access, 0xc);
        struct context c = far_to(far_jump32, (uint32_t)AT(landing32), cases[i].selector, cases[i].user);
        run(&c);
        if (cases[i].vector == END)
            finished(&c, c.rax == ((cases[i].selector & ~3u) | (cases[i].user ? 3 : 0)),
                     text("segments: a far jump to %s", cases[i].name));
        else
            ended(&c, cases[i].vector, cases[i].selector & 0xfffc, AT(far_jump32_at),
                  text("segments: a far jump to %s", cases[i].name));
    }
    struct context c = far_to(far_jump32, (uint32_t)AT(landing32), 0, false);
    run(&c);
    ended(&c, GP, 0, AT(far_jump32_at), "segments: a far jump to a null selector is #GP(0)");
    scratch(0, 0x8f, 0x9b, 0xc);                /* less than 1 MiB: the image lies beyond */
    c = far_to(far_jump32, (uint32_t)AT(landing32), SCRATCH, false);
    run(&c);
    ended(&c, GP, 0, AT(far_jump32_at), "segments: a far jump beyond the code segment's limit is #GP(0)");
    gdt[SCRATCH / 8] = descriptor((uint32_t)AT(beyond_limit), 15, 0x9b, 4);
    c = protected32(beyond_limit);
    c.cs = SCRATCH;
    c.rip = 0;
    c.rsi = 16;
    run(&c);
    tcg_differs("no check of a segment's type or limit");
    ended(&c, GP, 0, AT(beyond_limit_at) - AT(beyond_limit), "segments: a near jump beyond the code segment's limit is #GP(0)");

    scratch(0, 0xfffff, 0x9b, 0xc);
    c = far_to(far_call32, (uint32_t)AT(returns32), SCRATCH, false);
    run(&c);
    finished(&c, c.rax == SCRATCH && c.rcx == 77 && c.cs == CODE32, "segments: a far call and its return");
    c = far_to(far_call32, (uint32_t)AT(returns32_pops), SCRATCH, false);
    run(&c);
    finished(&c, c.rax == AT(far_call32_after) && c.rsp == TOP(fragment_stack) + 8, "segments: a far return that pops eight bytes");
    c = far_to(far_call32, (uint32_t)AT(returns32), DATA, false);
    run(&c);
    ended(&c, GP, DATA, AT(far_call32_at), "segments: a far call to data");
    held(&c, c.rsp == TOP(fragment_stack), "segments: pushes nothing");
    c = load(far_return32, USER_CODE32, false);
    c.rsi = AT(nothing32);
    run(&c);
    ended(&c, GP, USER_CODE32, AT(far_return32_at), "segments: a far return to DPL 3 by RPL 0 is #GP(selector)");
    c = load(far_return32, CODE32, true);
    c.rsi = AT(nothing32);
    run(&c);
    ended(&c, GP, CODE32, AT(far_return32_at), "segments: a far return to a more privileged ring is #GP(selector)");
    c = load(far_return32, 0, false);
    run(&c);
    ended(&c, GP, 0, AT(far_return32_at), "segments: a far return to a null selector is #GP(0)");
}

void test_segments(void)
{
    loads();
    limits();
    far_transfers();
}
