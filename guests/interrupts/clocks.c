/* Every clock against every other, by way of the TSC.
 *
 * From each clock follows a frequency of the TSC, between two bounds, and all have to
 * agree. The bounds are those of the readings, a tick to either side, and a tenth of a
 * percent, because a host's TSC and the clock that its timers are on may differ by the
 * 500 ppm that a time server's corrections are limited to. Specification: Intel 8254
 * and IA-PC HPET, ACPI 6.5 4.8.3.3, MC146818A. Deliberately absent: clocks of
 * hypervisors (see spec of kvm-clock). */
#include "clocks.h"
#include "apic.h"
#include "check.h"
#include "hpet.h"
#include "ports.h"
#include "sections.h"
#include "wires.h"

enum { ATTEMPTS = 5, WINDOW = 20000, SHORTEST = 1000, LONGEST = 3000000 };

struct reading { uint64_t before, value, after; };

static struct reading take(const struct clock *clock)
{
    struct reading best = { 0, 0, ~0ull };
    for (uint32_t i = 0; i < ATTEMPTS; i++) {
        struct reading now;
        now.before = tsc();
        now.value = clock->read();
        now.after = tsc();
        if (i == 0 || now.after - now.before < best.after - best.before)
            best = now;
    }
    return best;
}

struct measured { struct span ticks, tsc; };

/* Whether the clock may have begun anew meanwhile, more than once. */
static bool is_too_long(const struct clock *clock, uint64_t passed)
{
    return clock->hz != 0 && clock->bits < 32 && passed / (tsc_hz / 1000) > (1000ull << clock->bits) / clock->hz * 9 / 10;
}

/* The window is halved until the host gives so much time in one go. */
static struct measured measure(const struct clock *clock, uint32_t microseconds)
{
    struct reading first, last;
    for (uint32_t i = 0; i < 100; i++) {
        first = take(clock);
        spend(microseconds);
        last = take(clock);
        if (!is_too_long(clock, last.after - first.before))
            break;
        if (microseconds > SHORTEST)
            microseconds /= 2;
    }
    uint64_t mask = clock->bits >= 64 ? ~0ull : (1ull << clock->bits) - 1;
    uint64_t ticks = (clock->down ? first.value - last.value : last.value - first.value) & mask;
    return (struct measured){
        .ticks = { ticks ? ticks - 1 : 0, ticks + 1 },
        .tsc = { last.before - first.after, last.after - first.before },
    };
}

static struct span widen(uint64_t min, uint64_t max)
{
    return (struct span){ min - min / 1000, max + max / 1000 };
}

struct span clock_rate(const struct clock *clock, uint32_t microseconds)
{
    struct measured m = measure(clock, microseconds);
    return widen((m.ticks.min << 20) / m.tsc.max, (m.ticks.max << 20) / m.tsc.min);
}

struct span tsc_by(const struct clock *clock, uint32_t microseconds)
{
    struct measured m = measure(clock, microseconds);
    /* In kHz: the product of a frequency and a count of the TSC would not fit. */
    uint64_t khz = clock->hz / 1000, rest = clock->hz % 1000;
    uint64_t min = (m.tsc.min * khz + m.tsc.min * rest / 1000) / m.ticks.max;
    uint64_t max = (m.tsc.max * khz + m.tsc.max * rest / 1000) / (m.ticks.min ? m.ticks.min : 1);
    return widen(min, max);
}

static uint64_t read_apic_timer(void) { return apic_read(APIC_CURRENT); }

struct span apic_timer_rate(uint32_t microseconds, uint32_t shift)
{
    static const struct clock timer = { "the APIC timer", 0, 32, true, read_apic_timer };
    struct measured m = measure(&timer, microseconds);
    return widen((m.ticks.min << shift << 20) / m.tsc.max, (m.ticks.max << shift << 20) / m.tsc.min);
}

static uint64_t read_pit(uint8_t latch, uint16_t port)
{
    outb(0x43, latch);
    uint8_t low = inb(port);
    return low | (uint32_t)inb(port) << 8;
}

