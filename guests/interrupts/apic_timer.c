/* The local APIC's timer: one-shot, periodic, TSC deadline, divider and count.
 *
 * Its rate is measured, as nothing says it. No point asks for punctuality, which a busy
 * host cannot give; each asks that nothing comes early, twice or never. Specification:
 * Intel SDM volume 3A, "APIC Timer", "TSC-Deadline Mode". Deliberately absent: what
 * happens to the timer in deep sleep. */
#include "apic.h"
#include "check.h"
#include "clocks.h"
#include "sections.h"

enum { VECTOR = 0xa1, OTHER = 0xa2, PERIODS = 10, PERIOD_MS = 5 };

static volatile uint64_t came_at;

static void stamp(uint8_t vector)
{
    (void)vector;
    came_at = tsc();
    apic_eoi();
}

/* Counts of the undivided timer in a millisecond, from below. */
static uint32_t per_millisecond;

/* Stopped first: an old count must not run in a new mode, where a short one is more than some monitors survive. */
static void start(uint32_t entry, uint32_t count)
{
    apic_write(APIC_INITIAL, 0);
    apic_write(APIC_TIMER, entry);
    apic_write(APIC_INITIAL, count);
}

/* Starts one-shots of 20 ms until one is changed early enough, as a host may do something else in between. */
static bool change_underway(void (*change)(void))
{
    enum { MS = 20, TRIES = 20 };
    for (uint32_t i = 0; i < TRIES; i++) {
        uint64_t from = tsc();
        start(VECTOR, per_millisecond * MS);
        change();
        if (tsc() - from < tsc_of(MS * 500))
            return true;
        apic_write(APIC_INITIAL, 0);
        drain();
    }
    note("the host was too slow for %u one-shots of 20 ms", TRIES);
    return false;
}

static void shorten(void) { apic_write(APIC_INITIAL, per_millisecond); }
static void stop(void) { apic_write(APIC_INITIAL, 0); }
static void rename_it(void) { apic_write(APIC_TIMER, OTHER); }

static bool not_before(uint64_t from, uint64_t counts, const struct span *rate)
{
    /* The rate's bounds are per 2^20 of the TSC. */
    uint64_t shortest = (counts << 20) / rate->max;
    return came_at - from >= shortest - shortest / 1000;
}

static void one_shot(const struct span *rate)
{
    uint32_t count = per_millisecond * 2;
    handle(VECTOR, stamp);
    uint64_t from = tsc();
    start(VECTOR, count);
    uint32_t first = apic_read(APIC_CURRENT);
    uint32_t second = apic_read(APIC_CURRENT);
    check(apic_read(APIC_INITIAL) == count, "the initial count reads as written");
    check(first <= count && second <= first, "the current count falls from there");
    check(arrives(VECTOR, 1), "one-shot: it comes once");
    check(not_before(from, count, rate), "not before its time");
    check(apic_read(APIC_CURRENT) == 0, "the count then is 0");
    spend_open(5000);
    check(stays_away(VECTOR), "and nothing follows");
    bool changed = change_underway(shorten);
    bool came = arrives(VECTOR, 1);
    spend_open(20000);
    check(changed && came && stays_away(VECTOR), "a new initial count takes the place of the old");
    changed = change_underway(stop);
    spend_open(25000);
    check(changed && stays_away(VECTOR) && apic_read(APIC_CURRENT) == 0, "an initial count of 0 stops it");
    changed = change_underway(rename_it);
    check(changed && arrives(OTHER, 1) && stays_away(VECTOR), "the vector is what the entry says when the time is up");

    start(LVT_MASKED | VECTOR, per_millisecond * 2);
    first = apic_read(APIC_CURRENT);
    spend(200);
    check(apic_read(APIC_CURRENT) < first, "masked, it counts all the same");
    AWAIT(apic_read(APIC_CURRENT) == 0);
    spend(GRACE);
    apic_write(APIC_TIMER, VECTOR);
    check(stays_away(VECTOR), "and what falls into that is lost");
    for (uint32_t i = 0; i < 3; i++) {
        start(VECTOR, 1);
        if (!AWAIT_OPEN(cpus[0].count[VECTOR] == i + 1))
            break;
    }
    check(cpus[0].count[VECTOR] == 3, "the shortest count of all comes as well");
    clear_counts();
}

