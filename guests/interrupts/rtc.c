/* The clock's interrupts: periodic, update-ended and alarm, on IRQ 8.
 *
 * Specification: Motorola MC146818A data sheet. Deliberately absent: the time of day
 * itself, and daylight saving. */
#include "apic.h"
#include "check.h"
#include "sections.h"
#include "wires.h"

enum { VECTOR = 0x66, A = 0x0a, B = 0x0b, C = 0x0c, D = 0x0d, SECONDS_ALARM = 1, MINUTES_ALARM = 3, HOURS_ALARM = 5, ANY = 0xff, LONGEST_NAPS = 3000, SLOW = 9 };

static volatile uint8_t flags;

static void serve(uint8_t vector)
{
    (void)vector;
    flags = rtc_read(C);
    apic_eoi();
}

static void leave_flags(uint8_t vector)
{
    (void)vector;
    apic_eoi();
}

static void periodic(void)
{
    struct cpu *cpu = this_cpu();
    handle(VECTOR, serve);
    uint64_t from = tsc();
    rtc_rate(SLOW);
    bool good = counts_to(&cpu->count[VECTOR], 8);
    uint64_t passed = tsc() - from;
    uint32_t ticks = cpu->count[VECTOR];
    check(good, "periodic: interrupts again and again");
    check((flags & 0xc0) == 0xc0, "periodic: register C says so");
    /* 128 a second, the first at any time. */
    check(passed >= tsc_of(7800) * (ticks - 1), "periodic: not more often than the rate allows");
    rtc_rate(0);
    drain();
    spend_open(20000);
    check(stays_away(VECTOR), "switched off, nothing comes");
    handle(VECTOR, leave_flags);
    rtc_rate(SLOW);
    AWAIT_OPEN(cpu->count[VECTOR] >= 1);
    spend_open(20000);
    check(cpu->count[VECTOR] == 1, "the wire stays up until register C is read");
    rtc_read(C);
    check(AWAIT_OPEN(cpu->count[VECTOR] >= 2), "and then rises again");
    rtc_rate(0);
    drain();
    bool clears = false;
    for (uint32_t i = 0; i < 20 && !clears; i++) {
        rtc_read(C);
        clears = (rtc_read(C) & 0xf0) == 0;         /* if nothing came in between */
    }
    check(clears, "reading register C clears its flags");
    rtc_write(A, 0x26);
    check(AWAIT(rtc_read(C) & 0x40), "the periodic flag is set without its interrupt too");
}

static void once_a_second(void)
{
    handle(VECTOR, serve);
    flags = 0;
    rtc_write(SECONDS_ALARM, ANY);
    rtc_write(MINUTES_ALARM, ANY);
    rtc_write(HOURS_ALARM, ANY);
    rtc_read(C);
    rtc_write(B, (rtc_read(B) & 0x0f) | 0x30);
    uint8_t all = 0;
    for (uint32_t naps = 0; naps < LONGEST_NAPS && (all & 0x30) != 0x30; naps++) {
        nap();
        all |= flags;
    }
    check(cpus[0].count[VECTOR] >= 1 && (flags & 0x80), "alarm and update-ended: an interrupt within a second or two");
    check(all & 0x20, "an alarm of any time comes");
    check(all & 0x10, "so does the end of an update");
    rtc_write(B, rtc_read(B) & 0x0f);
    rtc_read(C);
    drain();
}

void test_rtc(void)
{
    check(rtc_read(D) & 0x80, "register D says that the time is valid");
    pin_set(RTC_PIN, cpus[0].id, VECTOR);
    periodic();
    naps_begin();
    once_a_second();
    naps_end();
    pin_set(RTC_PIN, 0, PIN_MASKED);
}
