/* Level-triggered interrupts: remote IRR, the EOI, and again while the wire is up.
 *
 * The serial port's wire stays up until somebody lets it go. Specification: Intel
 * 82093AA data sheet, "IOREDTBL"; Intel SDM volume 3A, "Signaling Interrupt Servicing
 * Completion". Deliberately absent: several pins with one vector. */
#include "apic.h"
#include "check.h"
#include "sections.h"
#include "wires.h"

enum { VECTOR = 0x5c, OTHER = 0x5d, AGAIN = 5 };

static struct { volatile bool remote_irr, trigger_mode, in_service, came_early; } seen;

static void serve(uint8_t vector)
{
    seen.remote_irr = pin_get(UART_PIN) & PIN_REMOTE_IRR;
    seen.trigger_mode = apic_bit(APIC_TMR, vector);
    seen.in_service = apic_bit(APIC_ISR, vector);
    uart_drop();
    apic_eoi();
}

/* Leaves the wire up for some rounds. */
static void neglect(uint8_t vector)
{
    if (this_cpu()->count[vector] == AGAIN)
        uart_drop();
    apic_eoi();
}

static void keep_in_service(uint8_t vector)
{
    (void)vector;
    spend(GRACE);
    seen.came_early = apic_bit(APIC_IRR, vector);
    uart_drop();
    uart_raise();
    spend(GRACE);
    seen.came_early |= apic_bit(APIC_IRR, vector);
    uart_drop();
    apic_eoi();
}

/* The line is looked after by the processor that got it, here the last. */
static void level_to(uint32_t index)
{
    pin_set(UART_PIN, cpus[index].id, PIN_LEVEL | VECTOR);
}

/* What remote IRR is left where an EOI was not heard, or a request too many, would fail what comes next, too. */
static void forget_level(void)
{
    pin_set(UART_PIN, 0, PIN_MASKED | VECTOR);
    drain();
}

static bool clear_again(void) { return AWAIT(!(pin_get(UART_PIN) & PIN_REMOTE_IRR)); }

static void triggers(void)
{
    handle(VECTOR, serve);
    level_to(0);
    check(stays_away(VECTOR), "nothing comes while the wire is down");
    uart_raise();
    check(AWAIT(apic_bit(APIC_IRR, VECTOR)) && apic_bit(APIC_TMR, VECTOR), "requested, its bit in the TMR is set");
    check(pin_get(UART_PIN) & PIN_REMOTE_IRR, "and remote IRR from then on");
    check(arrives(VECTOR, 1) && seen.remote_irr && seen.trigger_mode && seen.in_service, "in its handler all three are as they should be");
    check(clear_again(), "the EOI clears remote IRR");
    check(stays_away(VECTOR), "a wire that was let go before asks no more");

    forget_level();
    handle(VECTOR, neglect);
    level_to(0);
    uart_raise();
    AWAIT_OPEN(cpus[0].count[VECTOR] == AGAIN);
    spend_open(GRACE);
    check(cpus[0].count[VECTOR] == AGAIN, "while it is up, each EOI brings the interrupt again");
    check(clear_again(), "until it is let go");
    forget_level();

    handle(VECTOR, keep_in_service);
    level_to(0);
    uart_raise();
    AWAIT_OPEN(cpus[0].count[VECTOR] == 1);
    spend_open(GRACE);
    check(!seen.came_early && cpus[0].count[VECTOR] == 1, "between request and EOI it comes once, even if its wire falls and rises");
    forget_level();

    uint32_t last = cpu_count - 1;
    handle(VECTOR, neglect);
    level_to(last);
    uart_raise();
    AWAIT_OPEN(cpus[last].count[VECTOR] == AGAIN);
    spend_open(GRACE);
    if (total(VECTOR) != AGAIN)
        note("it came %u times to the last processor, %u times in all", cpus[last].count[VECTOR], total(VECTOR));
    check(cpus[last].count[VECTOR] == AGAIN && total(VECTOR) == AGAIN, "the last processor serves it as well");
    uart_drop();
    forget_level();
}

