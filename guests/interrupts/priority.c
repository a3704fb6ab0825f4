/* Which request is taken, and when: IRR, ISR, TPR, PPR, CR8, EOI.
 *
 * All requests are the processor's own, by the shorthand "self". Specification: Intel
 * SDM volume 3A, "Interrupt, Task, and Processor Priority", "Signaling Interrupt
 * Servicing Completion". Deliberately absent: the arbitration priority register. */
#include "apic.h"
#include "check.h"
#include "sections.h"
#include "wires.h"

enum { LOW = 0x41, MIDDLE = 0x61, SAME_CLASS = 0x6f, HIGH = 0x91 };

static void to_self(uint8_t vector) { ipi(0, ICR_SELF | vector); }

static struct {
    volatile uint32_t ppr;
    volatile bool in_service, requested, nested, later_came, waits, ended_highest;
} seen;

static void look(uint8_t vector)
{
    seen.ppr = apic_read(APIC_PPR);
    seen.in_service = apic_bit(APIC_ISR, vector);
    seen.requested = apic_bit(APIC_IRR, vector);
    apic_eoi();
}

/* In service at MIDDLE: the test sends others and opens interrupts. */
static void hold_and_send(uint8_t vector)
{
    (void)vector;
    volatile uint32_t *count = this_cpu()->count;
    to_self(LOW);
    to_self(SAME_CLASS);
    to_self(HIGH);
    interrupts_on();
    seen.nested = AWAIT(count[HIGH] == 1);
    spend(GRACE);
    interrupts_off();
    seen.later_came = count[LOW] || count[SAME_CLASS];
    seen.waits = apic_bit(APIC_IRR, LOW) && apic_bit(APIC_IRR, SAME_CLASS);
    seen.ppr = apic_read(APIC_PPR);
    apic_eoi();
}

/* Two in service: the EOI ends HIGH's, though MIDDLE was first. */
static void end_inner(uint8_t vector)
{
    (void)vector;
    apic_eoi();
    seen.ended_highest = apic_bit(APIC_ISR, MIDDLE) && !apic_bit(APIC_ISR, HIGH);
}

static void nest(uint8_t vector)
{
    (void)vector;
    to_self(HIGH);
    interrupts_on();
    AWAIT(this_cpu()->count[HIGH] == 1);
    interrupts_off();
    apic_eoi();
}

static void send_again(uint8_t vector)
{
    if (this_cpu()->count[vector] == 1) {
        to_self(vector);
        seen.requested = apic_bit(APIC_IRR, vector) && apic_bit(APIC_ISR, vector);
    }
    apic_eoi();
}

static void requests(void)
{
    struct cpu *cpu = this_cpu();
    to_self(MIDDLE);
    check(AWAIT(apic_bit(APIC_IRR, MIDDLE)), "a request sets its bit in the IRR while interrupts are off");
    to_self(MIDDLE);
    check(arrives(MIDDLE, 1), "one that is made twice is taken once");
    check(apic_none(APIC_IRR) && apic_none(APIC_ISR), "and leaves nothing behind");

    handle(MIDDLE, look);
    to_self(MIDDLE);
    arrives(MIDDLE, 1);
    check(seen.in_service && !seen.requested, "taken, it moves from the IRR to the ISR");
    check(seen.ppr == (MIDDLE & 0xf0), "the PPR then is its class");
    check(apic_read(APIC_PPR) == 0, "and the TPR after the EOI");

    handle(MIDDLE, send_again);
    to_self(MIDDLE);
    check(AWAIT_OPEN(cpu->count[MIDDLE] == 2) && seen.requested, "one that is made again in its handler is requested and in service, and taken twice");
    handle(MIDDLE, 0);
    clear_counts();

    cpu->first_vector = 16;
    bool one_by_one = true;
    for (uint32_t v = 16; v < 256; v++) {
        to_self((uint8_t)v);
        AWAIT(apic_bit(APIC_IRR, (uint8_t)v));
        for (uint32_t i = 0; i < 8; i++)
            one_by_one &= apic_bits(APIC_IRR, i) == (i == v / 32 ? 1u << v % 32 : 0);
        AWAIT_OPEN(cpu->count[v] == 1);
        one_by_one &= cpu->count[v] == 1 && cpu->taken == v - 15;
        if (v == SPURIOUS_VECTOR && apic_bit(APIC_ISR, SPURIOUS_VECTOR))
            apic_eoi();
    }
    check(one_by_one, "each of the vectors 16 to 255 has its bit and comes as itself");
    clear_counts();
    for (uint32_t v = 16; v < 255; v++)
        to_self((uint8_t)v);
    bool all = AWAIT(apic_bits(APIC_IRR, 0) == 0xffff0000);
    for (uint32_t i = 1; i < 7; i++)
        all &= apic_read(APIC_IRR + i * 16) == 0xffffffff;
    check(all && apic_read(APIC_IRR + 7 * 16) == 0x7fffffff, "the IRR holds 239 requests at once");
    AWAIT_OPEN(cpu->count[16] == 1);
    bool descending = cpu->taken == 239;
    for (uint32_t i = 0; i < 239; i++)
        descending &= cpu->order[i] == 254 - i;
    check(descending, "they are taken from the highest vector down");
    cpu->first_vector = EXCEPTIONS;
    clear_counts();
}

