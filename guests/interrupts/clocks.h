/* Clocks that can be read, and what a reading is worth.
 *
 * A reading lies between two of the TSC. How far these are apart, be it because the
 * host did something else meanwhile, is the error of what follows from the reading,
 * so no point needs a tolerance that hopes for a quiet host. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct span { uint64_t min, max; };

static inline bool overlap(const struct span *left, const struct span *right)
{
    return left->min <= right->max && right->min <= left->max;
}

struct clock {
    const char *name;
    uint64_t hz;                        /* as its specification has it */
    uint32_t bits;                      /* after which it begins anew */
    bool down;
    uint64_t (*read)(void);
};

/* By how much of its ticks a clock moves within this time, in TSC: the bounds are per 2^20 of the TSC. */
struct span clock_rate(const struct clock *clock, uint32_t microseconds);

/* How fast the TSC is, if this clock is as fast as it should be. */
struct span tsc_by(const struct clock *clock, uint32_t microseconds);

/* The local APIC's timer, which runs, with its divider undone. */
struct span apic_timer_rate(uint32_t microseconds, uint32_t shift);
