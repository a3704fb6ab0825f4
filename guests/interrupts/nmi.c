/* NMIs: who gets them, what does not hold them back, and what does.
 *
 * Specification: Intel SDM volume 3A, "Handling Multiple NMIs", "Interrupt Command
 * Register". Deliberately absent: an NMI by the board's button, which a guest cannot
 * press, and through LINT1. */
#include "apic.h"
#include "check.h"
#include "sections.h"

static void to_self(void) { ipi(this_cpu()->id, ICR_NMI); }

static volatile uint32_t within;

static void send_two(uint8_t vector)
{
    if (this_cpu()->count[vector] != 1)
        return;
    to_self();
    to_self();
    spend(GRACE);
    within = this_cpu()->count[vector];
}

static void open_within(uint8_t vector)
{
    if (this_cpu()->count[vector] != 1)
        return;
    to_self();
    interrupts_on();
    spend(GRACE);
    interrupts_off();
    within = this_cpu()->count[vector];
}

static void disabled_to_self(void *argument)
{
    (void)argument;
    apic_write(APIC_SVR, SPURIOUS_VECTOR);
    to_self();
    spend(GRACE);
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
}

static bool comes_closed(void)
{
    return AWAIT(this_cpu()->count[NMI] == 1) && arrives(NMI, 1);
}

void test_nmi(void)
{
    uint64_t all = everyone(cpu_count);
    bool good = true;
    for (uint32_t i = 0; i < cpu_count; i++) {
        ipi(cpus[i].id, ICR_NMI);
        good &= arrives(NMI, 1ull << i);
    }
    check(good, "physical: each processor by its id");
    ipi(0, ICR_NMI | ICR_OTHERS);
    check(arrives(NMI, all & ~1ull), "shorthand all but self");
    ipi(0xff, ICR_NMI | ICR_LOGICAL);
    check(arrives(NMI, all), "logical: 0xff is everyone");
    ipi(cpus[cpu_count - 1].id, ICR_NMI | 0x57);
    check(arrives(NMI, 1ull << (cpu_count - 1)) && stays_away(0x57), "the vector field counts for nothing");

    to_self();
    check(comes_closed(), "it comes with interrupts off");
    apic_write(APIC_TPR, 0xff);
    to_self();
    check(comes_closed(), "and whatever the TPR is");
    apic_write(APIC_TPR, 0);
    disabled_to_self(0);
    check(arrives(NMI, 1), "and to a software-disabled APIC");
    check(apic_none(APIC_ISR) && apic_none(APIC_IRR), "it is neither in the IRR nor in the ISR");

    handle(NMI, send_two);
    to_self();
    good = AWAIT(this_cpu()->count[NMI] == 2);
    spend(GRACE);
    check(good && within == 1, "in its handler further ones wait for the IRET");
    if (this_cpu()->count[NMI] != 2)
        note("%u came, not 2", this_cpu()->count[NMI]);
    check(this_cpu()->count[NMI] == 2, "of which one is kept");
    clear_counts();
    handle(NMI, open_within);
    to_self();
    AWAIT(this_cpu()->count[NMI] == 2);
    check(within == 1 && this_cpu()->count[NMI] == 2, "STI in the handler does not let it in");
    handle(NMI, 0);
    clear_counts();

    if (cpu_count < 2) {
        skip("it ends a HLT", "one processor");
        return;
    }
    ipi(cpus[1].id, ICR_NMI);
    check(arrives(NMI, 2), "it ends a HLT");
}
