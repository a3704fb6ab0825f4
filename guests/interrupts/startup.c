/* INIT and start-up interrupts, to the second processor and to all.
 *
 * A heartbeat in memory tells whether a processor runs. Specification: Intel SDM
 * volume 3A, "MP Initialization Protocol", "Local APIC State After It Receives an
 * INIT-Deassert IPI". Deliberately absent: INIT of the bootstrap processor, which would
 * begin at the reset vector; a task priority that holds a request back, which restart.c has. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { VECTOR = 0x53, PAGE = 9, OTHER_PAGE = 0xa };

static volatile uint32_t heartbeat;

static void beat(void)
{
    for (uint64_t start = tsc(); tsc() - start < tsc_of(patience); heartbeat++)
        relax();
}

/* The request is pending because interrupts are off. */
static void spoil(void *argument)
{
    (void)argument;
    apic_write(APIC_TPR, 0x10);
    apic_write(APIC_LDR, 0x5a000000);
    apic_write(APIC_DFR, DFR_CLUSTER);
    apic_write(APIC_TIMER, 0x54);
    apic_write(APIC_DIVIDE, 3);
    apic_write(APIC_INITIAL, 0xffffffff);
    ipi(0, ICR_SELF | VECTOR);
    AWAIT(apic_bit(APIC_IRR, VECTOR));
    beat();
}

/* What stops a processor may take a while to get there. */
static bool stands_still(void)
{
    uint64_t start = tsc();
    uint32_t before;
    do {
        before = heartbeat;
        spend(2000);
    } while (heartbeat != before && tsc() - start < tsc_of(patience));
    return heartbeat == before;
}

static bool beats(void)
{
    uint32_t before = heartbeat;
    return AWAIT(heartbeat != before);
}

static uint32_t was(const struct cpu *cpu, uint32_t offset) { return cpu->at_start[offset / 16]; }

static void state_after_init(const struct cpu *cpu)
{
    bool masked = true;
    for (uint32_t entry = APIC_TIMER; entry <= APIC_ERROR; entry += 16)
        masked &= was(cpu, entry) == LVT_MASKED;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 8; i++)
        bits |= was(cpu, APIC_ISR + i * 16) | was(cpu, APIC_IRR + i * 16);
    check(was(cpu, APIC_TPR) == 0 && was(cpu, APIC_PPR) == 0, "after INIT the priorities are 0");
    check(bits == 0, "nothing is requested nor in service");
    check(masked, "every LVT entry is masked");
    check((was(cpu, APIC_SVR) & 0x1ff) == 0xff, "the SVR is 0xff");
    check(was(cpu, APIC_DFR) == DFR_FLAT && was(cpu, APIC_LDR) == 0, "LDR and DFR are 0 and flat");
    check(cpu->id_at_start == cpu->id, "the id is kept");
    check(cpu->esr_at_start == 0, "the ESR is clear");
}

void test_startup(void)
{
    struct cpu *second = &cpus[1];
    if (cpu_count < 2) {
        skip("INIT stops a processor, a SIPI starts it", "one processor");
        return;
    }
    uint32_t arrivals = second->arrivals;
    place_trampoline(PAGE);
    place_trampoline(OTHER_PAGE);
    begin_on(1, spoil, 0);
    check(beats(), "a processor runs");
    ipi(second->id, ICR_START | PAGE);
    spend(GRACE);
    check(beats() && starts_at(PAGE) == 0, "a SIPI without an INIT is ignored");
    ipi(second->id, ICR_INIT | ICR_LEVEL);
    check(beats(), "so is the INIT level de-assert");
    ipi(second->id, ICR_INIT);
    check(stands_still(), "INIT stops it");
    second->work = 0;
    clear_counts();
    ipi(second->id, VECTOR);
    ipi(second->id, ICR_NMI);
    ipi(second->id, ICR_INIT);
    check(stands_still() && stays_away(VECTOR) && stays_away(NMI), "waiting for a SIPI it takes no interrupt, and a further INIT changes nothing");
    ipi(second->id, ICR_START | PAGE);
    check(cpu_arrived(second, arrivals + 1), "a SIPI starts it");
    check(segment_at(PAGE) == PAGE << 8, "at the page of its vector, with IP 0");
    check((cr0_at(PAGE) & 0x80000001) == 0 && (cr0_at(PAGE) & 0x10), "in real mode");
    ipi(second->id, ICR_START | OTHER_PAGE);
    spend(GRACE);
    check(starts_at(PAGE) == 1 && starts_at(OTHER_PAGE) == 0 && second->arrivals == arrivals + 1, "a second SIPI is ignored");
    state_after_init(second);
    ipi(second->id, VECTOR);
    check(arrives(VECTOR, 2), "it takes interrupts again");

    bool good = true;
    uint32_t before[MAX_CPUS];
    for (uint32_t i = 1; i < cpu_count; i++)
        before[i] = cpus[i].arrivals;
    place_trampoline(PAGE);
    ipi(0, ICR_INIT | ICR_OTHERS);
    spend(1000);
    ipi(0, ICR_START | ICR_OTHERS | PAGE);
    for (uint32_t i = 1; i < cpu_count; i++)
        good &= cpu_arrived(&cpus[i], before[i] + 1);
    check(good && starts_at(PAGE) == cpu_count - 1, "all but self: each starts once");
    good = true;
    for (uint32_t i = 1; i < cpu_count; i++)
        before[i] = cpus[i].arrivals;
    ipi(0, ICR_INIT | ICR_LEVEL | ICR_ASSERT | ICR_OTHERS);
    spend(1000);
    ipi(0, ICR_INIT | ICR_LEVEL | ICR_ALL);
    ipi(0, ICR_START | ICR_OTHERS | OTHER_PAGE);
    ipi(0, ICR_START | ICR_OTHERS | OTHER_PAGE);
    for (uint32_t i = 1; i < cpu_count; i++)
        good &= cpu_arrived(&cpus[i], before[i] + 1);
    check(good && starts_at(OTHER_PAGE) == cpu_count - 1, "so do they by INIT assert, de-assert and two SIPIs, as systems have sent it for long");
}
