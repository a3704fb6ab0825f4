/* The 8254: its modes on IRQ 0, its count, its status, and channel 2 behind port 0x61.
 *
 * Specification: Intel 8254 data sheet; port 0x61 as in every PC. Deliberately absent:
 * BCD, and channel 1, which refreshed memory. */
#include "apic.h"
#include "check.h"
#include "ports.h"
#include "sections.h"
#include "wires.h"

enum { VECTOR = 0x5f, MILLISECOND = 1193, PERIOD_MS = 5 };

static uint8_t status(uint8_t channel)
{
    outb(0x43, 0xe0 | 2 << channel);    /* read-back of the status */
    return inb(0x40 + channel);
}

static uint32_t latched(void)
{
    outb(0x43, 0x00);
    uint8_t low = inb(0x40);
    return low | (uint32_t)inb(0x40) << 8;
}

static void interrupts(void)
{
    struct cpu *cpu = this_cpu();
    pin_set(PIT_PIN, cpu->id, VECTOR);
    uint64_t from = tsc();
    pit_once(2 * MILLISECOND);
    bool came = arrives(VECTOR, 1);
    check(came && tsc() - from >= tsc_of(1990), "mode 0: one interrupt, not before its time");
    spend_open(5000);
    check(stays_away(VECTOR), "and none after it");
    /* As often as it takes the host to be quick enough. */
    for (uint32_t i = 0; i < 20; i++) {
        clear_counts();
        from = tsc();
        pit_once(10 * MILLISECOND);
        pit_once(30 * MILLISECOND);
        if (tsc() - from < tsc_of(5000))
            break;
        pit_stop();
        drain();
    }
    came = arrives(VECTOR, 1);
    check(came && tsc() - from >= tsc_of(29900), "a new count takes the place of the old");
    pit_once(MILLISECOND);
    pit_stop();
    spend_open(3000);
    check(cpu->count[VECTOR] <= 1, "a control word without a count stops it");
    clear_counts();

    for (uint32_t mode = 2; mode <= 3; mode++) {
        from = tsc();
        outb(0x43, 0x30 | mode << 1);
        outb(0x40, (uint8_t)(PERIOD_MS * MILLISECOND));
        outb(0x40, PERIOD_MS * MILLISECOND >> 8);
        bool good = counts_to(&cpu->count[VECTOR], 10);
        uint64_t passed = tsc() - from;
        uint32_t ticks = cpu->count[VECTOR];
        check(good, mode == 2 ? "mode 2: interrupts again and again" : "mode 3: interrupts again and again");
        /* Five milliseconds each, but the first, and a tenth of a percent (clocks.c). */
        check(good && passed >= tsc_of(PERIOD_MS * 999) * (ticks - 1), mode == 2 ? "mode 2: not more often than the count allows" : "mode 3: not more often than the count allows");
        pit_stop();
        drain();
    }
    pin_set(PIT_PIN, 0, PIN_MASKED);
}

static void counts(void)
{
    pit_rate(10000);
    AWAIT(!(status(0) & 0x40));
    uint32_t first = latched();
    spend(100);
    uint32_t second = latched();
    check(first >= 1 && first <= 10000 && second <= 10000 && first != second, "mode 2: the count runs below what was written");
    outb(0x43, 0x00);
    spend(100);
    uint8_t low = inb(0x40);
    uint32_t held = low | (uint32_t)inb(0x40) << 8;
    uint32_t now = latched();
    check(held != now, "a latched count stands still, the counter does not");
    check((status(0) & 0x3f) == 0x34, "the status has the mode");
    outb(0x43, 0x30);
    check(status(0) & 0x40, "and whether a count is missing");
    check(!(status(0) & 0x80), "and the output, which is down");
    pit_once(20);
    check(AWAIT(status(0) & 0x80), "until the count is over");
    outb(0x43, 0x10);                   /* low byte alone */
    outb(0x40, 200);
    check(AWAIT(status(0) & 0x80), "a count of one byte runs too");
    pit_stop();
}

static bool output_2(void) { return inb(0x61) & 0x20; }

static void channel_2(void)
{
    outb(0x61, inb(0x61) & 0xfc);
    outb(0x43, 0xb0);
    outb(0x42, (uint8_t)MILLISECOND);
    outb(0x42, MILLISECOND >> 8);
    spend(3000);
    check(!output_2(), "channel 2: with its gate down it does not count");
    uint64_t from = tsc();
    outb(0x61, inb(0x61) | 1);
    check(AWAIT(output_2()) && tsc() - from >= tsc_of(990), "with its gate up it does, and port 0x61 shows its output");
    check((inb(0x61) & 3) == 1, "port 0x61 reads the gate");
    outb(0x43, 0xb2);                   /* mode 1: the gate's rise starts it */
    outb(0x42, (uint8_t)MILLISECOND);
    outb(0x42, MILLISECOND >> 8);
    bool before = output_2();
    outb(0x61, inb(0x61) & 0xfc);
    from = tsc();
    outb(0x61, inb(0x61) | 1);
    uint64_t risen = tsc();
    bool up = false, settled;           /* from the clock after the rise on, if the host looks in time */
    do {
        settled = tsc() - risen > tsc_of(20);
        up = output_2() && tsc() - from < tsc_of(990);
    } while (up && !settled);
    bool after = AWAIT(output_2());
    check(before && after && !up, "mode 1: its output is down for the count from the gate's rise");
    outb(0x61, inb(0x61) & 0xfc);
}

void test_pit(void)
{
    interrupts();
    counts();
    channel_2();
}
