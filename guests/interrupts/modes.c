/* Software disable, and IA32_APIC_BASE: off, on, elsewhere.
 *
 * Specification: Intel SDM volume 3A, "Local APIC State After It Has Been Software
 * Disabled", "Enabling or Disabling the Local APIC", "Relocating the Local APIC
 * Registers". Deliberately absent: x2APIC mode, which has a section of its own. */
#include "apic.h"
#include "check.h"
#include "sections.h"

#define ELSEWHERE 0xfed80000u

enum { VECTOR = 0x54, HELD = 0x55 };

static bool cpuid_has_apic(void)
{
    uint32_t r[4];
    cpuid(1, 0, r);
    return r[3] >> 9 & 1;
}

static void software_disable(void)
{
    apic_write(APIC_ERROR, VECTOR);
    apic_write(APIC_LINT1, LVT_NMI);
    ipi(0, ICR_SELF | HELD);
    AWAIT(apic_bit(APIC_IRR, HELD));
    apic_write(APIC_SVR, SPURIOUS_VECTOR);
    bool masked = true;
    for (uint32_t entry = APIC_TIMER; entry <= APIC_ERROR; entry += 16)
        masked &= (apic_read(entry) & LVT_MASKED) != 0;
    check(masked, "software disable masks every LVT entry");
    apic_write(APIC_ERROR, VECTOR);
    check(apic_read(APIC_ERROR) == (LVT_MASKED | VECTOR), "which stay masked whatever is written");
    ipi(0, ICR_SELF | VECTOR);
    check(stays_away(VECTOR) && !apic_bit(APIC_IRR, VECTOR), "a fixed interrupt is dropped");
    check(apic_read(APIC_ID) >> 24 == this_cpu()->id, "registers can be read");
    if (cpu_count > 1) {
        ipi(cpus[1].id, VECTOR);
        check(arrives(VECTOR, 2), "and interrupts sent to others");
    } else {
        skip("and interrupts sent to others", "one processor");
    }
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
    check(apic_read(APIC_ERROR) == (LVT_MASKED | VECTOR), "enabled again, they still are");
    check(stays_away(VECTOR), "and what was dropped does not come");
    check(arrives(HELD, 1), "what was requested before does");
    apic_baseline();
}

static void global_disable(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE);
    apic_write(APIC_TPR, 0x30);
    apic_write(APIC_DIVIDE, 3);
    check(cpuid_has_apic(), "CPUID shows the APIC");
    check(msr_try_write(MSR_APIC_BASE, base & ~(uint64_t)BASE_ENABLE), "IA32_APIC_BASE switches it off");
    check((msr_read(MSR_APIC_BASE) & BASE_ENABLE) == 0, "and reads so");
    check(!cpuid_has_apic(), "CPUID then does not show it");
    check(*apic_page(APIC_VERSION) == 0xffffffff || *apic_page(APIC_VERSION) == 0, "nor is its page there");
    check(msr_try_write(MSR_APIC_BASE, base), "and on again");
    check(apic_read(APIC_TPR) == 0 && apic_read(APIC_DIVIDE) == 0 && (apic_read(APIC_SVR) & 0x1ff) == 0xff && apic_read(APIC_TIMER) == LVT_MASKED,
          "its registers are as after a reset");
    apic_baseline();
    ipi(0, ICR_SELF | VECTOR);
    check(arrives(VECTOR, 1), "it works again");
    check(!msr_try_write(MSR_APIC_BASE, base | 1), "reserved bits of IA32_APIC_BASE are #GP");
    check(!msr_try_write(MSR_APIC_BASE, (base & ~(uint64_t)BASE_ENABLE) | BASE_X2APIC), "x2APIC mode without the enable bit is #GP");
}

static void relocate(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE);
    uint32_t version = apic_read(APIC_VERSION);
    volatile uint32_t *there = (volatile uint32_t *)(uintptr_t)(ELSEWHERE + APIC_VERSION);
    msr_try_write(MSR_APIC_BASE, (base & 0xfff) | ELSEWHERE);
    check(*there == version, "the registers can be moved");
    check(*apic_page(APIC_VERSION) != version, "and are not where they were");
    msr_try_write(MSR_APIC_BASE, base);
    check(*apic_page(APIC_VERSION) == version, "and back");
}

void test_modes(void)
{
    software_disable();
    global_disable();
    relocate();
}