static void nesting(void)
{
    handle(MIDDLE, hold_and_send);
    to_self(MIDDLE);
    AWAIT_OPEN(this_cpu()->count[LOW] == 1);
    check(seen.nested, "a higher class interrupts a handler before its EOI");
    check(!seen.later_came && seen.waits, "the same class and lower ones wait for the EOI");
    check(seen.ppr == (MIDDLE & 0xf0), "the PPR falls back to the class that is still in service");
    check(this_cpu()->count[LOW] == 1 && this_cpu()->count[SAME_CLASS] == 1 && this_cpu()->order[2] == SAME_CLASS && this_cpu()->order[3] == LOW,
          "after it they come, the higher first");
    clear_counts();

    handle(MIDDLE, nest);
    handle(HIGH, end_inner);
    to_self(MIDDLE);
    AWAIT_OPEN(this_cpu()->count[HIGH] == 1);
    check(seen.ended_highest, "an EOI ends the highest in service");
    check(apic_none(APIC_ISR), "the next one ends the other");
    handle_nothing();
    clear_counts();

    apic_eoi();
    check(apic_none(APIC_ISR) && apic_read(APIC_PPR) == 0, "an EOI with nothing in service does nothing");
    to_self(MIDDLE);
    AWAIT(apic_bit(APIC_IRR, MIDDLE));
    apic_eoi();
    check(apic_bit(APIC_IRR, MIDDLE) && arrives(MIDDLE, 1), "it ends no request either");
}

