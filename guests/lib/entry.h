/* The processor's state as start.S found it at the PVH entry point.
 *
 * Shared by the assembly that stores it and the C that judges it, hence the
 * offsets. Deliberately absent: what the start-up code leaves as it was (DS,
 * ES, FS, GS, TR and the model-specific registers); a guest reads those. */
#pragma once

#define ENTRY_EAX     0
#define ENTRY_EBX     4
#define ENTRY_ECX     8
#define ENTRY_EDX    12
#define ENTRY_ESI    16
#define ENTRY_EDI    20
#define ENTRY_EBP    24
#define ENTRY_ESP    28
#define ENTRY_EFLAGS 32
#define ENTRY_CR0    36
#define ENTRY_CR3    40
#define ENTRY_CR4    44
#define ENTRY_CS     48
#define ENTRY_DS     52
#define ENTRY_ES     56
#define ENTRY_SS     60
#define ENTRY_FS     64
#define ENTRY_GS     68
#define ENTRY_TR     72
#define ENTRY_GDTR   76
#define ENTRY_IDTR   82
#define ENTRY_SIZE   88

#ifndef __ASSEMBLER__
#include <stdint.h>

struct descriptor_table {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

struct entry_state {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp;
    uint32_t eflags, cr0, cr3, cr4;
    uint32_t cs, ds, es, ss, fs, gs, tr;
    struct descriptor_table gdtr, idtr;
};

_Static_assert(sizeof(struct entry_state) == ENTRY_SIZE, "as start.S stores it");

extern struct entry_state entry_state;
extern const struct descriptor_table own_gdt;   /* what start.S loaded */
#endif
