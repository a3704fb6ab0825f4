/* The 8259 pair: interrupt request lines to vectors. */
#pragma once
#include <stdint.h>

#define PIC_VECTOR 0x20         /* of IRQ 0; IRQ 8 follows at 0x28 */

/* Gives the lines their vectors and masks all of them. */
void pic_start(void);
void pic_unmask(uint8_t irq);
void pic_end_of_interrupt(uint8_t irq);
