/* Every processor sends to others at once, with its own interrupts on.
 *
 * In a ring each sends to the next one and waits until that has taken it, so every interrupt
 * counts; in a flood nobody waits, so that requests fall together, of which one at
 * least has to come, and none that was not sent. Specification: Intel SDM volume 3A,
 * "Issuing Interprocessor Interrupts". Deliberately absent: a measure of speed. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { VECTOR = 0x81, OTHER = 0x91, LAST = 0xb1, FLOOD = 200 };

static volatile bool failed;
static volatile uint32_t ready, stuck_lap, stuck_cpu;

static uint32_t laps;

static struct cpu *next(const struct cpu *cpu) { return &cpus[(cpu->index + 1) % cpu_count]; }

/* All begin when the last has come. */
static void line_up(void)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    interrupts_on();
    if (!AWAIT(ready == cpu_count || failed))
        failed = true;
}

static void ring(void *command)
{
    struct cpu *to = next(this_cpu());
    volatile uint32_t *count = &to->count[(uintptr_t)command == ICR_NMI ? NMI : VECTOR];
    line_up();
    for (uint32_t i = 1; i <= laps && !failed; i++) {
        ipi(to->id, (uint32_t)(uintptr_t)command);
        if (!AWAIT(*count == i || failed)) {
            stuck_lap = i;
            stuck_cpu = to->index;
            failed = true;
        }
    }
}

static void flood(void *argument)
{
    (void)argument;
    struct cpu *to = next(this_cpu());
    line_up();
    for (uint32_t i = 0; i < FLOOD; i++) {
        ipi(to->id, i & 1 ? VECTOR : OTHER);
        if (i % 16 == 0)
            ipi(0, ICR_OTHERS | LAST);
    }
}

static bool everywhere(void (*work)(void *), uint32_t command)
{
    failed = false;
    ready = stuck_lap = stuck_cpu = 0;
    clear_counts();
    for (uint32_t i = 1; i < cpu_count; i++)
        begin_on(i, work, (void *)(uintptr_t)command);
    work((void *)(uintptr_t)command);
    bool good = true;
    for (uint32_t i = 1; i < cpu_count; i++)
        good &= end_on(i);              /* with interrupts on: others may still send here */
    interrupts_off();
    if (failed)
        note("%u of %u lined up; processor %u had nothing in lap %u", ready, cpu_count, stuck_cpu, stuck_lap);
    return good && !failed;
}

static void settle(void *argument)
{
    (void)argument;
    AWAIT_OPEN(apic_none(APIC_IRR));
}

static bool exactly(uint8_t vector, uint32_t wanted)
{
    bool good = true;
    spend_open(GRACE);
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i].count[vector] != wanted) {
            note("vector 0x%x came %u times to processor %u, not %u", vector, cpus[i].count[vector], i, wanted);
            good = false;
        }
    return good;
}

static bool between(uint8_t vector, uint32_t least, uint32_t most)
{
    bool good = true;
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i].count[vector] < least || cpus[i].count[vector] > most) {
            note("vector 0x%x came %u times to processor %u, not %u to %u", vector, cpus[i].count[vector], i, least, most);
            good = false;
        }
    return good;
}

/* By everyone: what was requested last may be taken late. */
static bool came(uint8_t vector)
{
    for (uint32_t i = 0; i < cpu_count; i++)
        if (cpus[i].count[vector] == 0)
            return false;
    return true;
}

void test_storms(void)
{
    if (cpu_count < 2) {
        skip("a ring of processors", "one processor");
        return;
    }
    laps = rounds / 10 + 1;
    bool good = everywhere(ring, VECTOR);
    check(good && exactly(VECTOR, laps), "a ring of fixed interrupts loses none and makes none up");
    good = everywhere(ring, ICR_NMI);
    check(good && exactly(NMI, laps), "nor does one of NMIs");
    good = everywhere(flood, 0);
    AWAIT_OPEN(came(VECTOR) && came(OTHER));
    spend_open(1000);
    check(good && between(VECTOR, 1, FLOOD / 2) && between(OTHER, 1, FLOOD / 2), "in a flood some come, and not more than were sent");
    check(between(LAST, 1, (FLOOD / 16 + 1) * (cpu_count - 1)), "those to all others as well");
    run_everywhere(settle, 0);
    clear_counts();
    ipi(0xff, VECTOR);
    check(arrives(VECTOR, everyone(cpu_count)), "after it, each takes exactly one");
    good = true;
    for (uint32_t i = 0; i < cpu_count; i++)
        good &= total(OTHER) == 0 && total(LAST) == 0;
    check(good, "and nothing is left over");
}
