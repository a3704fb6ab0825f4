/* The two 8259 interrupt controllers of a PC.
 *
 * The second one's output is line 2 of the first, whose own output reaches the
 * processor through LINT0 of the local APIC. Specification: Intel 8259A data
 * sheet. Deliberately absent: priorities, automatic end of interrupt, reading
 * the request and service registers. */
#include "pic.h"
#include "ports.h"

#define FIRST 0x20
#define SECOND 0xa0
#define MASK 1                  /* the data port, after initialization */
#define CASCADE 2
#define ICW1_EDGE_CASCADE_ICW4 0x11
#define ICW4_8086 0x01
#define OCW2_END_OF_INTERRUPT 0x20

static uint16_t masked;

void pic_start(void)
{
    outb(FIRST, ICW1_EDGE_CASCADE_ICW4);
    outb(FIRST + MASK, PIC_VECTOR);
    outb(FIRST + MASK, 1 << CASCADE);
    outb(FIRST + MASK, ICW4_8086);
    outb(SECOND, ICW1_EDGE_CASCADE_ICW4);
    outb(SECOND + MASK, PIC_VECTOR + 8);
    outb(SECOND + MASK, CASCADE);
    outb(SECOND + MASK, ICW4_8086);
    masked = (uint16_t)~(1 << CASCADE);
    outb(FIRST + MASK, (uint8_t)masked);
    outb(SECOND + MASK, (uint8_t)(masked >> 8));
}

void pic_unmask(uint8_t irq)
{
    masked &= (uint16_t)~(1 << irq);
    outb(FIRST + MASK, (uint8_t)masked);
    outb(SECOND + MASK, (uint8_t)(masked >> 8));
}

void pic_end_of_interrupt(uint8_t irq)
{
    if (irq >= 8)
        outb(SECOND, OCW2_END_OF_INTERRUPT);
    outb(FIRST, OCW2_END_OF_INTERRUPT);
}
