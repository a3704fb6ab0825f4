/* The HPET at its usual address: counter, comparators, levels, legacy replacement.
 *
 * Timer 0 is looked at, and its own list of IO-APIC pins decides which it drives.
 * Specification: IA-PC HPET 1.0a, 2.3. Deliberately absent: FSB delivery; a search of
 * ACPI's table, as there is no other address in use. */
#include "hpet.h"
#include "apic.h"
#include "check.h"
#include "sections.h"
#include "wires.h"

#define ADDRESS 0xfed00000u

enum {
    ID = 0x000, PERIOD = 0x004, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0f0, TIMER = 0x100, ROUTES = 0x104, COMPARATOR = 0x108,
    ENABLE = 1, LEGACY = 2,
    LEVEL = 2, INTERRUPT = 4, PERIODIC = 8, CAN_PERIODIC = 0x10, IS_64 = 0x20, SET_VALUE = 0x40, ONLY_32 = 0x100,
    VECTOR = 0x68,
};

static volatile uint32_t *at(uint32_t offset) { return (volatile uint32_t *)(uintptr_t)(ADDRESS + offset); }

static bool is_there(void)
{
    uint32_t period = *at(PERIOD);
    return *at(ID) != 0xffffffff && period >= 100000 && period <= 100000000;
}

bool hpet_start(void)
{
    if (!is_there())
        return false;
    *at(CONFIG) = ENABLE;
    return true;
}

void hpet_stop(void)
{
    if (!is_there())
        return;
    *at(TIMER) = 0;
    *at(CONFIG) = 0;
    *at(STATUS) = ~0u;
}

uint64_t hpet_hz(void) { return 1000000000000000ull / *at(PERIOD); }
uint64_t hpet_counter(void) { return *at(COUNTER); }

static uint32_t ticks_of(uint32_t microseconds) { return (uint32_t)(hpet_hz() * microseconds / 1000000); }

static volatile uint32_t serving;

static void serve_level(uint8_t vector)
{
    (void)vector;
    if (++serving == 3)
        *at(STATUS) = 1;
    apic_eoi();
}

static void counter(void)
{
    *at(CONFIG) = 0;
    uint32_t first = *at(COUNTER);
    spend(100);
    check(*at(COUNTER) == first, "the counter stands still until it is enabled");
    *at(COUNTER) = 0xfffffff0;
    *at(COUNTER + 4) = 1;
    check(*at(COUNTER) == 0xfffffff0 && *at(COUNTER + 4) == 1, "it can be set");
    if (*at(ID) & 0x2000) {
        *at(CONFIG) = ENABLE;
        check(AWAIT(*at(COUNTER + 4) == 2), "it has 64 bits, as its id says");
    } else {
        skip("it has 64 bits, as its id says", "it has 32");
    }
    *at(CONFIG) = 0;
    *at(COUNTER) = 0;
    *at(COUNTER + 4) = 0;
    *at(CONFIG) = ENABLE;
    check(AWAIT(*at(COUNTER) != 0), "enabled, it counts");
    check((*at(ID) >> 8 & 0x1f) >= 2, "there are three timers at least");
    check(*at(ID) & 0x8000, "they can replace the 8254 and the CMOS clock");
}

/* The counter stands still meanwhile, so that it cannot pass a comparator that is not set yet. */
static void match_after(uint32_t microseconds, uint32_t timer)
{
    *at(CONFIG) &= ~(uint32_t)ENABLE;
    *at(TIMER) = timer;
    *at(COMPARATOR) = *at(COUNTER) + ticks_of(microseconds);
    *at(CONFIG) |= ENABLE;
}

static uint32_t pick_pin(void)
{
    uint32_t routes = *at(ROUTES);
    for (uint32_t pin = 23; pin > 0; pin--)
        if (routes >> pin & 1)
            return pin;
    return 0;
}

static void compare(uint32_t pin)
{
    struct cpu *cpu = this_cpu();
    uint32_t route = pin << 9 | ONLY_32;
    pin_set(pin, cpu->id, VECTOR);
    uint64_t from = tsc();
    match_after(2000, route | INTERRUPT);
    bool came = arrives(VECTOR, 1);
    check(came && tsc() - from >= tsc_of(1990), "one-shot: an edge when the counter gets there");
    check(stays_away(VECTOR), "and none after it");
    check((*at(STATUS) & 1) == 0, "an edge leaves no status");
    match_after(1000, route);
    spend_open(3000);
    check(stays_away(VECTOR), "a timer that may not interrupt does not");

    serving = 0;
    handle(VECTOR, serve_level);
    pin_set(pin, cpu->id, PIN_LEVEL | VECTOR);
    match_after(1000, route | INTERRUPT | LEVEL);
    AWAIT_OPEN(serving >= 3);
    spend_open(GRACE);
    check(serving == 3, "level: it comes again after each EOI until its status is cleared");
    check((*at(STATUS) & 1) == 0, "level: which writing 1 does");
    handle(VECTOR, 0);
    *at(TIMER) = route;
    pin_set(pin, 0, PIN_MASKED);
    drain();

    if (!(*at(TIMER) & CAN_PERIODIC)) {
        skip("periodic: interrupts again and again", "timer 0 cannot");
    } else {
        pin_set(pin, cpu->id, VECTOR);
        *at(CONFIG) = 0;
        *at(COUNTER) = 0;
        *at(COUNTER + 4) = 0;
        *at(TIMER) = route | INTERRUPT | PERIODIC | SET_VALUE;
        *at(COMPARATOR) = ticks_of(5000);
        *at(COMPARATOR) = ticks_of(5000);
        from = tsc();
        *at(CONFIG) = ENABLE;
        bool good = counts_to(&cpu->count[VECTOR], 10);
        uint64_t passed = tsc() - from;
        check(good && passed >= tsc_of(4995) * cpu->count[VECTOR], "periodic: interrupts again and again, not more often than asked for");
        *at(TIMER) = route;
    }
    pin_set(pin, 0, PIN_MASKED);
    drain();
}

static void legacy(void)
{
    struct cpu *cpu = this_cpu();
    pin_set(PIT_PIN, cpu->id, VECTOR);
    pit_rate(5 * 1193);
    AWAIT_OPEN(cpu->count[VECTOR] >= 1);
    *at(TIMER) = ONLY_32;
    *at(CONFIG) = ENABLE | LEGACY;
    drain();
    spend_open(20000);
    check(stays_away(VECTOR), "legacy replacement: the 8254 is off its wire");
    match_after(1000, ONLY_32 | INTERRUPT);
    check(arrives(VECTOR, 1), "legacy replacement: timer 0 is on it");
    *at(TIMER) = 0;
    *at(CONFIG) = ENABLE;
    check(AWAIT_OPEN(cpu->count[VECTOR] >= 1), "and the 8254 again after it");
    pit_stop();
    pin_set(PIT_PIN, 0, PIN_MASKED);
    clear_counts();
}

void test_hpet(void)
{
    if (!is_there()) {
        skip("the event timers", "there are none");
        return;
    }
    counter();
    uint32_t pin = pick_pin();
    if (check(pin != 0, "timer 0 can drive a pin of the IO-APIC"))
        compare(pin);
    legacy();
    hpet_stop();
}
