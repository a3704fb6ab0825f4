/* x2APIC mode: MSRs, 32-bit ids, clusters of sixteen, self IPI, and the way in and out.
 *
 * Specification: Intel SDM volume 3A, "Extended XAPIC (x2APIC)". Deliberately absent:
 * processors of which some are in this mode and some are not. */
#include "apic.h"
#include "check.h"
#include "sections.h"

enum { VECTOR = 0x58, HIGH = 0x98 };

static void enter(void *entered)
{
    struct cpu *cpu = this_cpu();
    uint64_t base = msr_read(MSR_APIC_BASE);
    cpu->x2apic = msr_try_write(MSR_APIC_BASE, base | BASE_X2APIC);
    *(volatile bool *)entered &= cpu->x2apic;
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
}

static uint32_t logical_id(uint32_t id) { return id >> 4 << 16 | 1u << (id & 15); }

static void identity(void *good)
{
    uint32_t r[4];
    cpuid(0xb, 0, r);
    uint32_t id = apic_read(APIC_ID);
    uint32_t max[4];
    cpuid(0, 0, max);
    *(volatile bool *)good &= id == this_cpu()->id && (max[0] < 0xb || r[3] == id) && apic_read(APIC_LDR) == logical_id(id);
}

static bool refused(uint32_t offset, uint64_t value) { return !msr_try_write(MSR_X2APIC + offset / 16, value); }

static bool unreadable(uint32_t offset)
{
    uint64_t value;
    return !msr_try_read(MSR_X2APIC + offset / 16, &value);
}

static void refusals(void)
{
    check(unreadable(APIC_DFR) && unreadable(APIC_APR) && unreadable(APIC_ICR_HIGH) && unreadable(0x0c0) && unreadable(0x400),
          "registers that this mode has not are #GP");
    check(unreadable(APIC_EOI) && unreadable(APIC_SELF_IPI), "so is reading what can only be written");
    check(refused(APIC_ID, 0) && refused(APIC_VERSION, 0) && refused(APIC_PPR, 0) && refused(APIC_LDR, 0) && refused(APIC_ISR, 0) && refused(APIC_IRR, 0) &&
          refused(APIC_CURRENT, 0), "and writing what can only be read");
    check(refused(APIC_TPR, 0x100) && refused(APIC_SVR, 1u << 31) && refused(APIC_SELF_IPI, 0x100) && refused(APIC_TIMER, 1u << 31) &&
          refused(APIC_DIVIDE, 0x10) && refused(APIC_INITIAL, 1ull << 32), "and reserved bits");
    check(refused(APIC_EOI, 1) && refused(APIC_ESR, 1), "EOI and ESR take 0 alone");
    check(!refused(APIC_EOI, 0) && !refused(APIC_ESR, 0), "and do take it");
    check(apic_errors() == 0, "none of this is logged in the ESR");
}

static bool reaches(uint32_t destination, uint32_t command, uint64_t set)
{
    ipi(destination, command | VECTOR);
    return arrives(VECTOR, set);
}

