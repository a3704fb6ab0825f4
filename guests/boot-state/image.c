/* Is the kernel's own image in memory as the ELF file says?
 *
 * Data must hold its initial values and .bss must be zero; the loader zeroes
 * what lies between a segment's file size and its memory size. Specification:
 * System V gABI, program loading. Deliberately absent: code and constants,
 * without which nothing here would run. */
#include "boot_state.h"
#include "idt.h"

#define PATTERN 0x600df00du
#define BSS_WORDS 16384

extern const uint8_t image_start[], image_end[];
extern void survives_fault(void);

static volatile uint32_t initialized = PATTERN;
static volatile uint32_t zeroed[BSS_WORDS];

struct region image_region(void)
{
    return region("image", (uintptr_t)image_start, (uintptr_t)(image_end - image_start));
}

void survives_start(void)
{
    enum { INVALID_OPCODE = 6, SEGMENT_NOT_PRESENT = 11, PAGE_FAULT = 14 };

    idt_set(INVALID_OPCODE, (uintptr_t)survives_fault);
    for (uint8_t vector = SEGMENT_NOT_PRESENT; vector <= PAGE_FAULT; vector++)
        idt_set(vector, (uintptr_t)survives_fault);
}

void check_image(void)
{
    const volatile uint32_t *word = zeroed;
    uint32_t left = BSS_WORDS;
    while (left > 0 && *word == 0) {
        word++;
        left--;
    }
    must(initialized == PATTERN, "image: .data holds its initial values");
    must(left == 0, "image: .bss is zero");
}
