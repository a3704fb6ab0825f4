/* The local APIC's in-service bits and priorities.
 *
 * An interrupt of a high class is sent to itself. Its handler looks at its
 * in-service bit and at the processor priority, opens interrupts and sends one
 * of a lower class: an APIC that keeps its in-service bits holds that back
 * until the end of interrupt, and delivers it then. Specification: Intel SDM
 * volume 3A, chapter "APIC", interrupt acceptance.
 * Deliberately absent: the x2APIC, other processors, level-triggered input. */
#include "probe.h"
#include "idt.h"
#include "lapic.h"
#include <stdbool.h>

#define HIGH_VECTOR 0x60
#define LOW_VECTOR 0x40
#define SPURIOUS_VECTOR 0xff
#define SOFTWARE_ENABLE 0x100
#define TO_SELF 0x44000         /* fixed, edge, assert, shorthand "self" */
#define PATIENCE 300            /* rounds of waiting for an interrupt */

enum { TPR = 0x080, PPR = 0x0a0, EOI = 0x0b0, ISR = 0x100, IRR = 0x200 };

/* vectors.S enters through these. */
void high_entry(void);
void low_entry(void);
void on_high(void);
void on_low(void);

static volatile bool high_ran, low_ran, low_ran_early, isr_kept, low_pending;
static volatile uint32_t ppr;

static bool vector_bit(uint32_t registers, uint32_t vector)
{
    return *lapic(registers + (vector >> 5) * 0x10) >> (vector & 31) & 1;
}

static void send(uint32_t vector, volatile bool *arrived)
{
    *lapic(LAPIC_ICR_LOW) = TO_SELF | vector;
    for (int i = 0; i < PATIENCE && !*arrived; i++)
        __asm__ volatile("nop");
}

void on_low(void)
{
    low_ran = true;
    *lapic(EOI) = 0;
}

void on_high(void)
{
    high_ran = true;
    isr_kept = vector_bit(ISR, HIGH_VECTOR);
    ppr = *lapic(PPR);
    __asm__ volatile("sti" : : : "memory");
    send(LOW_VECTOR, &low_ran);
    __asm__ volatile("cli" : : : "memory");
    low_ran_early = low_ran;
    low_pending = vector_bit(IRR, LOW_VECTOR);
    *lapic(EOI) = 0;
}

void probe_apic(void)
{
    idt_set(HIGH_VECTOR, (uintptr_t)high_entry);
    idt_set(LOW_VECTOR, (uintptr_t)low_entry);
    *lapic(LAPIC_SPURIOUS) = SOFTWARE_ENABLE | SPURIOUS_VECTOR;
    *lapic(TPR) = 0;
    __asm__ volatile("sti" : : : "memory");
    send(HIGH_VECTOR, &high_ran);
    for (int i = 0; i < PATIENCE && high_ran && !low_ran; i++)
        __asm__ volatile("nop");
    __asm__ volatile("cli" : : : "memory");

    if (!high_ran) {
        say("apic silent\n");
        return;
    }
    say("isr %s\n", isr_kept ? "kept" : "lost");
    say("ppr %x\n", ppr);
    if (low_ran_early)
        say("nested broken\n");
    else
        say("nested %s\n", low_pending && low_ran ? "held" : "lost");
}