static void destinations(void)
{
    uint64_t all = everyone(cpu_count);
    bool good = true;
    for (uint32_t i = 0; i < cpu_count; i++)
        good &= reaches(cpus[i].id, ICR_FIXED, 1ull << i);
    check(good, "physical: each processor by its id");
    check(reaches(0xffffffff, ICR_FIXED, all), "physical: all ones is everyone");
    check(cpu_count > 0xff || reaches(0xff, ICR_FIXED, 0), "physical: 0xff is one id as any other");
    good = true;
    for (uint32_t i = 0; i < cpu_count; i++)
        good &= reaches(logical_id(cpus[i].id), ICR_LOGICAL, 1ull << i);
    check(good, "cluster: each processor by its cluster and bit");
    uint64_t first = everyone(cpu_count < 16 ? cpu_count : 16);
    check(reaches(0xffff, ICR_LOGICAL, first), "cluster: several bits are several");
    check(reaches(0xfff0ffff, ICR_LOGICAL, 0), "cluster: another cluster is others");
    check(reaches(0, ICR_SELF, 1) && reaches(0, ICR_ALL, all) && reaches(0, ICR_OTHERS, all & ~1ull), "shorthands");
    for (uint32_t i = 1; i <= 16; i++) {
        ipi((uint32_t)first, ICR_LOGICAL | ICR_LOWEST | HIGH);
        if (!AWAIT_OPEN(total(HIGH) == i))
            break;
    }
    spend_open(GRACE);
    check(total(HIGH) == 16, "lowest priority: each message comes to one");
    clear_counts();
    ipi(cpus[cpu_count - 1].id, ICR_NMI);
    check(arrives(NMI, 1ull << (cpu_count - 1)), "an NMI comes");
}

static void self_ipi(void)
{
    apic_write(APIC_SELF_IPI, VECTOR);
    check(AWAIT(apic_bit(APIC_IRR, VECTOR)) && !apic_bit(APIC_TMR, VECTOR), "a self IPI is requested, as an edge");
    check(arrives(VECTOR, 1), "and comes to this processor alone");
    apic_write(APIC_TPR, 0x50);
    check(cr8_read() == 5, "CR8 is the TPR here too");
    apic_write(APIC_SELF_IPI, VECTOR);
    apic_write(APIC_SELF_IPI, HIGH);
    check(arrives(HIGH, 1) && stays_away(VECTOR), "priorities hold");
    cr8_write(0);
    check(arrives(VECTOR, 1), "and let go");
    ipi(0x12345678, ICR_FIXED | VECTOR);
    uint64_t icr = msr_read(MSR_X2APIC + APIC_ICR / 16);
    check((icr & ~(uint64_t)ICR_BUSY) == (0x1234567800000000 | ICR_ASSERT | VECTOR), "the ICR is one register of 64 bits");
    check(msr_read(MSR_X2APIC + APIC_SVR / 16) >> 32 == 0, "others read as 32");
    check(*apic_page(APIC_VERSION) != apic_read(APIC_VERSION), "the page is not there");
}

static void go_back(void *argument)
{
    (void)argument;
    apic_baseline();
}

void test_x2apic(void)
{
    uint64_t value;
    uint64_t base = msr_read(MSR_APIC_BASE);
    check(!msr_try_read(MSR_X2APIC + APIC_VERSION / 16, &value), "outside of this mode its MSRs are #GP");
    if (!has_x2apic()) {
        check(!msr_try_write(MSR_APIC_BASE, base | BASE_X2APIC), "without it the mode's bit is #GP");
        skip("x2APIC mode", "CPUID has none");
        return;
    }
    bool good = true;
    good &= run_everywhere(enter, &good);
    check(good, "every processor enters it");
    good = true;
    good &= run_everywhere(identity, &good);
    check(good, "id and logical id are each processor's own");
    destinations();
    self_ipi();
    refusals();
    check(!msr_try_write(MSR_APIC_BASE, base), "back to xAPIC mode is #GP");
    check(!msr_try_write(MSR_APIC_BASE, (base & ~(uint64_t)BASE_ENABLE) | BASE_X2APIC), "so is the mode without the enable bit");
    check(msr_try_write(MSR_APIC_BASE, base & ~(uint64_t)BASE_ENABLE), "switching off leaves it");
    check(!msr_try_write(MSR_APIC_BASE, base | BASE_X2APIC), "from off to it is #GP");
    check(msr_try_write(MSR_APIC_BASE, base), "from off to xAPIC mode is the way");
    this_cpu()->x2apic = false;
    good = run_everywhere(go_back, 0);
    ipi(0xff, VECTOR);
    check(good && arrives(VECTOR, everyone(cpu_count)), "every processor is back in xAPIC mode");
}