static void masks(void)
{
    handle(VECTOR, serve);
    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LEVEL | VECTOR);
    uart_raise();
    check(stays_away(VECTOR), "a masked level does not come");
    level_to(0);
    check(arrives(VECTOR, 1), "it is not lost, but comes when it is unmasked");
    forget_level();
    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LEVEL | VECTOR);
    uart_raise();
    uart_drop();
    level_to(0);
    check(stays_away(VECTOR), "unless its wire has fallen by then");
    forget_level();

    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LEVEL | PIN_LOW | VECTOR);
    uart_raise();
    pin_set(UART_PIN, 0, PIN_LEVEL | PIN_LOW | VECTOR);
    check(stays_away(VECTOR), "active low: a wire that is up asks for nothing");
    handle(VECTOR, 0);
    interrupts_off();
    uart_drop();
    bool good = AWAIT(apic_bit(APIC_IRR, VECTOR));
    pin_set(UART_PIN, 0, PIN_MASKED | PIN_LEVEL | PIN_LOW | VECTOR);
    check(good && arrives(VECTOR, 1), "active low: one that is down does");
    clear_again();

    /* How systems end a level where there is no EOI register. */
    level_to(0);
    ipi(0, ICR_SELF | OTHER);
    arrives(OTHER, 1);
    uart_raise();
    AWAIT(apic_bit(APIC_IRR, VECTOR));
    uart_drop();
    pin_set(UART_PIN, 0, PIN_MASKED | VECTOR);
    pin_set(UART_PIN, 0, PIN_LEVEL | PIN_MASKED | VECTOR);
    check(!(pin_get(UART_PIN) & PIN_REMOTE_IRR), "an entry that is made edge-triggered loses remote IRR");
    arrives(VECTOR, 1);
    clear_again();
}

/* Without broadcasts the EOI register is what ends a level: the interrupt itself has been through by then. */
static void directed(void)
{
    static const char *const rules[] = {
        "a suppressed EOI leaves remote IRR", "though it ends what is in service", "the EOI register ends the entries of its vector alone",
        "the interrupt comes again while its wire is up", "it clears remote IRR",
    };
    const char *absent = !(apic_read(APIC_VERSION) & VERSION_SUPPRESS_EOI) ? "the local APIC's version has no suppression"
        : !ioapic_has_eoi() ? "the IO-APIC's version has no EOI register" : 0;
    if (absent) {
        for (uint32_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
            skip(rules[i], absent);
        return;
    }
    /* Where the EOI is broadcast all the same, the interrupt comes again and again. */
    handle(VECTOR, neglect);
    apic_write(APIC_SVR, SVR_ENABLE | SVR_SUPPRESS_EOI | SPURIOUS_VECTOR);
    level_to(0);
    uart_raise();
    bool once = arrives(VECTOR, 1);
    bool kept = pin_get(UART_PIN) & PIN_REMOTE_IRR;
    bool ended = apic_none(APIC_ISR);
    ioapic_eoi(VECTOR + 0x10);
    bool alone = arrives(VECTOR, 0) && (pin_get(UART_PIN) & PIN_REMOTE_IRR);
    ioapic_eoi(VECTOR);
    bool again = arrives(VECTOR, 1);
    uart_drop();
    ioapic_eoi(VECTOR);
    bool cleared = !(pin_get(UART_PIN) & PIN_REMOTE_IRR) && stays_away(VECTOR);
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
    const bool passed[] = { once && kept, ended, alone, again, cleared };
    for (uint32_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check(passed[i], rules[i]);
}

static void in_lowest_priority(void)
{
    uint32_t eight = cpu_count < 8 ? cpu_count : 8;
    handle(VECTOR, serve);
    pin_set(UART_PIN, (1u << eight) - 1, PIN_LOGICAL | PIN_LOWEST | PIN_LEVEL | VECTOR);
    for (uint32_t i = 1; i <= 8; i++) {
        uart_raise();
        if (!AWAIT_OPEN(total(VECTOR) == i) || !clear_again())
            break;
    }
    spend_open(GRACE);
    if (total(VECTOR) != 8)
        note("%u came, not 8", total(VECTOR));
    check(total(VECTOR) == 8, "lowest priority: each level comes to one processor, whose EOI ends it");
    forget_level();
}

void test_levels(void)
{
    triggers();
    masks();
    directed();
    in_lowest_priority();
}
