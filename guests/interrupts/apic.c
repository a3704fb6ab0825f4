/* Reaching the local APIC, and bringing it to where every section begins.
 *
 * Specification: Intel SDM volume 3A, chapter "APIC". Deliberately absent: the
 * judgement of what it does. */
#include "apic.h"

uint32_t apic_read(uint32_t offset)
{
    return this_cpu()->x2apic ? (uint32_t)msr_read(MSR_X2APIC + offset / 16) : *apic_page(offset);
}

void apic_write(uint32_t offset, uint32_t value)
{
    if (this_cpu()->x2apic)
        msr_try_write(MSR_X2APIC + offset / 16, value);
    else
        *apic_page(offset) = value;
}

void ipi(uint32_t destination, uint32_t command)
{
    if (!(command & ICR_LEVEL))
        command |= ICR_ASSERT;
    if (this_cpu()->x2apic) {
        msr_try_write(MSR_X2APIC + APIC_ICR / 16, (uint64_t)destination << 32 | command);
        return;
    }
    *apic_page(APIC_ICR_HIGH) = destination << 24;
    *apic_page(APIC_ICR) = command;
    AWAIT(!(*apic_page(APIC_ICR) & ICR_BUSY));
}

bool apic_bit(uint32_t registers, uint8_t vector)
{
    return apic_read(registers + vector / 32 * 16) >> vector % 32 & 1;
}

uint32_t apic_bits(uint32_t registers, uint32_t index)
{
    return apic_read(registers + index * 16) & (index == 0 ? 0xffff0000 : 0xffffffff);
}

bool apic_none(uint32_t registers)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < 8; i++)
        all |= apic_bits(registers, i);
    return all == 0;
}

uint32_t apic_errors(void)
{
    apic_write(APIC_ESR, 0);
    return apic_read(APIC_ESR);
}

void apic_baseline(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t base = msr_read(MSR_APIC_BASE) & BASE_BOOTSTRAP;
    uint64_t now = msr_read(MSR_APIC_BASE);

    if ((now & 0xffffff000) != APIC_ADDRESS || (now & BASE_X2APIC) || !(now & BASE_ENABLE)) {
        msr_try_write(MSR_APIC_BASE, APIC_ADDRESS | base);
        msr_try_write(MSR_APIC_BASE, APIC_ADDRESS | base | BASE_ENABLE);
    }
    cpu->x2apic = false;
    cpu->first_vector = EXCEPTIONS;
    apic_write(APIC_SVR, SVR_ENABLE | SPURIOUS_VECTOR);
    apic_write(APIC_INITIAL, 0);
    for (uint32_t entry = APIC_TIMER; entry <= APIC_ERROR; entry += 16)
        apic_write(entry, LVT_MASKED);
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_DFR, DFR_FLAT);
    apic_write(APIC_LDR, cpu->index < 8 ? 1u << (24 + cpu->index) : 0);
    apic_write(APIC_TPR, 0);
    for (uint32_t i = 0; i < 256 && !apic_none(APIC_ISR); i++)
        apic_eoi();
    interrupts_on();
    for (uint32_t i = 0; i < 1000 && !apic_none(APIC_IRR); i++)
        relax();
    interrupts_off();
    apic_errors();
}
