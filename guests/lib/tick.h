/* A periodic tick from the 8254 timer by IRQ 0. */
#pragma once
#include <stdint.h>

#define TICK_IRQ 0
#define TICKS_PER_SECOND 100

/* Starts the timer; irq_start comes first. */
void tick_start(void);

/* Ticks so far. */
uint32_t ticks(void);

/* Sleeps through that many ticks at least. */
void wait_ticks(uint32_t count);
