/* The speed of ring 0: register loops of two lengths.
 *
 * The host takes the time from the end of a "loop" line to the beginning of
 * the "end" line. Both lengths pay the same for leaving the guest, so the
 * difference is the loop's alone; several rounds let the host take the least
 * of each, which a busy host disturbed least. A loop is short enough not to
 * outlast a time slice where the processor is interpreted (3 ms at 2 million
 * instructions a second), and the difference long enough to tell that from
 * one that executes.
 * The two "tsc" lines around it say whether the time stamp counter counts.
 * Deliberately absent: memory accesses; their cost depends on caches. */
#include "probe.h"

#define SHORT_ITERATIONS 500u
#define LONG_ITERATIONS 3000u
#define INSTRUCTIONS_PER_ITERATION 2

static void say_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    say("tsc %llx\n", (uint64_t)high << 32 | low);
}

static __attribute__((noinline)) void loop(uint32_t iterations)
{
    say("loop %u\n", iterations * INSTRUCTIONS_PER_ITERATION);
    __asm__ volatile("1: decl %0\n\t"
                     "jnz 1b"
                     : "+r"(iterations) : : "cc", "memory");
    say("end\n");
}

void probe_speed(int rounds)
{
    say_tsc();
    for (int round = 0; round < rounds; round++) {
        loop(SHORT_ITERATIONS);
        loop(LONG_ITERATIONS);
    }
    say_tsc();
}