static uint64_t read_channel_0(void) { return read_pit(0x00, 0x40); }
static uint64_t read_channel_2(void) { return read_pit(0x80, 0x42); }
static uint64_t read_pm_timer(void) { return inl(pm_timer_port) & (pm_timer_bits == 32 ? 0xffffffff : 0xffffff); }

static void start_pit(void)
{
    pit_rate(0);
    outb(0x61, (inb(0x61) & 0xfc) | 1);
    outb(0x43, 0xb4);
    outb(0x42, 0);
    outb(0x42, 0);
}

/* When the clock's seconds go on, to within the time between two looks. */
static struct reading next_second(uint8_t *second)
{
    struct reading at = { .before = tsc() };
    uint64_t began = at.before, look = began;
    uint8_t now;
    while ((now = rtc_read(0)) == *second && look - began < tsc_of(LONGEST)) {
        at.before = look;
        nap();
        look = tsc();
    }
    at.after = tsc();
    *second = now;
    return at;
}

/* A second by the CMOS clock, which has no finer count. */
static struct span tsc_by_rtc(void)
{
    uint8_t second = rtc_read(0);
    struct reading first = next_second(&second), last = first;
    uint32_t seconds = 0;
    for (uint32_t i = 0; i < 3 && seconds == 0; i++) {
        uint8_t from = second;
        last = next_second(&second);
        seconds = second == ((from & 0x0f) == 9 ? (from == 0x59 ? 0 : from + 7) : from + 1);
        if (!seconds)
            first = last;
    }
    return seconds ? widen((last.before - first.after) / 1000, (last.after - first.before) / 1000 + 1) : (struct span){ 0, 0 };
}

static void agree(const char *rule, const struct span *khz, struct span *common)
{
    note("%s: the TSC has %u to %u kHz", rule, (uint32_t)khz->min, (uint32_t)khz->max);
    check(overlap(khz, common), rule);
    if (overlap(khz, common)) {
        common->min = khz->min > common->min ? khz->min : common->min;
        common->max = khz->max < common->max ? khz->max : common->max;
    }
}

void test_clocks(void)
{
    struct span common = { 0, ~0ull };
    struct clock clocks[] = {
        { "the 8254's channel 0 agrees", PIT_HZ, 16, true, read_channel_0 },
        { "the 8254's channel 2 agrees", PIT_HZ, 16, true, read_channel_2 },
        { "the HPET agrees", 0, 32, false, hpet_counter },
        { "the PM timer agrees", 3579545, pm_timer_bits, false, read_pm_timer },
    };
    start_pit();
    for (uint32_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        if (clocks[i].read == hpet_counter) {
            if (!hpet_start()) {
                skip(clocks[i].name, "there is none");
                continue;
            }
            clocks[i].hz = hpet_hz();
        }
        if (clocks[i].read == read_pm_timer && pm_timer_port == 0) {
            skip(clocks[i].name, "ACPI names none");
            continue;
        }
        struct span khz = tsc_by(&clocks[i], WINDOW);
        agree(clocks[i].name, &khz, &common);
    }
    naps_begin();
    struct span khz = tsc_by_rtc();
    naps_end();
    agree("the CMOS clock agrees", &khz, &common);
    check(common.max - common.min < common.max / 20, "together they say it to five percent");

    apic_write(APIC_INITIAL, 0xffffffff);
    struct span first = apic_timer_rate(WINDOW, 0), second = apic_timer_rate(2 * WINDOW, 0);
    check(overlap(&first, &second) && first.min > 0, "the APIC timer's rate is the same at any time");
    uint64_t hz = (first.min + first.max) / 2 * (tsc_hz / 1000) >> 20;
    note("the APIC timer has about %u kHz", (uint32_t)hz);
    uint64_t before = tsc();
    bool forward = true;
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t now = tsc();
        forward &= now >= before;
        before = now;
    }
    check(forward, "the TSC never goes back");
    pit_stop();
    outb(0x61, inb(0x61) & 0xfc);
    hpet_stop();
}
