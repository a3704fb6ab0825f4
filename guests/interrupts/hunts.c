/* Hunts for interrupts that are lost or come twice: the same thing, again and again, each
 * awaited.
 *
 * The processor sleeps between sending and receiving in every other round, since that
 * is where monitors lose interrupts. A timer wakes it now and then, so a loss ends the
 * hunt and not the guest. Deliberately absent: any expectation of speed. */
#include "apic.h"
#include "check.h"
#include "clocks.h"
#include "ports.h"
#include "sections.h"
#include "wires.h"

enum { VECTOR = 0x82, PONG = 0x83, UART_VECTOR = PIC_BASE + UART_PIN };

static volatile uint32_t acknowledged;

static uint32_t random_below(uint32_t limit)
{
    static uint32_t state = 0x2545f491;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * limit >> 32);
}

/* Says what is wrong with a count that has been waited for. */
static bool came_once(uint32_t count, uint32_t wanted)
{
    if (count != wanted)
        note(count < wanted ? "one was lost" : "one came more than once");
    return count == wanted;
}

/* Waits for the count, asleep or not; with interrupts off before and after. What is late on a busy host is not lost, so this waits for long. */
static bool reaches(volatile uint32_t *count, uint32_t wanted, bool asleep)
{
    uint64_t start = tsc(), bound = tsc_of(patience) * 10;
    for (uint32_t i = 0; i < 10 && !asleep; i++)
        if (AWAIT_OPEN(*count >= wanted))
            break;
    while (*count < wanted && tsc() - start < bound)
        sleep();
    return came_once(*count, wanted);
}

static void judge(uint32_t reached, uint32_t wanted, const char *rule)
{
    static uint64_t began;
    note("%u us a round", (uint32_t)((tsc() - began) / (tsc_hz / 1000000) / (wanted ? wanted : 1)));
    if (reached != wanted)
        note("failed in round %u of %u", reached + 1, wanted);
    check(reached == wanted, rule);
    uint32_t before = cpus[0].count[RESCUE_VECTOR];
    clear_counts();
    cpus[0].count[RESCUE_VECTOR] = before;
    began = tsc();
}

static void hunt_self(void)
{
    uint32_t i = 0;
    for (; i < rounds; i++) {
        ipi(0, ICR_SELF | VECTOR);
        if (!reaches(&cpus[0].count[VECTOR], i + 1, i & 1))
            break;
    }
    judge(i, rounds, "interrupts to itself");
    for (i = 0; i < rounds; i++) {
        ipi(cpus[0].id, ICR_NMI);
        if (!reaches(&cpus[0].count[NMI], i + 1, false))
            break;
    }
    judge(i, rounds, "NMIs to itself");
}

static void answer(uint8_t vector)
{
    (void)vector;
    apic_eoi();
    ipi(cpus[0].id, PONG);
}

static void acknowledge(uint8_t vector)
{
    (void)vector;
    __atomic_add_fetch(&acknowledged, 1, __ATOMIC_SEQ_CST);
    apic_eoi();
}

static void hunt_others(void)
{
    uint32_t i = 0;
    if (cpu_count < 2) {
        skip("there and back between processors", "one processor");
        skip("to all others at once", "one processor");
        return;
    }
    handle(VECTOR, answer);
    for (; i < rounds; i++) {
        ipi(cpus[1 + i % (cpu_count - 1)].id, VECTOR);
        if (!reaches(&cpus[0].count[PONG], i + 1, i & 1))
            break;
    }
    judge(i, rounds, "there and back between processors");
    handle(VECTOR, acknowledge);
    acknowledged = 0;
    uint32_t share = rounds / (cpu_count - 1);
    for (i = 0; i < share; i++) {
        ipi(0, ICR_OTHERS | VECTOR);
        uint32_t wanted = (i + 1) * (cpu_count - 1);
        (void)AWAIT(acknowledged >= wanted);
        if (!came_once(acknowledged, wanted))
            break;
    }
    judge(i, share, "to all others at once");
    handle(VECTOR, 0);
}

