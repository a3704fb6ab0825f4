/* The event timers, where there are some. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether there are; their counter runs then. */
bool hpet_start(void);
void hpet_stop(void);
uint64_t hpet_hz(void);
uint64_t hpet_counter(void);
