/* What long.S and the C side of it share. */
#pragma once

#define NMI 2
#define NMI_TO 0x4400           /* an ICR command, asserted: an NMI to who is named */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* A stay in 64-bit mode, begun with a command to the APIC's ICR. The tables have to be there, and the gate. */
void long_stay(uint32_t command);

/* Sets the gate of NMIs in the table that a stay has. */
void long_gate(void);

/* Page tables: two pages of pointers, four of entries that map two megabytes each. */
extern uint64_t level4[512], level3[512], level2[4 * 512];

/* How many NMIs there were, and how many when the first one's handler was about to end. */
extern volatile uint32_t long_nmis, long_nmis_within;
#endif
