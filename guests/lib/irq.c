/* Interrupt requests to C handlers: the IDT, the 8259 pair, dispatch.
 *
 * irq.S has one entry stub for each line. Lines are edge-triggered, so a
 * handler must leave its device with the line low before the next edge can
 * come. Vectors without a stub are not present: an exception ends in a triple
 * fault, which the machine's owner can see. Specification: Intel SDM volume
 * 3A, chapter 6. Deliberately absent: exceptions, spurious interrupts. */
#include "irq.h"
#include "entry.h"
#include "idt.h"
#include "lapic.h"
#include "pic.h"

#define LINES 16

extern const uintptr_t irq_stubs[LINES];

static void (*handlers[LINES])(void);

/* Called by the stubs. */
void irq_dispatch(uint32_t irq);

void irq_dispatch(uint32_t irq)
{
    handlers[irq]();
    pic_end_of_interrupt((uint8_t)irq);
}

void irq_start(void)
{
    pic_start();
    lapic_virtual_wire();
}

void irq_handle(uint8_t irq, void (*handler)(void))
{
    handlers[irq] = handler;
    idt_set(PIC_VECTOR + irq, irq_stubs[irq]);
    pic_unmask(irq);
}
