/* The interrupt descriptor table, filled one gate at a time.
 *
 * Gates are 32-bit interrupt gates into the current code segment; loading the
 * table again with each is cheaper to read than a separate step. Specification:
 * Intel SDM volume 3A, chapter 6. Deliberately absent: task and trap gates,
 * changes of privilege. */
#include "idt.h"
#include "entry.h"

#define PRESENT_INTERRUPT_GATE 0x8e

static struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t zero;
    uint8_t type;
    uint16_t offset_high;
} table[256];

void idt_set(uint8_t vector, uintptr_t address)
{
    const struct descriptor_table idtr = { sizeof table - 1, (uintptr_t)table };
    uint16_t code;

    __asm__ volatile("movw %%cs, %0" : "=r"(code));
    table[vector] = (struct gate){
        .offset_low = (uint16_t)address,
        .selector = code,
        .type = PRESENT_INTERRUPT_GATE,
        .offset_high = (uint16_t)(address >> 16),
    };
    __asm__ volatile("lidt %0" : : "m"(idtr), "m"(table));
}
