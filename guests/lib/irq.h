/* Interrupts from the 8259 pair, handled in C. */
#pragma once
#include <stdint.h>

/* Gives the 16 lines their vectors, all masked; comes first. */
void irq_start(void);

/* Opens a line. Its handler runs with interrupts off; the end of the
 * interrupt is signalled after it. */
void irq_handle(uint8_t irq, void (*handler)(void));

/* Sleeps until an interrupt has been handled. Called with interrupts off and
 * returns so: STI takes effect after the next instruction, so no interrupt
 * can slip in between the caller's check and the HLT. */
static inline void wait_for_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}
