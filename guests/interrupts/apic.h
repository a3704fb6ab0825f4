/* The local APIC of the processor that calls, through memory or MSRs. */
#pragma once
#include "machine.h"

enum {
    APIC_ID = 0x020, APIC_VERSION = 0x030, APIC_TPR = 0x080, APIC_APR = 0x090, APIC_PPR = 0x0a0, APIC_EOI = 0x0b0,
    APIC_LDR = 0x0d0, APIC_DFR = 0x0e0, APIC_SVR = 0x0f0, APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200,
    APIC_ESR = 0x280, APIC_CMCI = 0x2f0, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, APIC_TIMER = 0x320, APIC_THERMAL = 0x330,
    APIC_PERFORMANCE = 0x340, APIC_LINT0 = 0x350, APIC_LINT1 = 0x360, APIC_ERROR = 0x370, APIC_INITIAL = 0x380,
    APIC_CURRENT = 0x390, APIC_DIVIDE = 0x3e0, APIC_SELF_IPI = 0x3f0,
};

enum {
    SVR_ENABLE = 0x100, SVR_SUPPRESS_EOI = 0x1000,
    VERSION_SUPPRESS_EOI = 1 << 24,
    LVT_MASKED = 0x10000, LVT_LEVEL = 0x8000, LVT_REMOTE_IRR = 0x4000, LVT_LOW = 0x2000,
    LVT_NMI = 0x400, LVT_EXTINT = 0x700, TIMER_PERIODIC = 0x20000, TIMER_TSC_DEADLINE = 0x40000,
    DIVIDE_BY_1 = 0xb, DIVIDE_BY_16 = 3,
    ESR_SEND_VECTOR = 0x20, ESR_RECEIVE_VECTOR = 0x40, ESR_REGISTER = 0x80,
};

enum {
    ICR_FIXED = 0, ICR_LOWEST = 0x100, ICR_NMI = 0x400, ICR_INIT = 0x500, ICR_START = 0x600, ICR_LOGICAL = 0x800, ICR_BUSY = 0x1000,
    ICR_ASSERT = 0x4000, ICR_LEVEL = 0x8000, ICR_SELF = 0x40000, ICR_ALL = 0x80000, ICR_OTHERS = 0xc0000,
};

enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };
enum { BASE_BOOTSTRAP = 0x100, BASE_X2APIC = 0x400, BASE_ENABLE = 0x800 };

#define APIC_ADDRESS 0xfee00000u
#define DFR_FLAT 0xffffffffu
#define DFR_CLUSTER 0x0fffffffu

static inline volatile uint32_t *apic_page(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(APIC_ADDRESS + offset);
}

uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);

static inline void apic_eoi(void) { apic_write(APIC_EOI, 0); }

/* Writes the ICR, assert added, and waits until it is sent. */
void ipi(uint32_t destination, uint32_t command);

/* Whether a vector's bit is set in the ISR, TMR or IRR. */
bool apic_bit(uint32_t registers, uint8_t vector);

/* 32 of a register's 256 bits. Those of vectors below 16, which are none, are left out: who requests one all the same has it for ever. */
uint32_t apic_bits(uint32_t registers, uint32_t index);

/* Whether all of these are clear. */
bool apic_none(uint32_t registers);

/* What the ESR has logged since the last call. */
uint32_t apic_errors(void);

/* On, in xAPIC mode, with nothing pending or in service, every entry masked. */
void apic_baseline(void);

static inline void cr8_write(uint64_t value) { __asm__ volatile("movq %0, %%cr8" : : "r"(value) : "memory"); }

static inline uint64_t cr8_read(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr8, %0" : "=r"(value) : : "memory");
    return value;
}