static void task_priority(void)
{
    apic_write(APIC_TPR, 0x65);
    check(apic_read(APIC_PPR) == 0x65, "the PPR is the TPR, all of it, with nothing in service");
    to_self(SAME_CLASS);
    to_self(LOW);
    check(stays_away(SAME_CLASS) && stays_away(LOW), "the TPR holds back its class and those below");
    check(apic_bit(APIC_IRR, SAME_CLASS) && apic_bit(APIC_IRR, LOW), "which stay requested");
    to_self(HIGH);
    check(arrives(HIGH, 1), "and lets higher ones through");
    clear_counts();
    apic_write(APIC_TPR, 0x50);
    check(arrives(SAME_CLASS, 1) && stays_away(LOW), "a lower one lets go what is above it now");
    apic_write(APIC_TPR, 0);
    check(arrives(LOW, 1), "and 0 all of them");

    handle(MIDDLE, look);
    apic_write(APIC_TPR, 0x33);
    to_self(MIDDLE);
    arrives(MIDDLE, 1);
    check(seen.ppr == 0x60, "in a handler the PPR is the higher class of TPR and ISR, and 0 below it");
    apic_write(APIC_TPR, 0xff);
    to_self(0xf0);
    check(stays_away(0xf0), "a TPR of class 15 holds back every fixed interrupt");
    check(total(SPURIOUS_VECTOR) == 0 && apic_none(APIC_ISR), "none of these was in service, nor spurious");
    apic_write(APIC_TPR, 0);
    arrives(0xf0, 1);
    handle(MIDDLE, 0);

    cr8_write(6);
    check(apic_read(APIC_TPR) == 0x60 && apic_read(APIC_PPR) == 0x60, "CR8 sets the TPR's class");
    to_self(SAME_CLASS);
    check(stays_away(SAME_CLASS), "and holds back as the TPR does");
    cr8_write(5);
    check(arrives(SAME_CLASS, 1), "and lets go");
    apic_write(APIC_TPR, 0x7c);
    check(cr8_read() == 7, "CR8 reads the TPR's class");
    cr8_write(8);
    check(apic_read(APIC_TPR) == 0x80, "setting CR8 clears the TPR's lower half");
    apic_write(APIC_TPR, 0x7c);
    cr8_write(7);
    check(apic_read(APIC_TPR) == 0x70, "also setting it to what it reads");
    cr8_write(0);
    check(apic_read(APIC_TPR) == 0, "CR8 of 0 opens everything");
    check(apic_none(APIC_TMR) || !apic_bit(APIC_TMR, MIDDLE), "the TMR has no bit of an edge");
}

/* The 8254 wakes it at last, so that a sleep that nothing else ends is a failed point and not the end of the guest. It does so 18 times a second, which a slow
 * host may take for one sleep: then it is tried again. */
static void sleeping(void)
{
    enum { TRIES = 10, RESCUES = 40 };
    volatile uint32_t *count = this_cpu()->count;
    bool ended = false;
    pin_set(PIT_PIN, this_cpu()->id, RESCUE_VECTOR);
    for (uint32_t i = 0; i < TRIES && !ended; i++) {
        pit_rate(0);
        drain();
        to_self(MIDDLE);
        AWAIT(apic_bit(APIC_IRR, MIDDLE));
        sleep();
        ended = count[MIDDLE] == 1 && count[RESCUE_VECTOR] == 0;
    }
    check(ended, "a request made before STI and HLT ends the HLT");
    clear_counts();

    /* Held back by the TPR it must not, so that something else has to. */
    apic_write(APIC_TPR, 0x70);
    to_self(MIDDLE);
    AWAIT(apic_bit(APIC_IRR, MIDDLE));
    apic_write(APIC_TIMER, HIGH);
    apic_write(APIC_INITIAL, 2000000);
    while (count[HIGH] + count[MIDDLE] == 0 && count[RESCUE_VECTOR] < RESCUES)
        sleep();
    check(count[HIGH] == 1 && count[MIDDLE] == 0, "one that the TPR holds back does not");
    apic_write(APIC_TIMER, LVT_MASKED);
    apic_write(APIC_TPR, 0);
    check(arrives(MIDDLE, 1), "and comes once the TPR lets it");
    pit_stop();
    pin_set(PIT_PIN, 0, PIN_MASKED);
    drain();
}

/* Interrupts on for the one instruction behind the shadow of STI, again and again. */
static void short_windows(void)
{
    enum { WINDOWS = 20 };
    volatile uint32_t *count = this_cpu()->count;
    uint32_t seen = 0;
    for (uint32_t i = 1; i <= WINDOWS; i++) {
        to_self(MIDDLE);
        AWAIT(apic_bit(APIC_IRR, MIDDLE));
        __asm__ volatile("sti; nop; cli" : : : "memory");
        seen += count[MIDDLE] == i;
        AWAIT_OPEN(count[MIDDLE] == i);
    }
    if (seen != WINDOWS)
        note("%u came in %u windows", seen, WINDOWS);
    check(seen == WINDOWS, "an interrupt comes in a window of one instruction");
    clear_counts();
}

void test_priority(void)
{
    requests();
    nesting();
    task_priority();
    sleeping();
    short_windows();
}
