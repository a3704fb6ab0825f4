/* The local APIC, as memory at its default address. */
#pragma once
#include <stdint.h>

enum {
    LAPIC_VERSION = 0x030,
    LAPIC_EOI = 0x0b0,
    LAPIC_SPURIOUS = 0x0f0,
    LAPIC_ICR_LOW = 0x300,
    LAPIC_ICR_HIGH = 0x310,
    LAPIC_TIMER = 0x320,
    LAPIC_LINT0 = 0x350,
    LAPIC_INITIAL_COUNT = 0x380,
    LAPIC_DIVIDE = 0x3e0,
};

static inline volatile uint32_t *lapic(uint32_t offset)
{
    return (volatile uint32_t *)(0xfee00000u + offset);
}

/* Switches the local APIC on, with LINT0 open to the 8259 pair. */
void lapic_virtual_wire(void);