static void hunt_timer(void)
{
    apic_write(APIC_INITIAL, 0xffffffff);
    struct span rate = apic_timer_rate(1000, 0);
    uint32_t twenty = (uint32_t)(tsc_of(20) * rate.min >> 20) + 1;
    apic_write(APIC_TIMER, VECTOR);
    apic_write(APIC_INITIAL, 0);
    uint32_t i = 0;
    for (; i < rounds; i++) {
        apic_write(APIC_INITIAL, 1 + random_below(twenty));
        if (!reaches(&cpus[0].count[VECTOR], i + 1, i & 1))
            break;
    }
    judge(i, rounds, "one-shots of the APIC timer, up to 20 us");
    if (!has_tsc_deadline()) {
        skip("TSC deadlines, some of them past", "CPUID has none");
        return;
    }
    apic_write(APIC_TIMER, TIMER_TSC_DEADLINE | VECTOR);
    for (i = 0; i < rounds; i++) {
        msr_try_write(MSR_TSC_DEADLINE, tsc() - tsc_of(2) + random_below((uint32_t)tsc_of(20)));
        if (!reaches(&cpus[0].count[VECTOR], i + 1, i & 1))
            break;
    }
    judge(i, rounds, "TSC deadlines, some of them past");
    apic_write(APIC_TIMER, LVT_MASKED);
}

static void let_go_at_last(uint8_t vector)
{
    if (this_cpu()->count[vector] == rounds)
        uart_drop();
    apic_eoi();
}

static void hunt_pins(void)
{
    struct cpu *last = &cpus[cpu_count - 1];
    handle(VECTOR, let_go_at_last);
    pin_set(UART_PIN, last->id, PIN_LEVEL | VECTOR);
    uart_raise();
    counts_to(&last->count[VECTOR], rounds);
    spend_open(GRACE);
    uint32_t reached = last->count[VECTOR];
    uart_drop();
    came_once(reached, rounds);
    judge(reached, rounds, "a level that is up, from EOI to EOI");

    handle(VECTOR, 0);
    pin_set(UART_PIN, last->id, VECTOR);
    uint32_t i = 0;
    for (; i < rounds; i++) {
        uart_raise();
        uart_drop();
        if (!reaches(&last->count[VECTOR], i + 1, false))
            break;
    }
    judge(i, rounds, "edges by the IO-APIC");

    pin_set(UART_PIN, cpus[0].id, PIN_LEVEL | PIN_MASKED | VECTOR);
    for (i = 0; i < rounds; i++) {
        uart_raise();
        pin_set(UART_PIN, cpus[0].id, PIN_LEVEL | VECTOR);
        bool requested = AWAIT(apic_bit(APIC_IRR, VECTOR));
        pin_set(UART_PIN, cpus[0].id, PIN_LEVEL | PIN_MASKED | VECTOR);
        uart_drop();
        if (!requested || !reaches(&cpus[0].count[VECTOR], i + 1, false))
            break;
    }
    judge(i, rounds, "levels that are unmasked and masked again");
    pin_set(UART_PIN, 0, PIN_MASKED);
}

static void serve(uint8_t vector)
{
    uart_drop();
    i8259_eoi(vector - PIC_BASE);
}

static void hunt_pair(void)
{
    handle(UART_VECTOR, serve);
    i8259_mask(0xffff & ~(1 << UART_PIN));
    apic_write(APIC_LINT0, LVT_EXTINT);
    uint32_t i = 0;
    for (; i < rounds; i++) {
        uart_raise();
        if (!reaches(&cpus[0].count[UART_VECTOR], i + 1, i & 1))
            break;
    }
    uart_drop();
    judge(i, rounds, "edges by the 8259 pair");
    apic_write(APIC_LINT0, LVT_MASKED);
    handle(UART_VECTOR, 0);
}

void test_hunts(void)
{
    pin_set(PIT_PIN, cpus[0].id, RESCUE_VECTOR);
    pit_rate(0);
    hunt_self();
    hunt_others();
    hunt_timer();
    hunt_pins();
    hunt_pair();
    pit_stop();
}