static void periodic(const struct span *rate)
{
    uint32_t period = per_millisecond * PERIOD_MS;
    struct cpu *cpu = this_cpu();
    handle(VECTOR, stamp);
    uint64_t from = tsc();
    start(TIMER_PERIODIC | VECTOR, period);
    bool good = counts_to(&cpu->count[VECTOR], PERIODS);
    uint64_t to = tsc();
    uint32_t ticks = cpu->count[VECTOR];
    check(good, "periodic: it comes again and again");
    check(not_before(from, (uint64_t)period * ticks, rate), "not more often than its period allows");
    uint64_t most = ((to - from) >> 20) * (rate->max + rate->max / 1000) / period + rate->max / period + 1;
    check(ticks <= most, "nor than the time that has passed");
    uint32_t highest = 0;
    bool reloads = false;
    for (uint32_t i = 0, last = 0; i < 1000000 && !reloads; i++) {
        uint32_t now = apic_read(APIC_CURRENT);
        highest = now > highest ? now : highest;
        reloads = i > 0 && now > last;
        last = now;
        relax();
    }
    check(reloads && highest <= period, "the count starts anew from the initial count");
    apic_write(APIC_TIMER, TIMER_PERIODIC | LVT_MASKED | VECTOR);
    drain();
    spend_open(3 * PERIOD_MS * 1000);
    check(stays_away(VECTOR), "masked, nothing comes");
    apic_write(APIC_TIMER, TIMER_PERIODIC | VECTOR);
    check(counts_to(&cpu->count[VECTOR], 2), "unmasked, it goes on");
    apic_write(APIC_INITIAL, 0);
    drain();
    spend_open(3 * PERIOD_MS * 1000);
    check(stays_away(VECTOR), "an initial count of 0 stops it too");
    apic_write(APIC_TIMER, LVT_MASKED);
}

static void divider(void)
{
    static const struct { uint8_t code, shift; } codes[] = { { 0xb, 0 }, { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 4 }, { 8, 5 }, { 9, 6 }, { 0xa, 7 } };
    struct span undivided = { 0, ~0ull };
    bool good = true;
    for (uint32_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        apic_write(APIC_DIVIDE, codes[i].code);
        start(LVT_MASKED, 0xffffffff);
        struct span rate = apic_timer_rate(3000, codes[i].shift);
        if (i == 0)
            undivided = rate;
        if (!overlap(&undivided, &rate)) {
            note("divided by %u it counts %u to %u, not %u to %u", 1u << codes[i].shift, (uint32_t)rate.min, (uint32_t)rate.max,
                 (uint32_t)undivided.min, (uint32_t)undivided.max);
            good = false;
        }
    }
    check(good, "each of the eight dividers divides by what it says");
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_INITIAL, 0);
}

static void tsc_deadline(void)
{
    if (!has_tsc_deadline()) {
        skip("TSC-deadline mode", "CPUID has none");
        return;
    }
    handle(VECTOR, stamp);
    apic_write(APIC_TIMER, VECTOR);
    msr_try_write(MSR_TSC_DEADLINE, tsc() + tsc_of(1000));
    check(msr_read(MSR_TSC_DEADLINE) == 0, "outside of its mode the deadline stays 0");
    apic_write(APIC_TIMER, TIMER_TSC_DEADLINE | VECTOR);
    uint64_t deadline = tsc() + tsc_of(20000);
    msr_try_write(MSR_TSC_DEADLINE, deadline);
    uint64_t armed = msr_read(MSR_TSC_DEADLINE);
    check(armed == deadline || (armed == 0 && tsc() >= deadline), "the deadline reads as written");
    check(arrives(VECTOR, 1), "it comes once");
    check(came_at >= deadline, "not before its time");
    check(msr_read(MSR_TSC_DEADLINE) == 0, "the deadline then is 0");
    msr_try_write(MSR_TSC_DEADLINE, 1);
    check(arrives(VECTOR, 1), "one that has passed comes at once");
    msr_try_write(MSR_TSC_DEADLINE, tsc() + tsc_of(1000));
    msr_try_write(MSR_TSC_DEADLINE, 0);
    spend_open(3000);
    check(total(VECTOR) <= 1 && msr_read(MSR_TSC_DEADLINE) == 0, "0 takes it back");
    clear_counts();
    apic_write(APIC_INITIAL, per_millisecond);
    spend_open(3000);
    check(stays_away(VECTOR) && apic_read(APIC_CURRENT) == 0, "an initial count starts nothing in this mode");
    msr_try_write(MSR_TSC_DEADLINE, tsc() + tsc_of(1000));
    apic_write(APIC_TIMER, VECTOR);
    spend_open(3000);
    check(total(VECTOR) <= 1 && msr_read(MSR_TSC_DEADLINE) == 0, "leaving the mode takes the deadline back");
    clear_counts();
}

static void everywhere_tick(void *argument)
{
    (void)argument;
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    start(TIMER_PERIODIC | VECTOR, per_millisecond * PERIOD_MS);
}

static void everywhere(void)
{
    handle(VECTOR, 0);
    bool good = run_everywhere(everywhere_tick, 0);
    for (uint32_t i = 0; i < cpu_count; i++)
        good &= counts_to(&cpus[i].count[VECTOR], 5);
    check(good, "each processor has its own");
    clear_counts();
}

void test_apic_timer(void)
{
    start(LVT_MASKED, 0xffffffff);
    struct span rate = apic_timer_rate(10000, 0);
    per_millisecond = (uint32_t)(tsc_of(1000) * rate.min >> 20);
    note("it counts %u times a millisecond", per_millisecond);
    apic_write(APIC_INITIAL, 0);
    if (!check(per_millisecond > 100, "it counts"))
        return;
    one_shot(&rate);
    periodic(&rate);
    divider();
    tsc_deadline();
    everywhere();
}
