/* Who gets a fixed interrupt: shorthands, physical and logical destinations, lowest
 * priority.
 *
 * Every point sends from the first processor and looks at all. Specification: Intel
 * SDM volume 3A, "Determining IPI Destination", "Lowest Priority Delivery Mode".
 * Deliberately absent: which processor the arbitration picks, as hypervisors and
 * processors differ in it; that it picks one is tested. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { VECTOR = 0x52, LOWEST_MESSAGES = 64 };

static void set_ldr(void *value)
{
    uint32_t index = this_cpu()->index;
    uint32_t model = (uint32_t)(uintptr_t)value;
    apic_write(APIC_DFR, model);
    if (model == DFR_FLAT)
        apic_write(APIC_LDR, index < 8 ? 1u << (24 + index) : 0);
    else
        apic_write(APIC_LDR, index < 60 ? (index / 4) << 28 | 1u << (24 + index % 4) : 0);
}

static void disable(void *argument)
{
    (void)argument;
    apic_write(APIC_SVR, SPURIOUS_VECTOR);
}

static void enable(void *argument)
{
    (void)argument;
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
}

static bool logical(uint32_t destination, uint64_t set)
{
    ipi(destination, ICR_LOGICAL | VECTOR);
    return arrives(VECTOR, set);
}

static void flat(void)
{
    uint32_t eight = cpu_count < 8 ? cpu_count : 8;
    bool good = true;
    for (uint32_t i = 0; i < eight; i++)
        good &= logical(1u << i, 1ull << i);
    check(good, "flat: one bit is one processor");
    good = true;
    for (uint32_t mask = 1; mask < 1u << (eight < 4 ? eight : 4); mask++)
        good &= logical(mask, mask);
    check(good, "flat: several bits are several");
    good = cpu_count >= 8 || logical(0x80, 0);
    check(good && logical(0, 0), "flat: a bit of nobody, or none, is nobody");
    check(logical(0xff, everyone(cpu_count)), "flat: 0xff is everyone");
}

static void cluster(void)
{
    run_everywhere(set_ldr, (void *)(uintptr_t)DFR_CLUSTER);
    bool good = true;
    for (uint32_t i = 0; i < cpu_count && i < 60; i++)
        good &= logical((i / 4) << 4 | 1u << i % 4, 1ull << i);
    check(good, "cluster: a cluster and a bit are one processor");
    uint64_t first = everyone(cpu_count < 4 ? cpu_count : 4);
    check(logical(0x0f, first), "cluster: several bits are several of the cluster");
    check(logical(0xef, cpu_count > 56 ? everyone(cpu_count) & 0xfull << 56 : 0), "cluster: the same bits of another cluster are others");
    check(logical(0xff, everyone(cpu_count)), "cluster: 0xff is everyone");
    run_everywhere(set_ldr, (void *)(uintptr_t)DFR_FLAT);
}

static void lowest_priority(void)
{
    uint32_t members = cpu_count < 8 ? cpu_count : 8;
    bool good = true;
    clear_counts();
    for (uint32_t i = 1; i <= LOWEST_MESSAGES && good; i++) {
        ipi((1u << members) - 1, ICR_LOGICAL | ICR_LOWEST | VECTOR);
        good = AWAIT_OPEN(total(VECTOR) == i);
    }
    spend_open(GRACE);
    check(good && total(VECTOR) == LOWEST_MESSAGES, "lowest priority: each message comes to one of those addressed");
    clear_counts();
    ipi(1, ICR_LOGICAL | ICR_LOWEST | VECTOR);
    check(arrives(VECTOR, 1), "lowest priority: to one alone it comes there");
    if (cpu_count < 2) {
        skip("lowest priority: a software-disabled APIC is not picked", "one processor");
        return;
    }
    run_on(1, disable, 0);
    for (uint32_t i = 0; i < 8; i++) {
        ipi(3, ICR_LOGICAL | ICR_LOWEST | VECTOR);
        if (!AWAIT_OPEN(total(VECTOR) == i + 1))
            break;
    }
    check(cpus[0].count[VECTOR] == 8 && total(VECTOR) == 8, "lowest priority: a software-disabled APIC is not picked");
    begin_on(1, enable, 0);
    ipi(cpus[1].id, ICR_NMI);           /* the wake vector does not get through */
    end_on(1);
    clear_counts();
}

void test_ipi(void)
{
    uint64_t all = everyone(cpu_count);
    ipi(0, ICR_SELF | VECTOR);
    check(arrives(VECTOR, 1), "shorthand self");
    ipi(0, ICR_ALL | VECTOR);
    check(arrives(VECTOR, all), "shorthand all");
    ipi(0, ICR_OTHERS | VECTOR);
    check(arrives(VECTOR, all & ~1ull), "shorthand all but self");
    ipi(cpus[cpu_count - 1].id, ICR_SELF | VECTOR);
    check(arrives(VECTOR, 1), "a shorthand overrides the destination");

    bool good = true;
    for (uint32_t i = 0; i < cpu_count; i++) {
        ipi(cpus[i].id, VECTOR);
        good &= arrives(VECTOR, 1ull << i);
    }
    check(good, "physical: each processor by its id");
    ipi(0xff, VECTOR);
    check(arrives(VECTOR, all), "physical: 0xff is everyone");
    ipi(0xfe, VECTOR);
    check(stays_away(VECTOR), "physical: an id of nobody is nobody");
    ipi(cpus[cpu_count - 1].id, ICR_LEVEL | ICR_ASSERT | VECTOR);
    check(arrives(VECTOR, 1ull << (cpu_count - 1)), "a level-triggered one that is asserted comes");
    flat();
    cluster();
    lowest_priority();
}
