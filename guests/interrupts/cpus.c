/* Starting the other processors and having them run functions.
 *
 * A processor that has nothing to do sleeps with interrupts on, so that a test's
 * interrupts are handled there. Work is left in its mailbox, and a vector tells it
 * to look; should that get lost, it is sent again, in the end as an NMI, so that one
 * fault is one failed point. Specification: Intel SDM volume 3A, "Multiple-Processor
 * Initialization". Deliberately absent: a queue of work. */
#include "apic.h"
#include "wires.h"

#define FIRST_PAGE 8

extern const uint8_t trampoline[], trampoline_starts[], trampoline_segment[], trampoline_cr0[], trampoline_end[];
extern volatile uint32_t started_count;

void processor_main(uint32_t index);

/* Called by trampoline.S. */
void processor_main(uint32_t index)
{
    struct cpu *cpu = &cpus[index];

    machine_load();
    cpu->index = index;
    cpu->x2apic = msr_read(MSR_APIC_BASE) & BASE_X2APIC;
    cpu->id_at_start = apic_read(APIC_ID) >> 24;
    cpu->esr_at_start = apic_read(APIC_ESR);
    for (uint32_t offset = APIC_TPR; offset <= APIC_ERROR && !cpu->x2apic; offset += 16)
        if (offset != 0x0c0 && (offset < APIC_ESR || offset >= APIC_ICR))
            cpu->at_start[offset / 16] = apic_read(offset);
    apic_baseline();
    cpu->id = apic_read(APIC_ID) >> 24;
    cpu->work = 0;
    cpu->arrivals++;
    for (;;) {
        if (cpu->work) {
            cpu->work(cpu->argument);
            interrupts_off();
            cpu->work = 0;
            cpu->worked++;
        } else {
            sleep();
        }
    }
}

static volatile uint32_t *at(uint32_t page, const uint8_t *label)
{
    return (volatile uint32_t *)(uintptr_t)((page << 12) + (uint32_t)(label - trampoline));
}

void place_trampoline(uint32_t page)
{
    uint8_t *copy = (uint8_t *)(uintptr_t)(page << 12);
    for (uint32_t i = 0; trampoline + i < trampoline_end; i++)
        copy[i] = trampoline[i];
}

uint32_t starts_at(uint32_t page) { return *at(page, trampoline_starts); }
uint32_t segment_at(uint32_t page) { return *at(page, trampoline_segment); }
uint32_t cr0_at(uint32_t page) { return *at(page, trampoline_cr0); }

bool cpu_arrived(struct cpu *cpu, uint32_t arrivals)
{
    return AWAIT_OPEN(cpu->arrivals == arrivals);
}

/* How many there are is not known but from the command line: without it, those count that have come when none did for a while. */
void cpus_start(uint32_t expected)
{
    place_trampoline(FIRST_PAGE);
    cpus[0].id = apic_read(APIC_ID) >> 24;
    ipi(0, ICR_INIT | ICR_OTHERS);
    spend(10000);
    ipi(0, ICR_START | ICR_OTHERS | FIRST_PAGE);
    spend(500);
    ipi(0, ICR_START | ICR_OTHERS | FIRST_PAGE);
    if (expected != 0)
        AWAIT(started_count + 1 >= expected);
    for (uint32_t before = ~0u; before != started_count; ) {
        before = started_count;
        spend(expected != 0 ? 10000 : 200000);
    }
    cpu_count = started_count + 1 < MAX_CPUS ? started_count + 1 : MAX_CPUS;
    for (uint32_t i = 1; i < cpu_count; i++)
        cpu_arrived(&cpus[i], 1);
}

void begin_on(uint32_t index, void (*work)(void *), void *argument)
{
    struct cpu *cpu = &cpus[index];
    cpu->argument = argument;
    cpu->work = work;
    ipi(cpu->id, WAKE_VECTOR);
}

bool end_on(uint32_t index)
{
    struct cpu *cpu = &cpus[index];
    if (AWAIT(!cpu->work))
        return true;
    ipi(cpu->id, WAKE_VECTOR);
    spend(10000);
    ipi(cpu->id, ICR_NMI);
    return AWAIT(!cpu->work);
}

bool run_on(uint32_t index, void (*work)(void *), void *argument)
{
    if (index == this_cpu()->index) {
        work(argument);
        return true;
    }
    begin_on(index, work, argument);
    return end_on(index);
}

bool run_everywhere(void (*work)(void *), void *argument)
{
    bool good = true;
    for (uint32_t i = 1; i < cpu_count; i++)
        begin_on(i, work, argument);
    for (uint32_t i = 1; i < cpu_count; i++)
        good &= end_on(i);
    work(argument);
    return good;
}

static void empty(void *argument)
{
    (void)argument;
    apic_baseline();
}

void baseline(void)
{
    wires_baseline();
    handle_nothing();
    run_everywhere(empty, 0);
    clear_counts();
}
