/* When an interrupt is taken: IF, the shadows of STI and MOV SS, HLT.
 *
 * The 8254 timer asks through the 8259 pair; the pair's request register says
 * when an interrupt is pending. Specification: Intel SDM volume 3A, 6.8; volume
 * 2, STI, HLT, MOV; 8259A and 8254 data sheets. Deliberately absent: the local
 * APIC but for letting the pair through, NMI. */
#include "processor.h"
#include "pic.h"
#include "ports.h"

/* The local APIC lets the pair through, as lib/lapic.c has it for 32 bits. */
static void virtual_wire(void)
{
    volatile uint32_t *apic = (volatile uint32_t *)(uintptr_t)0xfee00000u;
    apic[0xf0 / 4] = 0x1ff;     /* on, spurious vector 0xff */
    apic[0x350 / 4] = 0x700;    /* LINT0: ExtINT */
}

/* One interrupt, 0.1 ms from now, and then none for 55 ms. */
static void ask(void)
{
    outb(0x43, 0x30);           /* channel 0, mode 0: one change of the line */
    outb(0x40, 119);
    outb(0x40, 0);
}

static bool pending(void)
{
    outb(0x20, 0x0a);           /* read the request register */
    return inb(0x20) & 1;
}

/* Waits until the pair has the interrupt and the processor does not take it, and
 * then a while, as the way from one to the other may take its time. */
static bool ask_and_wait(void)
{
    ask();
    for (uint32_t i = 0; i < 2000000; i++)
        if (pending()) {
            for (uint32_t k = 0; k < 50000; k++)
                __asm__ volatile("pause");
            return true;
        }
    return false;
}

FRAGMENT(take_now, "nop\n nop");
FRAGMENT(sti_shadow, "sti\n sti_shadow_1: nop\n sti_shadow_2: nop\n"); LABEL(sti_shadow_1); LABEL(sti_shadow_2);
FRAGMENT(sti_cli, "sti\n cli\n nop"); FRAGMENT(sti_sti, "sti\n sti\n sti_sti_1: nop\n sti_sti_2: nop"); LABEL(sti_sti_2); LABEL(sti_sti_1);
FRAGMENT(ss_shadow, "movl %ss, %eax\n sti\n movl %eax, %ss\n ss_shadow_1: nop\n ss_shadow_2: nop"); LABEL(ss_shadow_1); LABEL(ss_shadow_2);
FRAGMENT(sti_halt, "sti\n hlt\n sti_halt_after: nop"); LABEL(sti_halt_after);
FRAGMENT(popf_takes, "pushq $0x202\n popfq\n popf_takes_at: nop"); LABEL(popf_takes_at);
FRAGMENT(long_rep, "long_rep_at: rep stosb"); LABEL(long_rep_at);
FRAGMENT(spin, "1: incq %rax\n jmp 1b");

static bool expect_interrupt(struct context *c, const char *at, const char *name)
{
    run(c);
    bool good = ended(c, PIC_VECTOR, NO_ERROR, at ? AT(at) : 0, name);
    if (c->vector == PIC_VECTOR)
        pic_end_of_interrupt(0);
    return good;
}

void test_interrupts(void)
{
    pic_start();
    virtual_wire();
    pic_unmask(0);
    if (!check(ask_and_wait(), "interrupts: the timer asks within a second"))
        return;
    struct context c = kernel64(take_now);
    run(&c);
    finished(&c, true, "interrupts: with IF clear a pending one waits");
    c = kernel64(take_now);
    c.rflags |= FLAG_IF;
    expect_interrupt(&c, take_now, "interrupts: IRET that sets IF: it comes before the next instruction");
    held(&c, !(c.handler_flags & FLAG_IF) && (c.rflags & FLAG_IF) && !(c.rflags & FLAG_RF), "interrupts: IF is saved and cleared, RF is not set");
    ask_and_wait();
    c = kernel64(sti_shadow);
    expect_interrupt(&c, sti_shadow_2, "interrupts: STI: it comes after one more instruction");
    ask_and_wait();
    c = kernel64(sti_cli);
    run(&c);
    finished(&c, true, "interrupts: STI and CLI: it does not come");
    c = kernel64(sti_sti);
    run(&c);
    pic_end_of_interrupt(0);
    held(&c, c.vector == PIC_VECTOR && (c.rip == AT(sti_sti_1) || c.rip == AT(sti_sti_2)), "interrupts: STI twice: the second has no shadow");
    ask_and_wait();
    c = kernel64(ss_shadow);
    run(&c);
    if (c.vector == PIC_VECTOR)
        pic_end_of_interrupt(0);
    held(&c, c.vector == PIC_VECTOR && (c.rip == AT(ss_shadow_1) || c.rip == AT(ss_shadow_2)),
         "interrupts: STI and MOV SS: it comes after either shadow");
    ask_and_wait();
    c = kernel64(popf_takes);
    expect_interrupt(&c, popf_takes_at, "interrupts: POPF that sets IF has no shadow");
    ask_and_wait();
    c = user64(take_now);
    c.rflags |= FLAG_IF;
    run(&c);
    pic_end_of_interrupt(0);
    held(&c, c.vector == PIC_VECTOR && c.rip == USER_AT(take_now) && c.frame == TOP(trap_stack) - 40,
         "interrupts: from ring 3, on ring 0's stack");
    ask();
    c = kernel64(sti_halt);
    expect_interrupt(&c, sti_halt_after, "interrupts: one ends HLT, and RIP is after it");
    ask_and_wait();
    c = kernel64(sti_halt);
    run(&c);
    pic_end_of_interrupt(0);
    held(&c, c.vector == PIC_VECTOR && c.rip == AT(sti_halt_after), "interrupts: one that is pending before STI and HLT ends HLT too");
    ask();
    c = kernel64(spin);
    c.rflags |= FLAG_IF;
    expect_interrupt(&c, 0, "interrupts: one comes amid a loop without exits");
    static uint8_t target[4096];
    ask();
    uint64_t rounds = 0;
    do {
        c = kernel64(long_rep);
        c.rflags |= FLAG_IF;
        c.rcx = sizeof target;
        c.rdi = AT(target);
        c.rax = 0x5a;
        run(&c);
    } while (c.vector == END && ++rounds < 1000000);
    pic_end_of_interrupt(0);
    bool good = c.vector == PIC_VECTOR;
    if (c.rip == AT(long_rep_at))
        good &= c.rcx + (c.rdi - AT(target)) == sizeof target;
    else
        good &= c.rcx == 0;
    held(&c, good, "interrupts: one that comes amid REP STOSB leaves its registers at an iteration");
    c.rflags &= ~(uint64_t)FLAG_IF;
    run(&c);
    finished(&c, c.rcx == 0 && target[4095] == 0x5a, "interrupts: from which it goes on");
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}
