/* INIT of a processor whose task priority holds a request back, and a start-up interrupt.
 *
 * A monitor that has the hardware watch the task priority has to take the watch back with
 * the request, or the processor is stopped by it at its first instruction, for ever. That
 * is why this section is the last. Specification: Intel SDM volume 3A, "Local APIC State
 * After It Receives an INIT-Deassert IPI". Deliberately absent: what startup.c has. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { VECTOR = 0x53, PAGE = 9 };

static volatile bool held;

static void hold_back(void *argument)
{
    (void)argument;
    apic_write(APIC_TPR, 0xf0);
    ipi(0, ICR_SELF | VECTOR);
    held = AWAIT(apic_bit(APIC_IRR, VECTOR));
    interrupts_on();
    for (uint64_t start = tsc(); tsc() - start < tsc_of(patience); )
        relax();
}

void test_restart(void)
{
    static const char starts[] = "INIT and a SIPI start a processor whose task priority holds a request back";
    static const char takes[] = "which is gone, and others are taken";
    struct cpu *second = &cpus[1];
    if (cpu_count < 2) {
        skip(starts, "one processor");
        skip(takes, "one processor");
        return;
    }
    uint32_t arrivals = second->arrivals;
    place_trampoline(PAGE);
    begin_on(1, hold_back, 0);
    bool held_back = AWAIT(held) && stays_away(VECTOR);
    ipi(second->id, ICR_INIT);
    spend(1000);
    second->work = 0;
    ipi(second->id, ICR_START | PAGE);
    bool started = check(cpu_arrived(second, arrivals + 1) && held_back && starts_at(PAGE) == 1, starts);
    bool gone = started && stays_away(VECTOR);
    ipi(second->id, VECTOR);
    check(gone && arrives(VECTOR, 2), takes);
}
